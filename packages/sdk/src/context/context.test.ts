import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { encodeValue, MessageType, parseAwakeableId, type Notification } from "@holdfast/protocol";
import { z } from "zod";

import { handler, shared } from "../definition/handler.ts";
import { object } from "../definition/service.ts";
import { workflow } from "../definition/workflow.ts";
import { inProcessEndpoint } from "../endpoint/in-process.ts";
import { TerminalError } from "../errors.ts";
import { drive, errorIn, failureIn, valueOf } from "../replay/drive.contract.ts";
import { FakeEngine, INVOCATION_ID, type FakeEngineOptions } from "../replay/fake-engine.ts";
import { echo } from "../replay/replay-programs.ts";

function signal(name: string | number, value: unknown): Notification {
  const result = { kind: "value", value: encodeValue(value) } as const;
  return typeof name === "number"
    ? { type: MessageType.Signal, index: name, result }
    : { type: MessageType.Signal, signalName: name, result };
}

describe("state", () => {
  const counter = object("counter", {
    add: async (ctx, amount: number) => {
      const count = ((await ctx.state.get<number>("count")) ?? 0) + amount;
      ctx.state.set("count", count);
      return [count, await ctx.state.get("count"), await ctx.state.get("other"), await ctx.state.keys()];
    },
    read: shared({}, async (ctx) => [await ctx.state.get("count"), await ctx.state.get("count")]),
  });
  const engineFor = (options: Partial<FakeEngineOptions>): FakeEngine =>
    new FakeEngine({
      endpoint: inProcessEndpoint([counter]),
      service: "counter",
      handler: "add",
      key: "k",
      ...options,
    });

  test("that came with the attempt is answered at once, and sees the handler's own writes", async () => {
    const engine = engineFor({ input: 2, state: { count: 5 } });
    assert.deepEqual(valueOf(await engine.run()), [7, 7, undefined, ["count"]]);
    assert.ok(engine.notifications.length === 0);
  });

  test("that did not come is fetched; what was written or fetched before is not fetched again", async () => {
    const engine = engineFor({ input: 2, state: { count: 5 }, partialState: true });
    assert.deepEqual((valueOf(await engine.run()) as unknown[]).slice(0, 2), [7, 7]);
    const kinds = engine.commands.map(({ type }) => type);
    assert.equal(kinds.filter((type) => type === MessageType.GetLazyStateKeys).length, 1);
  });

  test("of a shared handler may change between two reads, so both are fetched", async () => {
    const engine = engineFor({ handler: "read", partialState: true });
    assert.deepEqual(valueOf(await engine.run()), [undefined, undefined]);
    assert.equal(engine.commands.filter(({ type }) => type === MessageType.GetLazyState).length, 2);
  });

  test("that was fetched by an earlier attempt is not what there is now: that attempt may have written since", async () => {
    const first = engineFor({ input: 2, state: { count: 5 }, partialState: true });
    await first.run();
    const written = first.journal.findIndex(({ type }) => type === MessageType.SetState);
    const journal = first.journal.slice(0, written + 1);
    const again = engineFor({ journal, state: { count: 7 }, partialState: true });
    assert.deepEqual((valueOf(await again.run()) as unknown[]).slice(0, 2), [7, 7]);
  });

  test("read on a replay is what was read then, whatever it is now", async () => {
    const first = engineFor({ input: 2, state: { count: 5 } });
    await first.run();
    const again = engineFor({ journal: first.journal.slice(0, -1), state: { count: 100 } });
    assert.deepEqual(valueOf(await again.run()), [7, 7, undefined, ["count"]]);
  });
});

