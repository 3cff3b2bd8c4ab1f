/** Steps and attempts: what is tried again, when it stops, and how an operator sees why. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { MessageType } from "@holdfast/protocol";
import {
  handler,
  MessageTooLargeError,
  PauseError,
  RetryableError,
  service,
  StepExhaustedError,
  TerminalError,
  TimeoutError,
  type Context,
} from "@holdfast/sdk";

import { createTestEngine, type TestEngine } from "../testing.ts";
import type { VirtualClock } from "../virtual-clock.ts";
import { Gate, journalOf, refusal, request, rowOf, statusOf } from "./semantics-rig.contract.ts";

type Started = { readonly engine: TestEngine; readonly id: string; readonly outcome: () => Promise<unknown> };

/** Sends one invocation whose handler is `body`, and lets happen what needs no time. */
async function start(
  body: (ctx: Context, clock: VirtualClock) => unknown,
  options: Parameters<typeof handler>[0] = {},
): Promise<Started> {
  const clock: { current?: VirtualClock } = {};
  const go = async (ctx: Context): Promise<unknown> => body(ctx, clock.current as VirtualClock);
  const flow = service("flow", { go: handler(options, go) });
  const engine = await createTestEngine({ services: [flow] });
  clock.current = engine.clock;
  const handle = await engine.send(flow.go);
  await engine.settle();
  return { engine, id: handle.invocationId, outcome: () => handle.attach() };
}

function eventsOf({ engine, id }: Started): string[] {
  return rowOf(engine, id).events.map(({ kind, code, count }) => `${kind} ${code} x${count}`);
}

