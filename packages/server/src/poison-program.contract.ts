/**
 * The program that `poison.security.process.test.ts` starts again and again. One of its invocations kills it, a moment after
 * it began; the others take longer than that for their step. Ends with 0 when all is settled.
 *
 * Arguments: directory, and how many others there are.
 */
import { setTimeout as wait } from "node:timers/promises";

import { service } from "@holdfast/sdk";

import { Holdfast } from "./embedded.ts";

const [dir = "", others = "0"] = process.argv.slice(2);
/** Until the marked one kills the process. */
const FUSE_MS = 30;
/** Longer than the fuse, so that nobody finishes a step as long as the marked one runs beside it. */
const STEP_MS = 200;
const HOLD_MS = 500;

const worker = service("worker", {
  work: async (ctx, name: string) =>
    ctx.run("step", async () => {
      if (name === "poison") {
        await wait(FUSE_MS);
        process.kill(process.pid, "SIGKILL");
      }
      await wait(STEP_MS);
      return name;
    }),
});

const engine = await Holdfast.open({
  dir,
  services: [worker],
  limits: { crashesMax: 2, crashHoldMs: HOLD_MS },
  onWarning: (message) => console.error(message),
});
const names = ["poison", ...Array.from({ length: Number(others) }, (_, index) => `other ${index}`)];
const handles = await Promise.all(
  names.map((name) => engine.send(worker.work, name, { idempotencyKey: name })),
);
const { tables } = engine.engine;
const statusOf = (id: string): string => tables.invocations.get(id)?.status ?? "gone";
const isSettled = (id: string): boolean => ["completed", "paused"].includes(statusOf(id));
while (!handles.every(({ invocationId }) => isSettled(invocationId))) await wait(10);
const [poison] = handles;
const events = tables.invocations.get(poison?.invocationId ?? "")?.events ?? [];
console.log(
  JSON.stringify({
    statuses: Object.fromEntries(
      names.map((name, index) => [name, statusOf(handles[index]?.invocationId ?? "")]),
    ),
    reason: events.at(-1)?.message,
  }),
);
await engine.close();
