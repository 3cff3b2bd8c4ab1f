/** Steps: what is tried again, when it stops, and what pauses at once because trying again cannot help. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import {
  MessageTooLargeError,
  PauseError,
  RetryableError,
  service,
  StepExhaustedError,
  TerminalError,
  TimeoutError,
  type Context,
} from "@holdfast/sdk";

import { createTestEngine } from "../testing.ts";
import { Gate, request, rowOf, start, statusOf } from "./semantics-rig.contract.ts";

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

  it("counts the executions that it tries again by itself, over attempts, and none that ended its attempt", async () => {
    const seen: Array<readonly [attempt: number, execution: number]> = [];
    /** A step that fails with each of these, one after the other. */
    const failing = async (errors: readonly Error[], retry?: { readonly initial: "1s" }) => {
      seen.length = 0;
      const rest = [...errors];
      const started = await start((ctx) =>
        ctx.run(
          "flaky",
          ({ attempt }) => {
            seen.push([ctx.attempt, attempt]);
            const error = rest.shift();
            if (error !== undefined) throw error;
          },
          retry === undefined ? {} : { retry },
        ),
      );
      const pass = () => started.engine.advance("10m");
      await pass();
      if (statusOf(started.engine, started.id) === "paused") {
        await request(started.engine, { kind: "resume", id: started.id, deployment: undefined });
        await pass();
      }
      await started.outcome();
      await started.engine.close();
      return [...seen];
    };
    const no = new Error("no");
    assert.deepEqual(
      await failing([no, no]),
      [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
      "without retry every throw ends the attempt",
    );
    assert.deepEqual(
      await failing([no, new PauseError("look"), no], { initial: "1s" }),
      [
        [1, 1],
        [1, 2],
        [2, 2],
        [2, 3],
      ],
      "with retry a pause ends the attempt, and what was tried again before counts",
    );
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
