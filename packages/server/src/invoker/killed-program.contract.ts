/**
 * The handlers that `killed-handler.process.test.ts` kills. Prints the port it serves on; writes every execution of a step to
 * a ledger, one write to the system each.
 */
import { openSync, writeSync } from "node:fs";

import { object, serve, service } from "@holdfast/sdk";

const [ledgerPath = ""] = process.argv.slice(2);
const ledger = openSync(ledgerPath, "a");

const counter = object("counter", {
  add: async (ctx, by: number) => {
    const count = ((await ctx.state.get<number>("count")) ?? 0) + by;
    ctx.state.set("count", count);
    return ctx.run("tell", ({ idempotencyKey }) => {
      writeSync(ledger, `${idempotencyKey}\n`);
      return count;
    });
  },
});

const flow = service("flow", {
  go: async (ctx, steps: number) => {
    let sum = 0;
    for (let i = 1; i <= steps; i++) {
      sum += await ctx.run(`step ${i}`, async ({ idempotencyKey }) => {
        writeSync(ledger, `${idempotencyKey}\n`);
        await new Promise((resolve) => setTimeout(resolve, 3));
        return i;
      });
    }
    await ctx.call(counter.add, "all", 1);
    return sum;
  },
});

const served = await serve({ services: [counter, flow], port: 0 });
console.log(served.port);
