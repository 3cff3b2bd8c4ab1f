/** Awakeables, durable promises and signals: what is settled once, by whom, and who hears of it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkTables } from "@holdfast/engine";
import { formatAwakeableId, MessageType, type Message } from "@holdfast/protocol";
import { service, TerminalError, workflow, type Peek } from "@holdfast/sdk";
import { z } from "zod";

import { createTestEngine, type TestEngine } from "../testing.ts";
import { journalOf, refusal, request, rowOf, statusOf } from "./semantics-rig.contract.ts";

const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

const isPromiseAnswer = ({ type }: Message): boolean => type === MessageType.CompletePromiseCompletion;

/** As the ingress settles an awakeable. */
function settleAwakeable(engine: TestEngine, id: string, value: unknown): ReturnType<typeof request> {
  const result = { kind: "value", value: bytes(value) } as const;
  return request(engine, { kind: "signal", id, index: 17, name: undefined, result, cause: "ingress" });
}

describe("an awakeable", () => {
  const waiter = service("waiter", {
    wait: async (ctx, other: string | undefined) => {
      const { id, promise } = ctx.awakeable<string>();
      if (other !== undefined) await ctx.send(settler.settle, { id, how: other });
      return promise;
    },
    typed: async (ctx) => {
      const { promise } = ctx.awakeable(z.object({ cents: z.int() }));
      return promise;
    },
  });
  const settler = service("settler", {
    settle: async (ctx, { id, how }: { id: string; how: string }) => {
      if (how === "resolve") ctx.resolveAwakeable(id, "resolved");
      else ctx.rejectAwakeable(id, "rejected");
    },
  });

  it("is resolved by another handler", async () => {
    await using engine = await createTestEngine({ services: [waiter, settler] });
    assert.equal(await engine.call(waiter.wait, "resolve"), "resolved");
  });

  it("is rejected by another handler, which its waiter gets as a terminal failure", async () => {
    await using engine = await createTestEngine({ services: [waiter, settler] });
    await assert.rejects(engine.call(waiter.wait, "reject"), { message: "rejected" });
  });

  it("is settled from outside, once: who comes second changes nothing", async () => {
    await using engine = await createTestEngine({ services: [waiter, settler] });
    const handle = await engine.send(waiter.wait, undefined);
    await engine.advance("10m");
    assert.equal(statusOf(engine, handle.invocationId), "suspended");
    const both = await Promise.all([
      settleAwakeable(engine, handle.invocationId, "first"),
      settleAwakeable(engine, handle.invocationId, "second"),
    ]);
    assert.deepEqual(both, [{}, { unchanged: true }]);
    assert.equal(await handle.attach(), "first");
  });

  it("that was settled before its handler looks is not lost", async () => {
    const late = service("late", {
      wait: async (ctx) => {
        const { promise } = ctx.awakeable<string>();
        await ctx.sleep("1h");
        return promise;
      },
    });
    await using engine = await createTestEngine({ services: [late] });
    const handle = await engine.send(late.wait);
    await engine.settle();
    await settleAwakeable(engine, handle.invocationId, "early");
    await engine.advance("2h");
    assert.equal(await handle.attach(), "early");
  });

  it("of an unknown or a completed invocation is refused, and nothing comes into being", async () => {
    await using engine = await createTestEngine({ services: [waiter, settler] });
    const handle = await engine.send(waiter.wait, "resolve");
    await handle.attach();
    const signal = {
      kind: "signal",
      index: 17,
      name: undefined,
      result: { kind: "void" },
      cause: "ingress",
    } as const;
    const unknown = engine.engine.invocationIdFor({
      service: "waiter",
      handler: "wait",
      key: "",
      isRun: false,
    });
    const before = checkTables(engine.engine.tables).invocations;
    assert.match(await refusal(engine, { ...signal, id: unknown }), /invocation-not-found/);
    assert.match(await refusal(engine, { ...signal, id: handle.invocationId }), /invocation-completed/);
    assert.equal(checkTables(engine.engine.tables).invocations, before);
  });

  it("is settled by a program that has its id", async () => {
    const ids: string[] = [];
    const asker = service("asker", {
      ask: async (ctx) => {
        const { id, promise } = ctx.awakeable<{ by: string }>();
        await ctx.run("ask", () => void ids.push(id));
        return promise;
      },
    });
    await using engine = await createTestEngine({ services: [asker] });
    const [first, second] = [await engine.send(asker.ask), await engine.send(asker.ask)];
    await engine.advance("10m");
    const [yes = "", no = ""] = ids;
    assert.equal(await engine.resolveAwakeable(yes, { by: "kim" }), true);
    assert.equal(await engine.rejectAwakeable(no, "too risky"), true);
    assert.deepEqual(await first.attach(), { by: "kim" });
    await assert.rejects(second.attach(), { message: "too risky" });
    assert.equal(await engine.resolveAwakeable(no, { by: "lee" }), false, "it had been settled before");
    await assert.rejects(engine.resolveAwakeable("sign_1nonsense"), { code: "awakeable-id-invalid" });
    await assert.rejects(engine.resolveAwakeable(formatAwakeableId(first.invocationId, 1)), {
      code: "awakeable-id-invalid",
    });
    const unknown = engine.engine.invocationIdFor({
      service: "asker",
      handler: "ask",
      key: "",
      isRun: false,
    });
    await assert.rejects(engine.resolveAwakeable(formatAwakeableId(unknown, 17)), {
      code: "awakeable-not-found",
    });
  });

  it("with a schema refuses a payload that does not fit", async () => {
    await using engine = await createTestEngine({ services: [waiter, settler] });
    const handle = await engine.send(waiter.typed);
    await engine.settle();
    await settleAwakeable(engine, handle.invocationId, { cents: "many" });
    await assert.rejects(handle.attach(), { message: /cents/ });
  });
});