describe("a step", () => {
  it("runs once; a later attempt gets the recorded result, of any type that can be stored", async () => {
    const values = [
      1,
      "two",
      null,
      undefined,
      new Date(3),
      new Map([["k", new Set([4n])]]),
      new Uint8Array([5]),
    ];
    let runs = 0;
    let attempts = 0;
    const started = await start(async (ctx) => {
      const results = [];
      for (const value of values) {
        results.push(
          await ctx.run("value", () => {
            runs += 1;
            return value;
          }),
        );
      }
      attempts += 1;
      if (attempts < 3) throw new Error("again");
      return results;
    });
    await started.engine.advance("1m");
    assert.deepEqual(await started.outcome(), values);
    assert.deepEqual([runs, attempts], [values.length, 3]);
    await started.engine.close();
  });

  it("with a retry policy is tried again within the attempt, after its intervals", async () => {
    const times: number[] = [];
    const scopes: number[] = [];
    const keys = new Set<string>();
    const started = await start((ctx, clock) =>
      ctx.run(
        "flaky",
        ({ attempt, idempotencyKey }) => {
          times.push(clock.now());
          scopes.push(attempt);
          keys.add(idempotencyKey);
          if (attempt < 4) throw new Error("not yet");
          return "done";
        },
        { retry: { initial: "1s", factor: 3, max: "4s" } },
      ),
    );
    await started.engine.advance("1h");
    assert.equal(await started.outcome(), "done");
    assert.deepEqual(scopes, [1, 2, 3, 4]);
    const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    assert.deepEqual(waits, [1_000, 3_000, 4_000]);
    assert.equal(keys.size, 1);
    assert.equal(rowOf(started.engine, started.id).attempt, 1);
    await started.engine.close();
  });

  it("keeps counting its failed executions when the engine crashes in between", async () => {
    let executions = 0;
    const flow = service("flow", {
      go: async (ctx) =>
        ctx.run(
          "flaky",
          () => {
            executions += 1;
            throw new Error(`failure ${executions}`);
          },
          { retry: { attempts: 5, initial: "1s", factor: 1 } },
        ),
    });
    let engine = await createTestEngine({ services: [flow] });
    const { invocationId } = await engine.send(flow.go);
    for (let crash = 0; crash < 4; crash++) {
      await engine.advance("1s");
      engine = await engine.restart();
    }
    await engine.advance("1m");
    await assert.rejects(engine.handle(invocationId).attach(), /failed 5 times/);
    assert.equal(executions, 5);
    await engine.close();
  });

  it("that used up its retries throws StepExhausted with the last error, which the handler may catch", async () => {
    const started = await start(async (ctx) => {
      try {
        await ctx.run(
          "hopeless",
          () => {
            throw new RangeError("no such region");
          },
          { retry: { attempts: 3, initial: "1s" } },
        );
        return "not reached";
      } catch (error) {
        assert.ok(error instanceof StepExhaustedError);
        assert.ok(error.cause instanceof RangeError);
        return error.message;
      }
    });
    await started.engine.advance("1m");
    assert.equal(
      await started.outcome(),
      'step "hopeless" failed 3 times, at last with: RangeError: no such region',
    );
    await started.engine.close();
  });

  it("that is not caught ends the invocation with its failure and the name of the error", async () => {
    const started = await start((ctx) =>
      ctx.run(
        "hopeless",
        () => {
          throw new Error("down");
        },
        { retry: { attempts: 1 } },
      ),
    );
    await assert.rejects(started.outcome(), {
      status: 500,
      message: /"hopeless" failed once, at last with: Error: down/,
    });
    assert.equal(rowOf(started.engine, started.id).attempt, 1);
    await started.engine.close();
  });

  it("that throws a TerminalError is not tried again", async () => {
    let runs = 0;
    const started = await start((ctx) =>
      ctx.run(
        "declined",
        () => {
          runs += 1;
          throw new TerminalError("declined", { status: 402 });
        },
        { retry: { attempts: 10 } },
      ),
    );
    await assert.rejects(started.outcome(), { status: 402, message: "declined" });
    assert.equal(runs, 1);
    await started.engine.close();
  });

  it("that takes longer than its timeout is aborted and counts as failed", async () => {
    const aborted: unknown[] = [];
    const gate = new Gate();
    const started = await start((ctx) =>
      ctx.run(
        "slow",
        ({ signal }) => {
          signal.addEventListener("abort", () => aborted.push(signal.reason));
          return gate.pass();
        },
        { timeout: "10s", retry: { attempts: 2, initial: "1s" } },
      ),
    );
    await started.engine.advance("1m");
    await assert.rejects(
      started.outcome(),
      /failed 2 times, at last with: TimeoutError: took longer than 10s/,
    );
    assert.equal(aborted.length, 2);
    assert.ok(aborted[0] instanceof TimeoutError);
    await started.engine.close();
  });

  it("that asks for a time to be tried again is tried then", async () => {
    let runs = 0;
    const started = await start((ctx) =>
      ctx.run("limited", () => {
        runs += 1;
        if (runs === 1) throw new RetryableError("too many requests", { retryAfter: "10m" });
        return runs;
      }),
    );
    await started.engine.advance("9m");
    assert.equal(statusOf(started.engine, started.id), "backing-off");
    assert.equal(runs, 1);
    await started.engine.advance("1m");
    assert.equal(await started.outcome(), 2);
    await started.engine.close();
  });
});