describe("input and output", () => {
  const Order = z.object({ id: z.string(), count: z.number().default(1) });
  const definition = object("orders", {
    place: handler({ input: Order, output: z.object({ total: z.number() }) }, async (_ctx, order) => ({
      total: order.count * 2,
    })),
    wrong: handler(
      { output: z.object({ total: z.number() }) },
      async () => ({ total: "many" }) as unknown as { total: number },
    ),
  });
  const engineFor = (name: string, input: unknown): FakeEngine =>
    new FakeEngine({
      endpoint: inProcessEndpoint([definition]),
      service: "orders",
      handler: name,
      key: "k",
      input,
    });

  test("the handler gets what the schema makes of the input", async () => {
    assert.deepEqual(valueOf(await engineFor("place", { id: "a" }).run()), { total: 2 });
  });

  test("an input that does not fit ends the invocation with code 400 and the issues", async () => {
    const failure = failureIn(await engineFor("place", { id: 1, count: "x" }).run());
    assert.equal(failure.code, 400);
    assert.match(failure.message, /^the input does not fit orders\/place: id: .*; count: /);
    assert.match(new Map(failure.metadata).get("holdfast.data") ?? "", /"path":\["id"\]/);
  });

  test("an output that does not fit pauses the invocation", async () => {
    const error = errorIn(await engineFor("wrong", undefined).run());
    assert.match(error.message, /PauseError: the result does not fit the handler's output schema: total: /);
    assert.equal(error.behavior, 1);
  });
});

describe("promises of a workflow", () => {
  const approval = z.object({ ok: z.boolean() });
  const definition = workflow(
    "release",
    { promises: { approval } },
    async (ctx) => {
      const wait = await ctx.promise("approval").get({ timeout: "1h" });
      return wait.ok ? wait.value : [wait.reason, wait.error?.message];
    },
    {
      settle: async (ctx, ok: boolean) => ctx.promise("approval").resolve({ ok }),
      bare: async (ctx) => (await ctx.promise("approval")).ok,
      peek: async (ctx) => ctx.promise("approval").peek(),
      other: async (ctx) => (ctx as unknown as { promise(name: string): unknown }).promise("aproval"),
    },
  );
  const engineFor = (name: string, options: Partial<FakeEngineOptions> = {}): FakeEngine =>
    new FakeEngine({
      endpoint: inProcessEndpoint([definition]),
      service: "release",
      handler: name,
      key: "k",
      ...options,
    });
  const held = { kind: "value", value: encodeValue({ ok: true }) } as const;
  const refused = { kind: "failure", failure: { code: 500, message: "too late" } } as const;

  test("waiting gives the value, a rejection or a timeout, each as a value", async () => {
    assert.deepEqual(valueOf(await engineFor("run", { promises: { approval: held } }).run()), { ok: true });
    assert.deepEqual(valueOf(await engineFor("run", { promises: { approval: refused } }).run()), [
      "rejected",
      "too late",
    ]);
    const later = { choose: () => 0 };
    assert.deepEqual(valueOf(await engineFor("run", later).run()), ["timeout", undefined]);
  });

  test("awaiting it gives the value, or throws", async () => {
    assert.equal(valueOf(await engineFor("bare", { promises: { approval: held } }).run()), true);
    assert.equal(
      failureIn(await engineFor("bare", { promises: { approval: refused } }).run()).message,
      "too late",
    );
  });

  test("a payload that does not fit its schema is not taken for one", async () => {
    const wrong = { kind: "value", value: encodeValue({ ok: "yes" }) } as const;
    const failure = failureIn(await engineFor("bare", { promises: { approval: wrong } }).run());
    assert.match(failure.message, /^promise "approval" does not fit its schema: ok: /);
  });

  test("settling tells whether it was first, and what is there", async () => {
    assert.deepEqual(valueOf(await engineFor("settle", { input: true }).run()), {
      first: true,
      outcome: { ok: true, value: { ok: true } },
    });
    const second = await engineFor("settle", { input: false, promises: { approval: held } }).run();
    assert.deepEqual(valueOf(second), { first: false, outcome: { ok: true, value: { ok: true } } });
    assert.deepEqual(valueOf(await engineFor("peek").run()), { ok: false, reason: "pending" });
  });

  test("a name that is not declared is an error that lists those that are", async () => {
    const error = errorIn(await engineFor("other").run());
    assert.match(error.message, /workflow "release" declares no promise "aproval"\. It declares: approval\./);
  });
});

describe("talking to others", () => {
  test("an awakeable has an id that names it, and takes its value by schema", async () => {
    const { engine } = drive(
      async (ctx) => {
        const first = ctx.awakeable(z.object({ n: z.number() }));
        const second = ctx.awakeable<string>();
        assert.deepEqual(parseAwakeableId(second.id), { invocationId: INVOCATION_ID, signalIndex: 18 });
        return [await first.promise, await second.promise];
      },
      { engine: { signals: [signal(18, "early"), signal(17, { n: 1 })] } },
    );
    assert.deepEqual(valueOf(await engine.run()), [{ n: 1 }, "early"]);
  });

  test("signals are received once each, in order; a timeout does not take one away", async () => {
    const { engine } = drive(
      async (ctx) => {
        const late = await ctx.signal("go", { timeout: "1s" });
        return [late, await ctx.signal("go"), await ctx.signal<number>("go")];
      },
      {
        engine: {
          signals: [signal("go", 1), signal("go", 2)],
          choose: (ready) =>
            Math.max(
              0,
              ready.findIndex(({ type }) => type === MessageType.SleepCompletion),
            ),
        },
      },
    );
    // The first round has no sleep to deliver yet, so it delivers signal 1.
    const [late, second, third] = valueOf(await engine.run()) as [{ ok: boolean }, number, number];
    assert.deepEqual([late.ok ? [1, 2] : [second, third], late.ok ? second : 2], [[1, 2], 2]);
  });

  test("a call gives the callee's outcome and its id", async () => {
    const { engine } = drive(async (ctx) => {
      const call = ctx.call(echo.back, "hi", { idempotencyKey: "k", headers: { "x-a": "1" } });
      return [await call.invocationId, await call];
    });
    assert.deepEqual(valueOf(await engine.run()), ["inv_of_2", "hi"]);
    const command = engine.commands[1];
    assert.ok(command?.type === MessageType.Call);
    assert.deepEqual([command.idempotencyKey, command.headers], ["k", [["x-a", "1"]]]);
    assert.match(command.callSite ?? "", /^context\.test\.ts:\d+:\d+$/);
  });

  test("a callee's failure is thrown with its name, code and data", async () => {
    const { engine } = drive(
      async (ctx) => {
        const error = await ctx.call(echo.back, "hi").catch((thrown: unknown) => thrown);
        assert.ok(error instanceof TerminalError);
        return [error.name, error.code, error.status, error.data];
      },
      {
        engine: {
          callee: () => ({
            kind: "failure",
            failure: {
              code: 402,
              message: "declined",
              metadata: [
                ["holdfast.name", "CardError"],
                ["holdfast.code", "declined"],
                ["holdfast.data", '{"left":{"$bigint":"3"}}'],
              ],
            },
          }),
        },
      },
    );
    assert.deepEqual(valueOf(await engine.run()), ["CardError", "declined", 402, { left: 3n }]);
  });

  test("attaching and asking for output name the invocation in each way there is", async () => {
    const { engine } = drive(async (ctx) => {
      void ctx.attach(INVOCATION_ID).catch(() => {});
      void ctx.attach({ handler: echo.back, idempotencyKey: "k" }).catch(() => {});
      void ctx.output({ workflow: echo.back, key: "w" }).catch(() => {});
      await ctx.sleep("1s");
    });
    await engine.run();
    const targets = engine.commands.flatMap((command) =>
      "target" in command && typeof command.target === "object" ? [command.target] : [],
    );
    assert.deepEqual(targets, [
      { kind: "invocation", id: INVOCATION_ID },
      { kind: "idempotent", service: "echo", handler: "back", key: "", idempotencyKey: "k" },
      { kind: "workflow", service: "echo", key: "w" },
    ]);
  });
});

test("every command says which line issued it", async () => {
  const { engine } = drive(async (ctx) => {
    await ctx.run("a", () => 1);
    await ctx.sleep("1s");
    await ctx.sleep("1s");
    await ctx.call(echo.back, "x");
    await ctx.date.now();
    ctx.sendSignal("inv_other", "poke");
    await ctx.signal("go", { timeout: "2s" });
  });
  await engine.run();
  const sites = engine.commands
    .slice(1, -1)
    .map(({ callSite }) => Number(/^context\.test\.ts:(\d+):/.exec(callSite ?? "")?.[1]));
  const first = sites[0] ?? 0;
  assert.deepEqual(
    sites.map((line) => line - first),
    [0, 1, 2, 3, 4, 5, 6],
  );
});
