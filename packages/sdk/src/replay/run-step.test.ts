import assert from "node:assert/strict";
import { test } from "node:test";

import {
  decodeValue,
  encodeValue,
  ErrorBehavior,
  MessageType,
  type JournalMessage,
} from "@holdfast/protocol";

import { PauseError, RetryableError, TerminalError } from "../errors.ts";
import { drive, errorIn, failureIn, proposals, valueOf } from "./drive.contract.ts";
import { INVOCATION_ID } from "./fake-engine.ts";

const INPUT: JournalMessage = { type: MessageType.Input, headers: [], value: encodeValue(undefined) };

test("a step runs once, and its value is what a replay will see: the stored form, revived", async () => {
  class Point {
    x = 1;
  }
  const given = { at: new Date(5), dropped: undefined, list: [1n, new Map([["a", new Set([2])]])] };
  const { engine } = drive(async (ctx) => {
    const value = await ctx.run("rich", () => given);
    assert.notEqual(value, given);
    assert.deepEqual(Object.keys(value), ["at", "list"]);
    return value;
  });
  assert.deepEqual(valueOf(await engine.run()), {
    at: new Date(5),
    list: [1n, new Map([["a", new Set([2])]])],
  });
  assert.ok(new Point().x);
});

test("a step is given a stable idempotency key, its execution's number and a signal", async () => {
  const seen: unknown[] = [];
  const { engine } = drive(async (ctx) => {
    await ctx.run("first", () => 1);
    await ctx.run(
      "second",
      ({ idempotencyKey, attempt, signal }) => {
        seen.push([idempotencyKey, attempt, signal.aborted]);
        if (attempt === 1) throw new Error("once");
      },
      { retry: { attempts: 2 } },
    );
  });
  await engine.run();
  assert.deepEqual(seen, [
    [`${INVOCATION_ID}:2`, 1, false],
    [`${INVOCATION_ID}:2`, 2, false],
  ]);
});

test("without a retry option, a throw ends the attempt and names the step", async () => {
  const { engine } = drive(async (ctx) => {
    await ctx.run("fine", () => 1);
    await ctx.run("broken", () => Promise.reject(new Error("disk full")));
  });
  const error = errorIn(await engine.attempt());
  assert.equal(error.message, 'step "broken": Error: disk full');
  assert.deepEqual(
    [
      error.code,
      error.behavior,
      error.relatedCommandIndex,
      error.relatedCommandName,
      error.relatedCommandType,
    ],
    [500, ErrorBehavior.Retry, 2, "broken", MessageType.Run],
  );
  assert.match(error.stacktrace, /disk full/);
  assert.equal(error.nextRetryDelayMs, undefined);
});

test("a RetryableError says when to try again, a PauseError that a person must look", async () => {
  const retried = drive(async (ctx) => {
    await ctx.run("busy", () => Promise.reject(new RetryableError("busy", { retryAfter: "30s" })));
  });
  assert.equal(errorIn(await retried.engine.attempt()).nextRetryDelayMs, 30_000);

  const paused = drive(async (ctx) => {
    await ctx.run("stuck", () => Promise.reject(new PauseError("ask Kim")), { retry: { attempts: 9 } });
  });
  assert.equal(errorIn(await paused.engine.attempt()).behavior, ErrorBehavior.Pause);
});

test("with a retry option it is tried again with growing waits, each failure told to the engine", async () => {
  let executions = 0;
  const { engine, delays } = drive(
    (ctx) =>
      ctx.run(
        "flaky",
        () => {
          executions += 1;
          if (executions < 5) throw new Error(`failed ${executions}`);
          return "done";
        },
        { retry: { initial: "1s", factor: 3, max: "20s" } },
      ),
    { environment: { suspendSleepMs: Number.POSITIVE_INFINITY } },
  );
  assert.equal(valueOf(await engine.run()), "done");
  assert.equal(engine.attempts, 1);
  assert.deepEqual(delays, [1_000, 3_000, 9_000, 20_000]);
  const told = engine.control.filter((message) => message.type === MessageType.RunAttemptFailed);
  assert.deepEqual(
    told.map(({ failures, nextDelayMs, failure }) => [failures, nextDelayMs, failure.message]),
    [
      [1, 1_000, "failed 1"],
      [2, 3_000, "failed 2"],
      [3, 9_000, "failed 3"],
      [4, 20_000, "failed 4"],
    ],
  );
});

test("when the retries are used up the step fails for good, with the last error as cause", async () => {
  const { engine } = drive(async (ctx) => {
    try {
      await ctx.run("hopeless", () => Promise.reject(new Error("no route")), { retry: { attempts: 3 } });
    } catch (error) {
      assert.ok(error instanceof TerminalError);
      assert.equal(error.name, "StepExhausted");
      assert.ok(error.cause instanceof Error);
      return [error.message, error.cause.message];
    }
    return "not reached";
  });
  const message = 'step "hopeless" failed 3 times, at last with: Error: no route';
  assert.deepEqual(valueOf(await engine.run()), [message, "no route"]);
  assert.equal(engine.control.length, 3);
});

test("failures of earlier attempts count", async () => {
  const seen: number[] = [];
  const { engine } = drive((ctx) =>
    ctx.run(
      "flaky",
      ({ attempt }) => {
        seen.push(attempt);
        throw new Error("no");
      },
      { retry: { attempts: 4 } },
    ),
  );
  engine.stepFailures.set(1, 2);
  assert.equal(failureIn(await engine.run()).code, 500);
  assert.deepEqual(seen, [3, 4]);
});

