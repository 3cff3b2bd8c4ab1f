// The handlers of the benchmark, served to Restate. Arguments: host and port of the ingress.
// Word for word what ../src/handlers/holdfast.ts does.

import { createServer } from "node:http2";

import * as restate from "@restatedev/restate-sdk";

import { startControl } from "../src/handlers/control.ts";
import { createResolver } from "../src/handlers/resolver.ts";
import { longRun } from "../src/handlers/timing.ts";

const FAN_CALLS = 100;

const [host = "", port = ""] = process.argv.slice(2);
process.on("disconnect", () => process.exit());

const control = await startControl();
const resolver = createResolver({ host, port: Number(port) });

const target = restate.service({
  name: "target",
  handlers: { answer: async () => "ok" },
});

const bench = restate.service({
  name: "bench",
  handlers: {
    empty: async () => "ok",
    echo: async (_ctx, value) => value,
    relay: (ctx) => ctx.serviceClient(target).answer(),
    note: async () => control.count("note"),
    nap: async (ctx) => {
      await ctx.sleep(1);
      return "ok";
    },
    fan: async (ctx) => {
      const calls = Array.from({ length: FAN_CALLS }, () => ctx.serviceClient(target).answer());
      const answers = await restate.RestatePromise.all(calls);
      return answers.filter((answer) => answer === "ok").length;
    },
    wait: async (ctx) => {
      const { id, promise } = ctx.awakeable();
      await ctx.run("publish", () => resolver.resolve(id));
      return promise;
    },
    // Holdfast gives up the attempt of a handler that sleeps for long at once; Restate does after this much silence.
    sleeper: restate.createServiceHandler(
      { inactivityTimeout: { milliseconds: 100 } },
      async (ctx, [ms, key]) => {
        await ctx.sleep(ms);
        control.count("woken", key);
      },
    ),
  },
});

const flow = restate.workflow({
  name: "flow",
  handlers: {
    run: async (ctx, steps) => {
      let sum = 0;
      for (let step = 1; step <= steps; step++) sum += await ctx.run("step", () => step);
      return sum;
    },
  },
});

const counter = restate.object({
  name: "counter",
  handlers: {
    add: async (ctx) => {
      const count = ((await ctx.get("count")) ?? 0) + 1;
      ctx.set("count", count);
      return count;
    },
  },
});

/** Keys whose handler has been entered before: Restate does not tell a handler which attempt it is. */
const entered = new Set();

const long = restate.workflow({
  name: "long",
  options: { inactivityTimeout: { seconds: 1 } },
  handlers: {
    run: async (ctx, steps) => {
      const run = longRun(control, ctx.key, steps, entered.has(ctx.key));
      entered.add(ctx.key);
      for (let step = 1; step <= steps; step++) {
        await ctx.run("step", () => step);
        run.passed(step);
      }
      const { id, promise } = ctx.awakeable();
      await ctx.run("publish", () => control.note(`awakeable ${ctx.key}`, id));
      return promise;
    },
  },
});

const server = createServer(
  restate.createEndpointHandler({ services: [target, bench, flow, counter, long] }),
);
server.listen(0, "127.0.0.1", () =>
  process.send?.({ url: `http://127.0.0.1:${server.address().port}`, controlPort: control.port }),
);
