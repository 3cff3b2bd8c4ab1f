/** The same over version 7 of the protocol, whose waits are trees. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as restate from "@restatedev/restate-sdk";

import { serveAsLambda, serveOverHttp1, serveOverHttp2 } from "./restate-endpoint.ts";
import { semantics } from "./semantics.contract.ts";
import { OPEN, REQUEST_BY_REQUEST, SUSPENDED } from "./suite-titles.ts";
import { eventually, pause, ref, World } from "./world.contract.ts";

const settings = { restateVersionMax: 7 };

const waiting = restate.service({
  name: "waiting",
  handlers: {
    /** Sleeps that end one after the other. */
    all: async (ctx: restate.Context, count: number) => {
      const sleeps = Array.from({ length: count }, (_, index) => ctx.sleep(20 * (index + 1)));
      return (await restate.RestatePromise.all(sleeps)).length;
    },
    twice: async (ctx: restate.Context) => [await ctx.signal<string>("go"), await ctx.signal<string>("go")],
  },
});

for (const [how, serve, mode, isLambda] of [
  ["over HTTP/2", serveOverHttp2, OPEN, false],
  ["suspended at every wait", serveOverHttp2, SUSPENDED, false],
  ["over HTTP/1.1", serveOverHttp1, REQUEST_BY_REQUEST, false],
  ["as a function", serveAsLambda, REQUEST_BY_REQUEST, true],
] as const) {
  semantics(`handlers of Restate's SDK in version 7, ${how}`, serve, mode, { settings, isLambda });
}

describe("a handler in version 7 of the protocol", () => {
  it("is begun in it", async () => {
    const world = await World.open([await serveOverHttp2({ services: [waiting] })], { settings });
    const { invocationId, attach } = await world.client.send(ref<number, number>("waiting/all"), 3);
    assert.equal(await attach(), 3);
    assert.equal(world.row(invocationId).restateVersion, 7);
  });

  it("that waits for all of many is woken once for each at most", async () => {
    const always = { settings: { ...settings, inactivityTimeoutMs: 0 } };
    const world = await World.open([await serveOverHttp2({ services: [waiting] })], always);
    const count = 8;
    const { invocationId, attach } = await world.client.send(ref<number, number>("waiting/all"), count);
    assert.equal(await attach(), count);
    const { attempt } = world.row(invocationId);
    assert.ok(attempt <= count + 1, `${attempt} attempts`);
  });

  it("that waits again for a signal of the same name sleeps until there is one", async () => {
    const always = { settings: { ...settings, inactivityTimeoutMs: 0 } };
    const world = await World.open([await serveOverHttp2({ services: [waiting] })], always);
    const { invocationId, attach } = await world.client.send(ref<unknown, unknown[]>("waiting/twice"));
    const tell = async (text: string): Promise<void> => {
      await eventually(() => world.status(invocationId) === "suspended", "a suspension");
      const value = new TextEncoder().encode(JSON.stringify(text));
      const result = { kind: "value", value } as const;
      await world.propose({
        kind: "signal",
        id: invocationId,
        index: undefined,
        name: "go",
        result,
        cause: "",
      });
    };
    await tell("first");
    await eventually(() => world.row(invocationId).attempt === 2, "the second attempt");
    await eventually(() => world.status(invocationId) === "suspended", "the second suspension");
    await pause(100);
    assert.equal(world.row(invocationId).attempt, 2, "nothing wakes it that it has consumed");
    await tell("second");
    assert.deepEqual(await attach(), ["first", "second"]);
    assert.equal(world.row(invocationId).attempt, 3);
  });
});