describe("a durable promise", () => {
  const deploy = workflow(
    "deploy",
    { promises: { approval: z.object({ by: z.string() }) }, inactivityTimeout: "1m" },
    async (ctx, patience: "1h" | "none") => {
      if (patience === "none") return (await ctx.promise("approval")).by;
      const approval = await ctx.promise("approval").get({ timeout: patience });
      return approval.ok ? approval.value.by : `not approved: ${approval.reason}`;
    },
    {
      approve: async (ctx, by: string) => ctx.promise("approval").resolve({ by }),
      refuse: async (ctx, reason: string) => ctx.promise("approval").reject(reason),
      peek: async (ctx): Promise<Peek<{ by: string }>> => ctx.promise("approval").peek(),
      wait: async (ctx) => (await ctx.promise("approval")).by,
    },
  );

  it("is resolved by a shared handler while the run waits", async () => {
    await using engine = await createTestEngine({ services: [deploy] });
    const handle = await engine.send(deploy, "d1", "none");
    await engine.advance("10m");
    assert.equal(statusOf(engine, handle.invocationId), "suspended");
    const settled = await engine.call(deploy.handlers.approve, "d1", "kim");
    assert.deepEqual(settled, { first: true, outcome: { ok: true, value: { by: "kim" } } });
    assert.equal(await handle.attach(), "kim");
  });

  it("that was resolved before the wait gives its value at once", async () => {
    await using engine = await createTestEngine({ services: [deploy] });
    await engine.call(deploy.handlers.approve, "d1", "kim");
    assert.equal(await (await engine.send(deploy, "d1", "none")).attach(), "kim");
  });

  it("answers a second resolve with what is there", async () => {
    await using engine = await createTestEngine({ services: [deploy] });
    await engine.call(deploy.handlers.approve, "d1", "kim");
    const second = await engine.call(deploy.handlers.refuse, "d1", "too risky");
    assert.deepEqual(second, { first: false, outcome: { ok: true, value: { by: "kim" } } });
  });

  it("that is rejected throws a terminal failure at the wait, and is seen as rejected", async () => {
    await using engine = await createTestEngine({ services: [deploy] });
    const handle = await engine.send(deploy, "d1", "none");
    await engine.call(deploy.handlers.refuse, "d1", "too risky");
    await assert.rejects(handle.attach(), { message: "too risky" });
    const peeked = await engine.call(deploy.handlers.peek, "d1");
    assert.equal(peeked.ok ? "" : peeked.reason, "rejected");
  });

  it("is seen as pending before it is settled", async () => {
    await using engine = await createTestEngine({ services: [deploy] });
    await engine.send(deploy, "d1", "none");
    const peeked = await engine.call(deploy.handlers.peek, "d1");
    assert.deepEqual(peeked, { ok: false, reason: "pending" });
  });

  it("wakes every handler that waits for it", async () => {
    await using engine = await createTestEngine({ services: [deploy] });
    const run = await engine.send(deploy, "d1", "none");
    const others = await Promise.all([1, 2, 3].map(() => engine.send(deploy.handlers.wait, "d1")));
    await engine.advance("10m");
    await engine.promise(deploy, "d1", "approval").resolve({ by: "kim" });
    assert.deepEqual(await Promise.all([run, ...others].map((handle) => handle.attach())), [
      "kim",
      "kim",
      "kim",
      "kim",
    ]);
  });

  it("is given up after its timeout, and what comes later does not hurt", async () => {
    await using engine = await createTestEngine({ services: [deploy] });
    const handle = await engine.send(deploy, "d1", "1h");
    await engine.advance("61m");
    assert.equal(await handle.attach(), "not approved: timeout");
    await assert.rejects(engine.promise(deploy, "d1", "approval").resolve({ by: "kim" }), {
      code: "workflow-completed",
    });
  });

  it("is closed when its workflow has completed: whoever still waits is told, and whoever settles it as well", async () => {
    await using engine = await createTestEngine({ services: [deploy] });
    const waiting = await engine.send(deploy.handlers.wait, "d1");
    await engine.send(deploy, "d1", "1h");
    await engine.advance("2h");
    await assert.rejects(waiting.attach(), {
      status: 409,
      message: /has completed: its promises are closed/,
    });
    await assert.rejects(engine.call(deploy.handlers.wait, "d1"), { status: 409, message: /closed/ });
    const late = await engine.send(deploy.handlers.approve, "d1", "kim");
    assert.equal((await late.attach()).first, false);
    const answer = journalOf(engine, late.invocationId).find(isPromiseAnswer);
    assert.match(JSON.stringify(answer), /workflow-completed/);
  });

  it("is settled and looked at from outside", async () => {
    await using engine = await createTestEngine({ services: [deploy] });
    const promise = engine.promise(deploy, "d1", "approval");
    await assert.rejects(promise.resolve({ by: "kim" }), { code: "promise-not-found" });
    const handle = await engine.send(deploy, "d1", "none");
    assert.equal(promise.peek(), undefined);
    assert.equal(await promise.resolve({ by: "kim" }), true);
    assert.equal(await promise.resolve({ by: "lee" }), false);
    assert.equal(await promise.reject("no"), false);
    assert.deepEqual(promise.peek(), { value: { by: "kim" } });
    assert.equal(await handle.attach(), "kim");
  });

  it("keeps its value across a crash", async () => {
    const first = await createTestEngine({ services: [deploy] });
    const { invocationId } = await first.send(deploy, "d1", "none");
    await first.promise(deploy, "d1", "approval").resolve({ by: "kim" });
    await using engine = await first.restart();
    assert.equal(await engine.handle(invocationId).attach(), "kim");
    assert.deepEqual(engine.promise(deploy, "d1", "approval").peek(), { value: { by: "kim" } });
  });
});

