/** Attempts: what becomes of one that fails, hangs, or finds another journal than its code would write. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { MessageType } from "@holdfast/protocol";
import { service } from "@holdfast/sdk";

import { createTestEngine } from "../testing.ts";
import {
  eventsOf,
  Gate,
  journalOf,
  refusal,
  request,
  rowOf,
  start,
  statusOf,
} from "./semantics-rig.contract.ts";

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
    assert.match(row.lastFailure?.stacktrace ?? "", /attempts\.test\.ts/);
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
