/** Waiting: sleeps, delayed sends and their handles, and what an invocation costs while it waits. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkTables } from "@holdfast/engine";
import { FIRST_AWAKEABLE_SIGNAL } from "@holdfast/protocol";
import { handler, object, service, workflow, type Context } from "@holdfast/sdk";
import { z } from "zod";

import { createTestEngine } from "../testing.ts";
import { Gate, refusal, request, rowOf, statusOf } from "./semantics-rig.contract.ts";

const mail = service("mail", {
  send: async (ctx, to: string) => `sent to ${to} by ${ctx.invocationId.slice(0, 4)}`,
});

describe("a sleep", () => {
  it("ends at its time, not before", async () => {
    const sleeper = service("sleeper", { nap: async (ctx) => ctx.sleep("3d") });
    await using engine = await createTestEngine({ services: [sleeper] });
    const { invocationId } = await engine.send(sleeper.nap);
    await engine.advance(3 * 86_400_000 - 1);
    assert.equal(statusOf(engine, invocationId), "suspended");
    await engine.advance(1);
    assert.equal(statusOf(engine, invocationId), "completed");
  });

  it("that is long suspends the handler at once; a short one does not", async () => {
    const sleeper = service("sleeper", {
      long: async (ctx) => ctx.sleep("1h"),
      short: async (ctx) => ctx.sleep("1s"),
    });
    await using engine = await createTestEngine({ services: [sleeper] });
    const long = await engine.send(sleeper.long);
    const short = await engine.send(sleeper.short);
    await engine.settle();
    assert.equal(statusOf(engine, long.invocationId), "suspended");
    assert.equal(statusOf(engine, short.invocationId), "running");
    await engine.advance("1s");
    assert.equal(rowOf(engine, short.invocationId).attempt, 1);
  });

  it("keeps its wake-up time across a crash", async () => {
    const sleeper = service("sleeper", { nap: async (ctx) => ctx.sleep("1h") });
    const first = await createTestEngine({ services: [sleeper] });
    const { invocationId } = await first.send(sleeper.nap);
    await first.advance("30m");
    await using engine = await first.restart();
    await engine.advance(30 * 60_000 - 1);
    assert.equal(statusOf(engine, invocationId), "suspended");
    await engine.advance(1);
    assert.equal(statusOf(engine, invocationId), "completed");
  });

  it("that ended while the engine was down ends when it is back", async () => {
    const sleeper = service("sleeper", { nap: async (ctx) => ctx.sleep("1h") });
    const first = await createTestEngine({ services: [sleeper] });
    const { invocationId } = await first.send(sleeper.nap);
    await first.settle();
    first.engine.abandon();
    first.clock.step(first.clock.now() + 86_400_000 - 1);
    await using engine = await first.restart();
    await engine.advance(1);
    assert.equal(statusOf(engine, invocationId), "completed");
  });

  it("in a race with another ends in the same order on every replay", async () => {
    let attempts = 0;
    const racer = service("racer", {
      race: async (ctx) => {
        attempts += 1;
        const names = ["c", "a", "b"];
        const waits = names.map((name, i) => ctx.sleep(`${[30, 10, 20][i] ?? 0}m`).then(() => name));
        const order: string[] = [];
        for (const wait of waits) void wait.then((name) => order.push(name));
        await Promise.all(waits);
        await ctx.run("end", () => {});
        if (attempts < 8) throw new Error("once more");
        return order;
      },
    });
    await using engine = await createTestEngine({ services: [racer] });
    const handle = await engine.send(racer.race);
    await engine.advance("2h");
    assert.deepEqual(await handle.attach(), ["a", "b", "c"]);
  });
});

describe("a send", () => {
  const caller = service("caller", {
    later: async (ctx) => {
      const handle = await ctx.send(mail.send, "kim", { delay: "3d" });
      return handle.invocationId;
    },
    cancelled: async (ctx) => {
      const handle = await ctx.send(mail.send, "kim", { delay: "3d" });
      handle.cancel();
      return handle.invocationId;
    },
    moved: async (ctx, delay: "1d" | "10d" | "0s") => {
      const handle = await ctx.send(mail.send, "kim", { delay: "3d" });
      const moved = await handle.reschedule(delay);
      return { id: handle.invocationId, moved };
    },
    tooLate: async (ctx) => {
      const handle = await ctx.send(mail.send, "kim");
      await ctx.attach(handle);
      return handle.reschedule("1d");
    },
    twice: async (ctx) => {
      const first = await ctx.send(mail.send, "kim", { id: "welcome", delay: "1h" });
      const second = await ctx.send(mail.send, "kim", { id: "welcome" });
      return [first.invocationId, second.invocationId];
    },
    now: async (ctx) => (await ctx.send(mail.send, "kim")).invocationId,
  });

  it("with a delay starts then, and is seen as scheduled until then", async () => {
    await using engine = await createTestEngine({ services: [mail, caller] });
    const id = await engine.call(caller.later);
    const due = engine.clock.now() + 3 * 86_400_000;
    assert.equal(statusOf(engine, id), "scheduled");
    assert.equal(rowOf(engine, id).scheduledAt, due);
    await engine.advance(due - engine.clock.now() - 1);
    assert.equal(statusOf(engine, id), "scheduled");
    await engine.advance(1);
    assert.equal(statusOf(engine, id), "completed");
    assert.equal(rowOf(engine, id).startedAt, due);
  });

  it("without a delay starts at once, and does not hold up its sender", async () => {
    await using engine = await createTestEngine({ services: [mail, caller] });
    const id = await engine.call(caller.now);
    await engine.settle();
    assert.equal(statusOf(engine, id), "completed");
    assert.deepEqual(rowOf(engine, id).source.kind, "invocation");
  });

  it("that is cancelled before its time never starts", async () => {
    await using engine = await createTestEngine({ services: [mail, caller] });
    const id = await engine.call(caller.cancelled);
    await engine.settle();
    assert.equal(statusOf(engine, id), "completed");
    assert.equal(rowOf(engine, id).attempt, 0);
    await assert.rejects(engine.handle(id).attach(), { status: 409, message: "cancelled" });
    await engine.advance("1h");
    assert.deepEqual(checkTables(engine.engine.tables).timers, 0);
  });

  for (const [delay, isEarlier] of [
    ["1d", true],
    ["10d", false],
    ["0s", true],
  ] as const) {
    it(`that is moved to ${delay} starts then, once`, async () => {
      await using engine = await createTestEngine({ services: [mail, caller] });
      const begun = engine.clock.now();
      const { id, moved } = await engine.call(caller.moved, delay);
      assert.equal(moved, true);
      await engine.advance("2d");
      assert.equal(statusOf(engine, id) === "scheduled", !isEarlier);
      await engine.advance("8d");
      if (isEarlier) return;
      assert.equal(rowOf(engine, id).attempt, 1);
      assert.equal(rowOf(engine, id).startedAt, begun + 10 * 86_400_000);
    });
  }

  it("that has started cannot be moved any more, and its sender is told so", async () => {
    await using engine = await createTestEngine({ services: [mail, caller] });
    assert.equal(await engine.call(caller.tooLate), false);
  });

  it("with an id is one invocation, however often it is sent", async () => {
    await using engine = await createTestEngine({ services: [mail, caller] });
    const [first, second] = await engine.call(caller.twice);
    assert.equal(first, second);
    assert.equal(statusOf(engine, first ?? ""), "scheduled");
  });

  it("of a caller with a delay can be moved and cancelled by an operator", async () => {
    await using engine = await createTestEngine({ services: [mail] });
    const first = await engine.send(mail.send, "kim", { delay: "3d" });
    const second = await engine.send(mail.send, "kim", { delay: "3d" });
    await request(engine, {
      kind: "reschedule",
      id: first.invocationId,
      startAt: engine.clock.now() + 60_000,
    });
    await second.cancel();
    await engine.advance("1m");
    assert.equal(statusOf(engine, first.invocationId), "completed");
    await assert.rejects(second.attach(), { status: 409 });
    const body = { kind: "reschedule", id: first.invocationId, startAt: 0 } as const;
    assert.match(await refusal(engine, body), /invocation-completed/);
  });

  it("with a delay that is none is refused before anything is started", async () => {
    await using engine = await createTestEngine({ services: [mail] });
    await assert.rejects(engine.send(mail.send, "kim", { delay: "soon" }), { code: "delay-invalid" });
    await assert.rejects(engine.send(mail.send, "kim", { delay: -1 }), { code: "delay-invalid" });
    await assert.rejects(engine.send(mail.send, "kim", { delay: Number.NaN }), { code: "delay-invalid" });
    assert.equal(checkTables(engine.engine.tables).invocations, 0);
  });

  it("to an object with a delay queues when its time has come", async () => {
    const order: string[] = [];
    const box = object("box", {
      put: async (ctx, what: string) => {
        await ctx.run("put", () => order.push(what));
        await ctx.sleep("1h");
      },
    });
    await using engine = await createTestEngine({ services: [box] });
    await engine.send(box.put, "k", "delayed", { delay: "30m" });
    await engine.send(box.put, "k", "first");
    await engine.send(box.put, "k", "second");
    await engine.advance("4h");
    assert.deepEqual(order, ["first", "second", "delayed"]);
  });
});

describe("a call", () => {
  it("waits as long as it takes, costs no session meanwhile, and passes the outcome on", async () => {
    const slow = service("slow", {
      work: async (ctx) => {
        await ctx.sleep("2d");
        return "slow result";
      },
    });
    const caller = service("caller", {
      go: handler({ inactivityTimeout: "1m" }, async (ctx: Context) => ctx.call(slow.work)),
    });
    await using engine = await createTestEngine({ services: [slow, caller] });
    const handle = await engine.send(caller.go);
    await engine.advance("5m");
    assert.equal(statusOf(engine, handle.invocationId), "suspended");
    assert.equal(engine.engine.health().runningAttempts, 0);
    await engine.advance("2d");
    assert.equal(await handle.attach(), "slow result");
  });

  it("tells its callee's id before the outcome", async () => {
    const caller = service("caller", {
      go: async (ctx) => {
        const call = ctx.call(mail.send, "kim");
        const id = await call.invocationId;
        return [id, await call];
      },
    });
    await using engine = await createTestEngine({ services: [mail, caller] });
    const [id, result] = await engine.call(caller.go);
    assert.equal(statusOf(engine, id ?? ""), "completed");
    assert.match(result ?? "", /sent to kim/);
  });

  it("many at once are answered in the order of the log, the same on every replay", async () => {
    let attempts = 0;
    const echo = service("echo", {
      after: async (ctx, minutes: number) => {
        await ctx.sleep(`${minutes}m`);
        return minutes;
      },
    });
    const caller = service("caller", {
      go: async (ctx) => {
        attempts += 1;
        const order: number[] = [];
        const calls = [40, 10, 30, 20].map(async (minutes) =>
          order.push(await ctx.call(echo.after, minutes)),
        );
        await Promise.all(calls);
        await ctx.run("end", () => {});
        if (attempts < 8) throw new Error("once more");
        return order;
      },
    });
    await using engine = await createTestEngine({ services: [echo, caller] });
    const handle = await engine.send(caller.go);
    await engine.advance("3h");
    assert.deepEqual(await handle.attach(), [10, 20, 30, 40]);
  });
});

describe("a handler that waits for something that may come at any time", () => {
  const waiter = workflow("waiter", { promises: {}, inactivityTimeout: "1m" }, async (ctx) => {
    const { id, promise } = ctx.awakeable<string>();
    await ctx.run("tell", () => id);
    return promise;
  });

  /** Of the waiter's awakeable. */
  const outcome = {
    kind: "signal",
    index: FIRST_AWAKEABLE_SIGNAL,
    name: undefined,
    result: { kind: "value", value: new TextEncoder().encode('"now"') },
    cause: "test",
  } as const;

  it("is suspended after the inactivity timeout, and wakes for what it waits for", async () => {
    await using engine = await createTestEngine({ services: [waiter] });
    const handle = await engine.send(waiter, "w");
    await engine.advance("59s");
    assert.equal(statusOf(engine, handle.invocationId), "running");
    await engine.advance("5s");
    assert.equal(statusOf(engine, handle.invocationId), "suspended");
    assert.equal(engine.engine.health().runningAttempts, 0);
    await request(engine, { ...outcome, id: handle.invocationId });
    assert.equal(await handle.attach(), "now");
    assert.equal(rowOf(engine, handle.invocationId).attempt, 2);
  });

  it("does not wake for what it does not wait for", async () => {
    await using engine = await createTestEngine({ services: [waiter] });
    const { invocationId } = await engine.send(waiter, "w");
    await engine.advance("5m");
    for (let i = 0; i < 3; i++) {
      await request(engine, {
        kind: "signal",
        id: invocationId,
        index: undefined,
        name: "unrelated",
        result: { kind: "void" },
        cause: "test",
      });
    }
    await engine.advance("5m");
    assert.equal(statusOf(engine, invocationId), "suspended");
    assert.equal(rowOf(engine, invocationId).attempt, 1);
  });

  const keeper = workflow(
    "keeper",
    { promises: { go: z.string() }, inactivityTimeout: "1m" },
    async (ctx): Promise<string> => ctx.promise("go"),
  );
  const crossings = [
    { what: "a signal", target: waiter, settle: (id: string, _key: string) => ({ ...outcome, id }) },
    {
      what: "a completion",
      target: keeper,
      settle: (_id: string, key: string) =>
        ({ kind: "complete-promise", service: "keeper", key, name: "go", result: outcome.result }) as const,
    },
  ];
  for (const { what, target, settle } of crossings) {
    it(`is not lost when what it waits for arrives while it is being suspended: ${what}`, async () => {
      await using engine = await createTestEngine({ services: [waiter, keeper] });
      const seen = new Set<string>();
      for (let wait = 0; wait < 12; wait++) {
        const handle = await engine.send(target, `w${wait}`);
        await engine.advance("59s");
        // The timeout is noticed now, and the suspension is under way. The outcome follows so many turns behind it.
        const noticed = engine.clock.now() + 2_000;
        while (engine.clock.step(noticed));
        for (let turn = 0; turn < wait; turn++) await new Promise((resolve) => void setImmediate(resolve));
        seen.add(statusOf(engine, handle.invocationId));
        await request(engine, settle(handle.invocationId, `w${wait}`));
        assert.equal(await handle.attach(), "now");
        assert.equal(rowOf(engine, handle.invocationId).attempt, 2);
      }
      assert.deepEqual([...seen], ["running", "suspended"], "it came before the suspension, and behind it");
    });
  }

  it("is not suspended while it executes a step", async () => {
    const gate = new Gate();
    const worker = service("worker", {
      go: handler({ inactivityTimeout: "1s" }, async (ctx: Context) => ctx.run("long", () => gate.pass())),
    });
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    await engine.advance("30s");
    assert.equal(statusOf(engine, handle.invocationId), "running");
    gate.open();
    await handle.attach();
    assert.equal(gate.arrivals, 1);
  });

  it("waits for a step's next try without a session, and keeps the count of its failures", async () => {
    const attempts: number[] = [];
    const worker = service("worker", {
      go: handler({ inactivityTimeout: "10s" }, async (ctx: Context) =>
        ctx.run(
          "flaky",
          ({ attempt }) => {
            attempts.push(attempt);
            if (attempt < 3) throw new Error("not yet");
            return "done";
          },
          { retry: { initial: "1h", factor: 1, max: "1h" } },
        ),
      ),
    });
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    await engine.advance("5m");
    assert.equal(engine.engine.health().runningAttempts, 0);
    assert.equal(statusOf(engine, handle.invocationId), "backing-off");
    await engine.advance("3h");
    assert.equal(await handle.attach(), "done");
    assert.deepEqual(attempts, [1, 2, 3]);
  });
});

describe("a delay", () => {
  it("that no date can hold is refused, and a part of a millisecond is a whole one", async () => {
    const worker = service("worker", { go: async () => "went" });
    await using engine = await createTestEngine({ services: [worker] });
    for (const delay of [Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY, Number.NaN, -1])
      await assert.rejects(engine.send(worker.go, undefined, { delay }), { code: "delay-invalid" });
    const handle = await engine.send(worker.go, undefined, { delay: 0.5 });
    await engine.advance("1s");
    assert.equal(await handle.attach(), "went");
  });
});