describe("a signal", () => {
  const listener = service("listener", {
    two: async (ctx) => [await ctx.signal<number>("tick"), await ctx.signal<number>("tick")],
    timed: async (ctx) => ctx.signal<number>("tick", { timeout: "1h" }),
    other: async (ctx, { id, values }: { id: string; values: number[] }) => {
      for (const value of values) ctx.sendSignal(id, "tick", value);
    },
  });

  it("is received once each, in the order of arrival, whether it comes before the wait or during it", async () => {
    await using engine = await createTestEngine({ services: [listener] });
    const handle = await engine.send(listener.two);
    await engine.call(listener.other, { id: handle.invocationId, values: [1, 2, 3] });
    assert.deepEqual(await handle.attach(), [1, 2]);
  });

  it("wakes a suspended handler", async () => {
    await using engine = await createTestEngine({ services: [listener] });
    const handle = await engine.send(listener.two);
    for (const value of [1, 2]) {
      await engine.advance("10m");
      assert.equal(statusOf(engine, handle.invocationId), "suspended");
      await engine.call(listener.other, { id: handle.invocationId, values: [value] });
    }
    assert.deepEqual(await handle.attach(), [1, 2]);
    assert.equal(rowOf(engine, handle.invocationId).attempt, 3);
  });

  it("of another name does not count", async () => {
    await using engine = await createTestEngine({ services: [listener] });
    const handle = await engine.send(listener.timed);
    const signal = { kind: "signal", index: undefined, result: { kind: "void" }, cause: "test" } as const;
    await request(engine, { ...signal, id: handle.invocationId, name: "tock" });
    await engine.advance("2h");
    assert.deepEqual(await handle.attach(), { ok: false, reason: "timeout" });
  });

  it("to an invocation that has ended is lost without harm to its sender", async () => {
    await using engine = await createTestEngine({ services: [listener] });
    const handle = await engine.send(listener.other, { id: "inv_1nobody", values: [1] });
    await engine.settle();
    assert.ok(["completed", "paused"].includes(statusOf(engine, handle.invocationId)));
    assert.deepEqual(checkTables(engine.engine.tables).problems, []);
  });
});