describe("an attempt that fails", () => {
  it("is tried again after growing intervals with a cap", async () => {
    const times: number[] = [];
    const started = await start(
      (_ctx, clock) => {
        times.push(clock.now());
        throw new Error("down");
      },
      { retry: { initial: "10s", factor: 2, max: "60s", attempts: 7 } },
    );
    await started.engine.advance("1h");
    const waits = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    assert.equal(times.length, 7);
    // Up to a third is added so that what failed together does not come back together.
    for (const [i, least] of [10_000, 20_000, 40_000, 60_000, 60_000, 60_000].entries()) {
      const wait = waits[i] ?? Number.NaN;
      assert.ok(wait >= least && wait <= (least * 4) / 3 + 1, `wait ${i} was ${wait}`);
    }
    await started.engine.close();
  });

  it("is seen while it backs off: the error, when it is tried next, how often it failed", async () => {
    const started = await start(() => {
      throw new TypeError("cannot read the moon");
    });
    await started.engine.advance("3s");
    const row = rowOf(started.engine, started.id);
    assert.equal(row.status, "backing-off");
    assert.ok(row.nextRetryAt > started.engine.clock.now());
    assert.ok(row.retryCount >= 2);
    assert.match(row.lastFailure?.message ?? "", /TypeError: cannot read the moon/);
    assert.match(row.lastFailure?.stacktrace ?? "", /steps\.test\.ts/);
    await started.engine.close();
  });

  it("names the step that failed", async () => {
    const started = await start((ctx) =>
      ctx.run("resize image", () => {
        throw new Error("no memory");
      }),
    );
    const { lastFailure } = rowOf(started.engine, started.id);
    assert.equal(lastFailure?.relatedCommandName, "resize image");
    assert.equal(lastFailure?.relatedCommandIndex, 1);
    await started.engine.close();
  });

  it("too often pauses the invocation with the reason; a resume goes on where it stopped", async () => {
    let isFixed = false;
    let steps = 0;
    const started = await start(
      async (ctx) => {
        await ctx.run("first", () => {
          steps += 1;
        });
        if (!isFixed) throw new Error("the bucket is missing");
        return "done";
      },
      { retry: { attempts: 3, initial: "1s" } },
    );
    await started.engine.advance("1h");
    assert.equal(statusOf(started.engine, started.id), "paused");
    const paused = rowOf(started.engine, started.id).events.at(-1);
    assert.equal(paused?.kind, "paused");
    assert.match(paused?.message ?? "", /Paused after 3 failed attempts: Error: the bucket is missing/);
    await started.engine.advance("10d");
    assert.equal(statusOf(started.engine, started.id), "paused");
    isFixed = true;
    await request(started.engine, { kind: "resume", id: started.id, deployment: undefined });
    assert.equal(await started.outcome(), "done");
    assert.equal(steps, 1);
    await started.engine.close();
  });

  it("too often ends the invocation where its policy says so", async () => {
    const started = await start(
      () => {
        throw new Error("down");
      },
      { retry: { attempts: 2, initial: "1s", whenExhausted: "kill" } },
    );
    await started.engine.advance("1h");
    await assert.rejects(started.outcome(), { status: 500, message: /down/ });
    await started.engine.close();
  });

  it("starts its count anew after each recorded step", async () => {
    let failures = 0;
    const started = await start(
      async (ctx) => {
        for (let i = 0; i < 5; i++) {
          await ctx.run(`step ${i}`, () => {});
          if (failures < (i + 1) * 2) {
            failures += 1;
            throw new Error("now and then");
          }
        }
        return "done";
      },
      { retry: { attempts: 3, initial: "1s", factor: 1 } },
    );
    await started.engine.advance("5m");
    assert.equal(await started.outcome(), "done");
    assert.equal(failures, 10);
    await started.engine.close();
  });

  it("can be resumed before its time", async () => {
    let attempts = 0;
    const started = await start(
      () => {
        attempts += 1;
        if (attempts === 1) throw new Error("down");
        return "up";
      },
      { retry: { initial: "5h" } },
    );
    assert.equal(statusOf(started.engine, started.id), "backing-off");
    await request(started.engine, { kind: "resume", id: started.id, deployment: undefined });
    assert.equal(await started.outcome(), "up");
    assert.match(
      await refusal(started.engine, { kind: "resume", id: started.id, deployment: undefined }),
      /invocation-completed/,
    );
    await started.engine.close();
  });
});

