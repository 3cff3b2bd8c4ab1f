/** What is killed with a handler of Restate's SDK. */
import assert from "node:assert/strict";
import { it } from "node:test";

import * as restate from "@restatedev/restate-sdk";

import { serveOverHttp2 } from "./restate-endpoint.ts";
import { eventually, ref, World } from "./world.contract.ts";

const family = restate.service({
  name: "family",
  handlers: {
    /** Sends to as many generations, and then waits for nothing that will come. */
    begin: async (ctx: restate.Context, generations: number): Promise<string> => {
      if (generations > 0) {
        ctx.genericSend({
          service: "family",
          method: "begin",
          parameter: new TextEncoder().encode(String(generations - 1)),
        });
      }
      return ctx.awakeable<string>().promise;
    },
  },
});

it("a kill of a handler of Restate's SDK ends all that it sent to, and what those sent to", async () => {
  const world = await World.open([await serveOverHttp2({ services: [family] })]);
  const { invocationId } = await world.client.send(ref<number, string>("family/begin"), 2);
  const rows = () => [...world.engine.tables.invocations.all()].map(([, row]) => row);
  await eventually(() => rows().filter(({ attempt }) => attempt > 0).length === 3, "three generations");
  await world.propose({ kind: "kill", id: invocationId });
  for (const { result } of rows())
    assert.deepEqual(result, { kind: "failure", failure: { code: 409, message: "killed" } });
});
