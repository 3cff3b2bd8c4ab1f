/** The flags of docs/hardening.md: the server does its work under them, and what they forbid is forbidden. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { handler, object, serve } from "@holdfast/sdk";
import { z } from "zod";

import { holdfast, HoldfastProcess, temporaryDirectory } from "./testing/holdfast-process.contract.ts";

const FLAGS = ["--disable-proto=throw", "--frozen-intrinsics", "--disallow-code-generation-from-strings"];

const counter = object("counter", {
  add: handler({ input: z.object({ by: z.number() }) }, async (ctx, { by }) => {
    const total = ((await ctx.state.get<number>("total")) ?? 0) + by;
    ctx.state.set("total", await ctx.run("add", () => total));
    return total;
  }),
});

test(
  "a server under the recommended flags registers, checks schemas, runs, checkpoints and starts again",
  { timeout: 60_000 },
  async () => {
    using directory = temporaryDirectory();
    const handlers = await serve({ services: [counter], port: 0, log: () => {} });
    try {
      const words = ["serve", "--data", directory.path, "--ingress-port", "0", "--admin-port", "0", "--json"];
      for (const [round, expected] of [
        [1, "3"],
        [2, "6"],
      ] as const) {
        await using server = new HoldfastProcess([...words, "--service-url", handlers.url, "--force"], {
          nodeFlags: FLAGS,
        });
        const { ingressUrl } = await server.event("ready");
        await server.event("registered");
        const call = (input: string) =>
          holdfast(["call", "counter/a/add", input, "--ingress-url", ingressUrl]);
        // The schema is checked by a library, which must not need to make code from text.
        const refused = await call('{"by":"three"}');
        assert.match(refused.stderr, /does not match|Expected|type/i, `round ${round}`);
        assert.notEqual(refused.code, 0);
        const called = await call('{"by":3}');
        assert.deepEqual([called.code, called.stdout.trim()], [0, expected], called.stderr);
        server.kill("SIGTERM");
        const ended = await server.ended;
        assert.equal(ended.code, 0, ended.stderr);
      }
    } finally {
      await handlers.close();
    }
  },
);
