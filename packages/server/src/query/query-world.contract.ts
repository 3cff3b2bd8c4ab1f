/** Services whose invocations come into every status there is, and stay there. */
import type { TestContext } from "node:test";

import { handler, object, service, TerminalError, workflow, type Servable } from "@holdfast/sdk";
import { z } from "zod";

import { QueryRig } from "./query-rig.contract.ts";

/** An attempt that is under way. */
const forever = new Promise<string>(() => undefined);

const counter = object("counter", {
  add: async (ctx, amount: number) => {
    ctx.state.set("total", amount);
    ctx.state.set("note", "ünï");
    return amount;
  },
  hold: async (ctx) => ctx.run("held", () => forever),
});

const flow = service("flow", {
  greet: async (ctx, name: string) => {
    const greeting = await ctx.run("greeting", () => `hello ${name}`);
    await ctx.sleep("1ms", "pause");
    return greeting;
  },
  refuse: async (): Promise<string> => {
    throw new TerminalError("not today", { code: 409 });
  },
  forward: async (ctx) => ctx.call(counter.add, "forwarded", 7),
  hang: async (ctx) => ctx.run("stuck", () => forever),
  nap: async (ctx) => ctx.sleep("10h"),
  stumble: handler({ retry: { initial: "1h", max: "1h" } }, async (ctx) => {
    await ctx.run("first", () => 1);
    throw new Error("not yet");
  }),
  giveUp: handler({ retry: { attempts: 1 } }, async () => {
    throw new Error("no way");
  }),
  later: async () => 1,
});

const approval = workflow(
  "approval",
  { promises: { decision: z.string(), reason: z.string() } },
  async (ctx) => ctx.promise("decision"),
  {},
);

export const worldServices: readonly Servable[] = [flow, counter, approval];

export type World = {
  readonly rig: QueryRig;
  /** Of each invocation, by what became of it. */
  readonly ids: {
    readonly success: string;
    readonly failure: string;
    readonly forwarding: string;
    readonly running: string;
    readonly suspended: string;
    readonly backingOff: string;
    readonly paused: string;
    readonly scheduled: string;
    readonly holding: string;
    readonly queued: string;
    readonly workflow: string;
  };
};

export async function startWorld(t: Pick<TestContext, "after">): Promise<World> {
  const rig = await QueryRig.start(t, worldServices, { "session.inactivityTimeout": "50ms" });
  const started = async (path: string, status: string, input: unknown = null): Promise<string> => {
    const id = await rig.send(path, input);
    await rig.until(id, status);
    return id;
  };
  const holding = await started("/counter/k/hold", "running");
  const ids = {
    success: await started("/flow/greet", "completed", "Ada"),
    failure: await started("/flow/refuse", "completed"),
    forwarding: await started("/flow/forward", "completed"),
    running: await started("/flow/hang", "running"),
    suspended: await started("/flow/nap", "suspended"),
    backingOff: await started("/flow/stumble", "backing-off"),
    paused: await started("/flow/giveUp", "paused"),
    scheduled: await rig.send("/flow/later", null, "?delay=1h"),
    holding,
    queued: await started("/counter/k/add", "queued", 1),
    workflow: await started("/approval/a1/run", "suspended"),
  };
  return { rig, ids };
}