describe("what trying again cannot mend pauses at once, with the reason", () => {
  const cases: ReadonlyArray<{
    readonly name: string;
    readonly body: (ctx: Context) => unknown;
    readonly reason: RegExp;
  }> = [
    {
      name: "a step's result that cannot be stored",
      body: (ctx) => ctx.run("open", () => ({ close: () => {} }) as never),
      reason: /step "open".*result of ctx\.run\("open"\).*close/s,
    },
    {
      name: "a handler's result that cannot be stored",
      body: () => ({ socket: new WeakMap() }),
      reason: /result of the handler.*socket/s,
    },
    {
      name: "an error whose data cannot be stored",
      body: () => {
        throw new TerminalError("no", { data: { callback: () => {} } });
      },
      reason: /error\.data.*callback/s,
    },
    {
      name: "a step's result that is too large for a message",
      body: (ctx) => ctx.run("download", () => new Uint8Array(40 * 1024 * 1024)),
      reason: /MessageTooLargeError.*download/s,
    },
    {
      name: "a state value in a plain service",
      body: (ctx) => (ctx as never as { state: { set(key: string, value: number): void } }).state.set("k", 1),
      reason: /state/,
    },
    {
      name: "a PauseError",
      body: () => {
        throw new PauseError("a person has to look at this");
      },
      reason: /a person has to look at this/,
    },
    {
      name: "the context used inside a step",
      body: (ctx) => ctx.run("outer", () => ctx.run("inner", () => 1)),
      reason: /NestedOperationError/,
    },
    {
      name: "a step that nobody awaited",
      body: (ctx) => {
        void ctx.sleep("1h");
        return "early";
      },
      reason: /UnawaitedOperationError/,
    },
  ];
  for (const { name, body, reason } of cases) {
    it(name, async () => {
      let attempts = 0;
      const started = await start((ctx) => {
        attempts += 1;
        return body(ctx);
      });
      await started.engine.advance("1h");
      assert.equal(statusOf(started.engine, started.id), "paused");
      assert.equal(attempts, 1);
      assert.match(rowOf(started.engine, started.id).events.at(-1)?.message ?? "", reason);
      await started.engine.close();
    });
  }

  it("and its message is one that other errors may be compared with", () => {
    assert.ok(new MessageTooLargeError("x") instanceof PauseError);
  });

  it("a journal with more entries than journalEntriesMax", async () => {
    const loop = service("loop", {
      go: async (ctx) => {
        for (let i = 0; i < 100; i++) await ctx.run("step", () => i);
      },
    });
    await using engine = await createTestEngine({ services: [loop], settings: { journalEntriesMax: 20 } });
    const { invocationId } = await engine.send(loop.go);
    await engine.settle();
    assert.equal(statusOf(engine, invocationId), "paused");
    assert.match(rowOf(engine, invocationId).events.at(-1)?.message ?? "", /limit journalEntriesMax is 20/);
    assert.ok(rowOf(engine, invocationId).journalLength <= 22);
  });
});

describe("code that changed under a journal", () => {
  it("is noticed, named with both sides, and no new side effect is recorded", async () => {
    let effects = 0;
    const before = service("flow", {
      go: async (ctx) => {
        await ctx.run("charge", () => 1);
        await ctx.sleep("1h");
      },
    });
    const after = service("flow", {
      go: async (ctx) => {
        await ctx.run("refund", () => {
          effects += 1;
        });
        await ctx.sleep("1h");
      },
    });
    const first = await createTestEngine({ services: [before] });
    const { invocationId } = await first.send(before.go);
    await first.settle();
    const engine = await first.restart([after]);
    await engine.advance("2h");
    const row = rowOf(engine, invocationId);
    assert.ok(["backing-off", "paused"].includes(row.status), row.status);
    assert.equal(row.lastFailure?.code, "journal-mismatch");
    assert.match(row.lastFailure.message, /charge/);
    assert.match(row.lastFailure.message, /refund/);
    assert.equal(effects, 0);
    const runs = journalOf(engine, invocationId).filter(({ type }) => type === MessageType.Run);
    assert.equal(runs.length, 1);
    const mended = await engine.restart([before]);
    await request(mended, { kind: "resume", id: invocationId, deployment: undefined });
    await mended.settle();
    assert.equal(statusOf(mended, invocationId), "completed");
    await mended.close();
  });
});

describe("an attempt that hangs", () => {
  it("is cut off after the abort timeout, and tried again", async () => {
    const gate = new Gate();
    const reasons: unknown[] = [];
    const started = await start(
      (ctx) =>
        ctx.run("hang", async ({ signal }) => {
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          if (gate.arrivals === 0) await gate.pass();
          return "second try";
        }),
      { inactivityTimeout: "10s", abortTimeout: "20s" },
    );
    await started.engine.advance("29s");
    assert.equal(statusOf(started.engine, started.id), "running");
    await started.engine.advance("10s");
    assert.equal(reasons.length, 1);
    assert.deepEqual(eventsOf(started), ["attempt-failed abort-timeout x1"]);
    assert.equal(await started.outcome(), "second try");
    await started.engine.close();
  });

  it("that makes progress is not cut off, however long it takes in all", async () => {
    const started = await start(
      async (ctx, clock) => {
        for (let i = 0; i < 20; i++) {
          await new Promise<void>((resolve) => {
            clock.after(15_000, resolve);
          });
          await ctx.run(`part ${i}`, () => i);
        }
        return "done";
      },
      { inactivityTimeout: "10s", abortTimeout: "20s" },
    );
    await started.engine.advance("10m");
    assert.equal(await started.outcome(), "done");
    assert.equal(rowOf(started.engine, started.id).attempt, 1);
    await started.engine.close();
  });
});
