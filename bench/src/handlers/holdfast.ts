/** The handlers of the benchmark, served to Holdfast. Arguments: host and port of the ingress. */
import { object, serve, service, workflow } from "@holdfast/sdk";

import { startControl } from "./control.ts";
import { createResolver } from "./resolver.ts";
import { longRun } from "./timing.ts";

const FAN_CALLS = 100;

const [host = "", port = ""] = process.argv.slice(2);
process.on("disconnect", () => process.exit());

const control = await startControl();
const resolver = createResolver({ host, port: Number(port) });

const target = service("target", {
  answer: async () => "ok",
});

const bench = service("bench", {
  empty: async () => "ok",
  echo: async (_ctx, value: string) => value,
  relay: (ctx) => ctx.call(target.answer),
  note: async () => control.count("note"),
  nap: async (ctx) => {
    await ctx.sleep("1ms");
    return "ok";
  },
  fan: async (ctx) => {
    const answers = await Promise.all(Array.from({ length: FAN_CALLS }, () => ctx.call(target.answer)));
    return answers.filter((answer) => answer === "ok").length;
  },
  wait: async (ctx) => {
    const { id, promise } = ctx.awakeable<string>();
    await ctx.run("publish", () => resolver.resolve(id));
    return promise;
  },
  sleeper: async (ctx, [ms, key]: readonly [ms: number, key: string]) => {
    await ctx.sleep(`${ms}ms`);
    control.count("woken", key);
  },
});

const flow = workflow("flow", {}, async (ctx, steps: number) => {
  let sum = 0;
  for (let step = 1; step <= steps; step++) sum += await ctx.run("step", () => step);
  return sum;
});

const counter = object("counter", {
  add: async (ctx) => {
    const count = ((await ctx.state.get<number>("count")) ?? 0) + 1;
    ctx.state.set("count", count);
    return count;
  },
});

/** It is suspended, and so replayed when it is woken, after a short silence. */
const long = workflow("long", { inactivityTimeout: "1s" }, async (ctx, steps: number) => {
  const run = longRun(control, ctx.key, steps, ctx.attempt > 1);
  for (let step = 1; step <= steps; step++) {
    await ctx.run("step", () => step);
    run.passed(step);
  }
  const { id, promise } = ctx.awakeable<string>();
  await ctx.run("publish", () => control.note(`awakeable ${ctx.key}`, id));
  return promise;
});

const endpoint = await serve({ services: [target, bench, flow, counter, long], port: 0 });
process.send?.({ url: endpoint.url, controlPort: control.port });