test("a TerminalError in a step is its outcome, with code, data and cause", async () => {
  const { engine } = drive(async (ctx) => {
    const failing = ctx.run("declined", () => {
      const cause = new RangeError("limit");
      throw new TerminalError("declined", { code: "card-declined", status: 402, data: { left: 3n }, cause });
    });
    await assert.rejects(failing, (error) => {
      assert.ok(error instanceof TerminalError);
      assert.deepEqual([error.code, error.status, error.data], ["card-declined", 402, { left: 3n }]);
      assert.ok(error.cause instanceof RangeError);
      return true;
    });
    await failing;
  });
  const failure = failureIn(await engine.run());
  assert.deepEqual([failure.code, failure.message], [402, "declined"]);
  assert.equal(new Map(failure.metadata).get("holdfast.code"), "card-declined");
});

test("a step that takes longer than its timeout is aborted, counts as failed, and its late result is dropped", async () => {
  const signals: AbortSignal[] = [];
  let release = (): void => {};
  const { engine } = drive((ctx) =>
    ctx.run(
      "slow",
      async ({ signal, attempt }) => {
        signals.push(signal);
        if (attempt === 2) return "in time";
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return "too late";
      },
      { timeout: "5s", retry: { attempts: 2 } },
    ),
  );
  const end = engine.run();
  assert.equal(valueOf(await end), "in time");
  release();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(proposals(engine.control), ["in time"]);
  assert.deepEqual(
    signals.map(({ aborted, reason }) => [aborted, (reason as Error | undefined)?.name]),
    [
      [true, "TimeoutError"],
      [false, undefined],
    ],
  );
});

test("a result that cannot be stored pauses the invocation, and says where it is and what to do", async () => {
  const { engine } = drive((ctx) =>
    ctx.run("open", () => ({ items: [{ close: (() => {}) as unknown as string }] })),
  );
  const error = errorIn(await engine.attempt());
  assert.equal(error.behavior, ErrorBehavior.Pause);
  assert.match(
    error.message,
    /step "open": UnstorableValueError: result of ctx\.run\("open"\)\.items\[0\]\.close: a function cannot/,
  );
});

test("a result that is too large for a message pauses the invocation", async () => {
  const large = "x".repeat(2_000);
  const { engine } = drive((ctx) => ctx.run("read", () => large), { session: { messageBytesMax: 1_000 } });
  const error = errorIn(await engine.attempt());
  assert.equal(error.behavior, ErrorBehavior.Pause);
  assert.match(
    error.message,
    /MessageTooLargeError: result of ctx\.run\("read"\) has 2002 bytes, more than the 1000/,
  );
});

test("a recorded result is not computed again; a step without one is, once the replay is through", async () => {
  const executed: string[] = [];
  const step = (name: string) => (): string => {
    executed.push(name);
    return name;
  };
  const value = encodeValue("recorded");
  const journal: JournalMessage[] = [
    INPUT,
    { type: MessageType.Run, completionId: 1, name: "a" },
    { type: MessageType.Run, completionId: 2, name: "b" },
    { type: MessageType.RunCompletion, completionId: 1, result: { kind: "value", value } },
  ];
  const { engine } = drive((ctx) => Promise.all([ctx.run("a", step("a")), ctx.run("b", step("b"))]), {
    engine: { journal },
  });
  assert.deepEqual(valueOf(await engine.run()), ["recorded", "b"]);
  assert.deepEqual(executed, ["b"]);
});

test("the context cannot be used inside a step, neither at once nor after an await", async () => {
  for (const wait of [undefined, new Promise((resolve) => setImmediate(resolve))]) {
    const { engine } = drive(async (ctx) => {
      await ctx.run("outer", async () => {
        if (wait !== undefined) await wait;
        await ctx.sleep("1s");
      });
    });
    const error = errorIn(await engine.attempt());
    assert.equal(error.behavior, ErrorBehavior.Pause);
    assert.match(
      error.message,
      /NestedOperationError: ctx\.sleep was used inside the function of a ctx\.run/,
    );
    assert.equal(engine.commands.length, 2);
  }
});

test("a step may call code that runs another handler in the same process", async () => {
  const inner = drive((ctx) => ctx.run("inner", () => 1));
  const outer = drive(async (ctx) => ctx.run("outer", async () => valueOf(await inner.engine.run())));
  assert.equal(valueOf(await outer.engine.run()), 1);
});

test("a malformed duration is refused before the step is recorded", async () => {
  const { engine } = drive((ctx) => ctx.run("a", () => 1, { timeout: "soon" as "1s" }));
  assert.match(errorIn(await engine.attempt()).message, /UsageError: timeout: "soon" is not a duration/);
  assert.equal(engine.commands.length, 1);
});

test("the clock is read as a step, and random numbers need none", async () => {
  const { engine } = drive(async (ctx) => [await ctx.date.now(), ctx.random(), ctx.random(), ctx.uuid()]);
  const first = valueOf(await engine.run());
  const again = drive(async (ctx) => [await ctx.date.now(), ctx.random(), ctx.random(), ctx.uuid()]);
  assert.deepEqual(valueOf(await again.engine.run()), first);
  assert.equal(engine.commands.length, 3);
  const [now, a, b, uuid] = first as [number, number, number, string];
  assert.equal(now, 1_000_000);
  assert.ok(a !== b && a >= 0 && a < 1 && b >= 0 && b < 1);
  assert.match(uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("proposals carry the stored form", async () => {
  const { engine } = drive((ctx) => ctx.run("a", () => ({ b: 1n })));
  await engine.run();
  const proposal = engine.control.find((message) => message.type === MessageType.ProposeRunCompletion);
  assert.ok(proposal?.result.kind === "value");
  assert.deepEqual(decodeValue(proposal.result.value), { b: 1n });
});