describe("attach and output", () => {
  const work = service("work", {
    slow: async (ctx, fails: boolean) => {
      await ctx.sleep("1h");
      if (fails) throw new TerminalError("went wrong", { status: 422 });
      return "done";
    },
  });
  const looker = service("looker", {
    attach: async (ctx, id: string) => ctx.attach(id),
    output: async (ctx, id: string) => ctx.output<string>(id),
    byKey: async (ctx, idempotencyKey: string) => ctx.attach({ handler: work.slow, idempotencyKey }),
  });

  it("wait for the outcome, or look without waiting", async () => {
    await using engine = await createTestEngine({ services: [work, looker] });
    const { invocationId } = await engine.send(work.slow, false);
    const attached = [engine.call(looker.attach, invocationId), engine.call(looker.attach, invocationId)];
    assert.equal(await engine.call(looker.output, invocationId), undefined);
    await engine.advance("1h");
    assert.deepEqual(await Promise.all(attached), ["done", "done"]);
    assert.deepEqual(await engine.call(looker.output, invocationId), { value: "done" });
    assert.equal(await engine.call(looker.attach, invocationId), "done");
  });

  it("pass a failure on", async () => {
    await using engine = await createTestEngine({ services: [work, looker] });
    const { invocationId } = await engine.send(work.slow, true);
    const attached = assert.rejects(engine.call(looker.attach, invocationId), {
      status: 422,
      message: "went wrong",
    });
    await engine.advance("1h");
    await attached;
    await assert.rejects(engine.call(looker.output, invocationId), { status: 422, message: "went wrong" });
  });

  it("find an invocation by its idempotency key", async () => {
    await using engine = await createTestEngine({ services: [work, looker] });
    await engine.send(work.slow, false, { idempotencyKey: "order 7" });
    const attached = engine.call(looker.byKey, "order 7");
    await engine.advance("1h");
    assert.equal(await attached, "done");
    await assert.rejects(engine.call(looker.byKey, "order 8"), { status: 404 });
  });

  it("of an id that does not exist fail with 404", async () => {
    await using engine = await createTestEngine({ services: [work, looker] });
    const unknown = engine.engine.invocationIdFor({
      service: "work",
      handler: "slow",
      key: "",
      isRun: false,
    });
    await assert.rejects(engine.call(looker.attach, unknown), { status: 404 });
    await assert.rejects(engine.call(looker.output, unknown), { status: 404 });
  });

  it("from outside of an id that does not exist names the id", async () => {
    await using engine = await createTestEngine({ services: [work] });
    await assert.rejects(engine.handle("inv_1gone").attach(), {
      code: "invocation-not-found",
      message: 'Invocation "inv_1gone" does not exist',
    });
  });
});
