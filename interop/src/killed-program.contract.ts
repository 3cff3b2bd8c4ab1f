/**
 * The handlers that `killed-handler.process.test.ts` kills, in Restate's SDK. Takes the port to serve on and the path of a
 * ledger, to which every execution of a step is written, one write to the system each. Prints the port.
 */
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

import * as restate from "@restatedev/restate-sdk";

const [port = "0", ledgerPath = ""] = process.argv.slice(2);
const ledger = openSync(ledgerPath, "a");
const STEP_MS = 3;

const counter = restate.object({
  name: "counter",
  handlers: {
    add: async (ctx: restate.ObjectContext, by: number) => {
      const total = ((await ctx.get<number>("total")) ?? 0) + by;
      ctx.set("total", total);
      await ctx.run("tell", () => {
        writeSync(ledger, `${ctx.request().id}:tell\n`);
      });
      return total;
    },
  },
});

const flow = restate.service({
  name: "flow",
  handlers: {
    go: async (ctx: restate.Context, steps: number) => {
      let sum = 0;
      for (let step = 1; step <= steps; step++) {
        sum += await ctx.run(`step ${step}`, async () => {
          writeSync(ledger, `${ctx.request().id}:step ${step}\n`);
          await new Promise((resolve) => setTimeout(resolve, STEP_MS));
          return step;
        });
      }
      await ctx.objectClient(counter, "all").add(1);
      return sum;
    },
  },
});

const handle = restate.createEndpointHandler({ services: [counter, flow], logger: () => {} });
const server = createServer(handle);
server.listen(Number(port), "127.0.0.1", () => console.log((server.address() as AddressInfo).port));
