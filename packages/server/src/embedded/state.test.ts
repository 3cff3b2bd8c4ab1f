/** State of objects and workflows: reading, writing, and what of it survives what. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { object, service, shared, type SharedContext } from "@holdfast/sdk";
import { z } from "zod";

import { createTestEngine, type TestEngine } from "../testing.ts";
import { refusal, request, rowOf, statusOf } from "./semantics-rig.contract.ts";

for (const lazyState of [false, true]) {
  describe(`state that is sent ${lazyState ? "on demand" : "with each attempt"}`, () => {
    const store = object(
      "store",
      { lazyState },
      {
        set: async (ctx, entries: Record<string, unknown>) => {
          for (const [key, value] of Object.entries(entries)) ctx.state.set(key, value);
        },
        get: async (ctx, key: string) => ctx.state.get(key),
        keys: async (ctx) => ctx.state.keys(),
        clear: async (ctx, key: string) => ctx.state.clear(key),
        clearAll: async (ctx) => ctx.state.clearAll(),
        readOwnWrites: async (ctx) => {
          const seen: unknown[] = [await ctx.state.get("n")];
          ctx.state.set("n", 1);
          seen.push(await ctx.state.get("n"));
          ctx.state.clear("n");
          seen.push(await ctx.state.get("n"), await ctx.state.keys());
          ctx.state.set("m", 2);
          ctx.state.clearAll();
          seen.push(await ctx.state.get("m"), await ctx.state.keys());
          ctx.state.set("last", 3);
          return [...seen, await ctx.state.keys()];
        },
        incrementAndFail: async (ctx, attemptsThatFail: number) => {
          const n = ((await ctx.state.get<number>("n")) ?? 0) + 1;
          ctx.state.set("n", n);
          await ctx.run("recorded", () => {});
          const again = await ctx.state.get<number>("n");
          if (ctx.attempt <= attemptsThatFail) throw new Error("after the write");
          return [n, again];
        },
        readAfterSleep: async (ctx) => {
          const before = await ctx.state.get("n");
          ctx.state.set("n", 1);
          await ctx.sleep("1h");
          return [before, await ctx.state.get("n")];
        },
        clearWhileReading: async (ctx) => {
          ctx.state.set("other", 1);
          const reading = ctx.state.get("n");
          ctx.state.clearAll();
          return [await reading, await ctx.state.get("n")];
        },
        total: shared({}, async (ctx: SharedContext) => ctx.state.get("n")),
      },
    );

    it("is read as it was written, by later invocations of the same key only", async () => {
      await using engine = await createTestEngine({ services: [store] });
      const value = { at: new Date(5), list: [1n, undefined], text: "ü" };
      await engine.call(store.set, "a", { value });
      assert.deepEqual(await engine.call(store.get, "a", "value"), value);
      assert.equal(await engine.call(store.get, "a", "other"), undefined);
      assert.equal(await engine.call(store.get, "b", "value"), undefined);
    });

    it("lists its keys in order, clears one, and clears all", async () => {
      await using engine = await createTestEngine({ services: [store] });
      await engine.call(store.set, "a", { z: 1, b: 2, a: 3 });
      assert.deepEqual(await engine.call(store.keys, "a"), ["a", "b", "z"]);
      await engine.call(store.clear, "a", "b");
      await engine.call(store.clear, "a", "never there");
      assert.deepEqual(await engine.call(store.keys, "a"), ["a", "z"]);
      await engine.call(store.clearAll, "a");
      assert.deepEqual(await engine.call(store.keys, "a"), []);
    });

    it("is read by the handler that writes it as it wrote it", async () => {
      await using engine = await createTestEngine({ services: [store] });
      const seen = await engine.call(store.readOwnWrites, "a");
      assert.deepEqual(seen, [undefined, 1, undefined, [], undefined, [], ["last"]]);
    });

    it("is read as it was written before a suspension, although an earlier read is replayed", async () => {
      await using engine = await createTestEngine({ services: [store] });
      const outcome = engine.call(store.readAfterSleep, "a");
      await engine.advance("2h");
      assert.deepEqual(await outcome, [undefined, 1]);
    });

    it("is gone once it was cleared, although a read from before comes in later", async () => {
      await using engine = await createTestEngine({ services: [store] });
      await engine.call(store.set, "a", { n: 7 });
      assert.deepEqual(await engine.call(store.clearWhileReading, "a"), [7, undefined]);
    });

    it("is written once, however many attempts the handler takes", async () => {
      await using engine = await createTestEngine({ services: [store] });
      const handle = await engine.send(store.incrementAndFail, "a", 3);
      await engine.advance("1m");
      assert.deepEqual(await handle.attach(), [1, 1]);
      assert.equal(await engine.call(store.total, "a"), 1);
    });

    it("survives crashes, with checkpoints and without", async () => {
      let engine = await createTestEngine({ services: [store] });
      for (let n = 1; n <= 6; n++) {
        await engine.send(store.incrementAndFail, "a", 0);
        await engine.settle();
        if (n % 2 === 0) await engine.engine.checkpoint();
        engine = await engine.restart();
      }
      assert.equal(await engine.call(store.total, "a"), 6);
      await engine.close();
    });
  });
}

describe("state with a schema", () => {
  it("is read back as what it is declared to be", async () => {
    const account = object(
      "account",
      { state: { cents: z.int() } },
      {
        put: async (ctx, cents: number) => ctx.state.set("cents", cents),
        get: async (ctx) => ctx.state.get("cents"),
      },
    );
    await using engine = await createTestEngine({ services: [account] });
    await engine.call(account.put, "a", 5);
    assert.equal(await engine.call(account.get, "a"), 5);
  });
});

describe("limits of state", () => {
  const store = object("store", {
    set: async (ctx, { key, size }: { key: string; size: number }) => ctx.state.set(key, "x".repeat(size)),
    keys: async (ctx) => ctx.state.keys(),
  });
  const open = (): Promise<TestEngine> =>
    createTestEngine({ services: [store], settings: { stateValueBytesMax: 1_000, stateBytesMax: 2_500 } });

  it("one value larger than stateValueBytesMax pauses its invocation with the name of the limit", async () => {
    await using engine = await open();
    const { invocationId } = await engine.send(store.set, "a", { key: "k", size: 1_500 });
    await engine.settle();
    assert.equal(statusOf(engine, invocationId), "paused");
    assert.match(
      rowOf(engine, invocationId).events.at(-1)?.message ?? "",
      /limit stateValueBytesMax is 1000/,
    );
    assert.equal(rowOf(engine, invocationId).events.at(-1)?.code, "message-too-large");
  });

  it("all values together larger than stateBytesMax pause it as well; replacing a value is not growth", async () => {
    await using engine = await open();
    for (const key of ["a", "b", "a", "b", "a"]) await engine.call(store.set, "o", { key, size: 900 });
    const { invocationId } = await engine.send(store.set, "o", { key: "c", size: 900 });
    await engine.settle();
    assert.match(rowOf(engine, invocationId).events.at(-1)?.message ?? "", /limit stateBytesMax is 2500/);
    assert.equal(statusOf(engine, invocationId), "paused");
    await engine.engine.propose({ kind: "kill", id: invocationId });
    assert.deepEqual(await engine.call(store.keys, "o"), ["a", "b"]);
  });
});

describe("state changed by an operator", () => {
  const counter = object("counter", { get: async (ctx) => ctx.state.get("n") });
  const plain = service("plain", { go: async () => {} });
  const patch = (expectedVersion: number, n: number) =>
    ({
      kind: "patch-state",
      service: "counter",
      key: "a",
      expectedVersion,
      entries: [["n", new TextEncoder().encode(String(n))]],
    }) as const;

  it("is replaced as a whole, and only over the version the operator has seen", async () => {
    await using engine = await createTestEngine({ services: [counter] });
    assert.deepEqual(await request(engine, patch(0, 1)), { version: 1 });
    assert.match(await refusal(engine, patch(0, 2)), /state-version-conflict: .* has version 1, not 0/);
    assert.equal(await engine.call(counter.get, "a"), 1);
    assert.deepEqual(await request(engine, patch(-1, 3)), { version: 2 });
    assert.equal(await engine.call(counter.get, "a"), 3);
  });

  it("is refused where there is none", async () => {
    await using engine = await createTestEngine({ services: [plain] });
    assert.match(await refusal(engine, { ...patch(-1, 1), service: "plain" }), /state-not-allowed/);
    assert.match(await refusal(engine, { ...patch(-1, 1), service: "nobody" }), /service-not-found/);
  });
});
