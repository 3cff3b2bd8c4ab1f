/** Handlers of both SDKs that call each other. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { object, serve, service, TerminalError } from "@holdfast/sdk";
import * as restate from "@restatedev/restate-sdk";

import { serveOverHttp1, serveOverHttp2 } from "./restate-endpoint.ts";
import { services } from "./scenarios.contract.ts";
import { keyedRef, ref, World } from "./world.contract.ts";

const ours = service("ours", {
  echo: async (_ctx, value: unknown) => value,
  nothing: async () => {},
  fail: async () => {
    throw new TerminalError("ours failed");
  },
  theirs: async (ctx, text: string) => ctx.call(ref<string, string>("callers/call"), text),
  theirFailure: async (ctx) => {
    try {
      await ctx.call(ref("failing/terminally"));
      return "no failure";
    } catch (error) {
      return error instanceof TerminalError ? error.message : "another";
    }
  },
});

const box = object("box", {
  put: async (ctx, n: number) => {
    const total = ((await ctx.state.get<number>("n")) ?? 0) + n;
    ctx.state.set("n", total);
    return total;
  },
});

/** Ours, as clients of Restate's SDK know them. */
type Ours = {
  echo: (ctx: restate.Context, value: unknown) => Promise<unknown>;
  nothing: (ctx: restate.Context) => Promise<unknown>;
  fail: (ctx: restate.Context) => Promise<unknown>;
  theirs: (ctx: restate.Context, text: string) => Promise<string>;
};
type Box = { put: (ctx: restate.ObjectContext, n: number) => Promise<number> };

const bridge = restate.service({
  name: "bridge",
  handlers: {
    echo: async (ctx: restate.Context, value: unknown) =>
      ctx.serviceClient<Ours>({ name: "ours" }).echo(value),
    nothing: async (ctx: restate.Context) =>
      typeof (await ctx.serviceClient<Ours>({ name: "ours" }).nothing()),
    fail: async (ctx: restate.Context) => {
      try {
        return await ctx.serviceClient<Ours>({ name: "ours" }).fail();
      } catch (error) {
        return error instanceof restate.TerminalError ? error.message : "another";
      }
    },
    put: async (ctx: restate.Context, n: number) => ctx.objectClient<Box>({ name: "box" }, "k").put(n),
    /** To ours and from there back to its own kind. */
    round: async (ctx: restate.Context, text: string) =>
      ctx.serviceClient<Ours>({ name: "ours" }).theirs(text),
  },
});

const modes = [
  ["HTTP/2", serveOverHttp2],
  ["HTTP/1.1", serveOverHttp1],
] as const;
for (const [mode, serveTheirs] of modes) {
  describe(`handlers of Restate's SDK over ${mode} and ours`, () => {
    const open = async (): Promise<World> => {
      const theirs = await serveTheirs({ services: [...services, bridge] });
      return World.open([theirs, await serve({ services: [ours, box], port: 0, drainTimeout: "1s" })]);
    };

    it("pass each other values", async () => {
      const { client } = await open();
      const value = { list: [1, "two", null, true], text: "é \u{1f6d2}" };
      assert.deepEqual(await client.call(ref("bridge/echo"), value), value);
      assert.equal(await client.call(ref("bridge/round"), "there and back"), "there and back");
      assert.equal(await client.call(ref("bridge/nothing")), "undefined");
    });

    it("share objects", async () => {
      const { client } = await open();
      assert.equal(await client.call(ref("bridge/put"), 2), 2);
      assert.equal(await client.call(keyedRef("box/put"), "k", 3), 5);
    });

    it("catch each other's failures", async () => {
      const { client } = await open();
      assert.equal(await client.call(ref("bridge/fail")), "ours failed");
      assert.equal(await client.call(ref("ours/theirFailure")), "that was it");
    });
  });
}
