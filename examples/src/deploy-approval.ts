// A deployment that waits for a person: build, migrate, ask, switch, and remove the old revision three days later. When
// it is rejected, or nobody answers for a day, the migration is taken back.

import { handler, service, TerminalError, workflow } from "@holdfast/sdk";
import { z } from "zod";

import { build, destroy, migrate, notify, rollbackDatabase, switchBack, switchTraffic } from "./cloud.ts";

const Revision = z.object({ app: z.string(), rev: z.string() });
const Deployment = Revision.extend({ prev: z.string().optional() });

export const cleanup = service("cleanup", {
  remove: handler({ input: Revision }, (ctx, r) => ctx.run("destroy", () => destroy(r.app, r.rev))),
});

export const deploy = workflow(
  "deploy",
  {
    input: Deployment,
    promises: { approval: z.object({ ok: z.boolean() }) },
    key: (d) => `${d.app}@${d.rev}`,
    retry: { attempts: 5, initial: "500ms" },
  },
  async (ctx, d) => {
    const { image } = await ctx.run("build", () => build(d));
    await ctx.run("migrate", () => migrate(d, image), { undo: () => rollbackDatabase(d) });
    await ctx.run("notify", () => notify(d.app, d.rev));
    const approval = await ctx.promise("approval").get({ timeout: "24h" });
    if (!approval.ok || !approval.value.ok) throw new TerminalError("not approved");
    await ctx.run("switch", () => switchTraffic(d, image), { undo: () => switchBack(d) });
    if (d.prev === undefined) return;
    const old = { app: d.app, rev: d.prev };
    await ctx.send(cleanup.remove, old, { delay: "3d", id: `cleanup:${old.app}@${old.rev}` });
  },
);
