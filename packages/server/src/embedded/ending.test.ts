/** What operators and handlers do to invocations: cancel, kill, pause, resume, restart, purge. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkTables } from "@holdfast/engine";
import { CancelledError, handler, object, service, workflow, type Context } from "@holdfast/sdk";

import { createTestEngine } from "../testing.ts";
import { CANCELLED, Gate, refusal, request, rowOf, statusOf, until } from "./semantics-rig.contract.ts";

describe("cancelling", () => {
  it("aborts the running step, and surfaces at the await as a terminal error", async () => {
    const gate = new Gate();
    const reasons: unknown[] = [];
    const seen: string[] = [];
    const worker = service("worker", {
      go: async (ctx) => {
        try {
          await ctx.run("long", ({ signal }) => {
            signal.addEventListener("abort", () => reasons.push(signal.reason));
            return gate.pass(signal);
          });
        } catch (error) {
          seen.push(error instanceof CancelledError ? "CancelledError" : String(error));
          throw error;
        }
      },
    });
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    await until(() => gate.arrivals === 1);
    await handle.cancel();
    await assert.rejects(handle.attach(), CANCELLED);
    assert.equal(reasons.length, 1);
    assert.ok(reasons[0] instanceof CancelledError);
    assert.deepEqual(seen, ["CancelledError"]);
  });

  const waits: ReadonlyArray<{
    readonly name: string;
    readonly status: string;
    readonly body: (ctx: Context) => unknown;
  }> = [
    { name: "sleeps", status: "suspended", body: (ctx) => ctx.sleep("10d") },
    { name: "waits for an awakeable", status: "suspended", body: (ctx) => ctx.awakeable().promise },
    { name: "waits for a signal", status: "suspended", body: (ctx) => ctx.signal("never") },
    {
      name: "waits for any of several things",
      status: "suspended",
      body: (ctx) => Promise.race([ctx.sleep("9d"), ctx.sleep("10d")]),
    },
    {
      name: "backs off",
      status: "backing-off",
      body: async (ctx) => {
        if (ctx.attempt === 1) throw new Error("down");
        await ctx.sleep("10d");
      },
    },
    {
      name: "waits for a step's next try",
      status: "backing-off",
      body: (ctx) =>
        ctx.run(
          "flaky",
          () => {
            throw new Error("down");
          },
          { retry: { initial: "5h" } },
        ),
    },
  ];
  for (const { name, status, body } of waits) {
    it(`ends at once an invocation that ${name}, and lets it clean up`, async () => {
      let cleanups = 0;
      const options = { inactivityTimeout: "10s", retry: { initial: "10d", max: "10d" } } as const;
      const worker = service("worker", {
        go: handler(options, async (ctx: Context) => {
          try {
            await body(ctx);
          } catch (error) {
            if (!(error instanceof CancelledError)) throw error;
            await ctx.run("clean up", () => {
              cleanups += 1;
            });
            throw error;
          }
        }),
      });
      await using engine = await createTestEngine({ services: [worker] });
      const handle = await engine.send(worker.go);
      await engine.advance("5m");
      assert.equal(statusOf(engine, handle.invocationId), status);
      await handle.cancel();
      await assert.rejects(handle.attach(), CANCELLED);
      assert.equal(cleanups, 1);
      assert.deepEqual(checkTables(engine.engine.tables).problems, []);
    });
  }

  it("ends at once what is paused, queued or scheduled", async () => {
    const worker = object("worker", { go: async (ctx) => ctx.sleep("10d") });
    await using engine = await createTestEngine({ services: [worker] });
    const paused = await engine.send(worker.go, "k");
    const queued = await engine.send(worker.go, "k");
    const scheduled = await engine.send(worker.go, "k", undefined, { delay: "1d" });
    await engine.settle();
    await request(engine, { kind: "pause", id: paused.invocationId });
    assert.equal(statusOf(engine, queued.invocationId), "queued");
    for (const handle of [queued, scheduled, paused]) {
      await handle.cancel();
      await assert.rejects(handle.attach(), CANCELLED);
    }
    assert.equal(checkTables(engine.engine.tables).timers, 0);
  });

  it("reaches the callees that are waited for, and theirs, but not one-way sends", async () => {
    const leaf = service("leaf", { go: async (ctx) => ctx.sleep("10d") });
    const middle = service("middle", { go: async (ctx) => ctx.call(leaf.go) });
    const top = service("top", {
      go: async (ctx) => {
        await ctx.send(leaf.go);
        await ctx.call(middle.go);
      },
    });
    await using engine = await createTestEngine({ services: [leaf, middle, top] });
    const handle = await engine.send(top.go);
    await engine.advance("5m");
    await handle.cancel();
    await assert.rejects(handle.attach(), CANCELLED);
    await engine.settle();
    const ends = [...engine.engine.tables.invocations.all()].map(
      ([, row]) => `${row.target.service} ${row.status} ${row.result?.kind ?? "-"}`,
    );
    assert.deepEqual(ends.toSorted(), [
      "leaf completed failure",
      "leaf suspended -",
      "middle completed failure",
      "top completed failure",
    ]);
  });

  it("from inside a handler reaches another invocation", async () => {
    const sleeper = service("sleeper", { go: async (ctx) => ctx.sleep("10d") });
    const canceller = service("canceller", {
      go: async (ctx, id: string) => ctx.cancel(id),
      own: async (ctx) => {
        const handle = await ctx.send(sleeper.go);
        ctx.cancel(handle.invocationId);
        return handle.invocationId;
      },
      itself: async (ctx) => {
        ctx.cancel(ctx.invocationId);
        await ctx.sleep("10d");
      },
    });
    await using engine = await createTestEngine({ services: [sleeper, canceller] });
    const handle = await engine.send(sleeper.go);
    await engine.settle();
    await engine.call(canceller.go, handle.invocationId);
    await assert.rejects(handle.attach(), CANCELLED);
    const own = await engine.call(canceller.own);
    await assert.rejects(engine.handle(own).attach(), CANCELLED);
    await assert.rejects(engine.call(canceller.itself), CANCELLED);
  });

  it("that the handler catches does not end it: it may finish with a result of its own", async () => {
    const worker = service("worker", {
      go: async (ctx) => {
        try {
          await ctx.sleep("10d");
        } catch {
          await ctx.sleep("1h");
          return "finished differently";
        }
        return "slept";
      },
    });
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    await engine.settle();
    await handle.cancel();
    await engine.advance("2h");
    assert.equal(await handle.attach(), "finished differently");
  });

  it("undoes the steps that were started, last first", async () => {
    const undone: string[] = [];
    const worker = service("worker", {
      go: async (ctx) => {
        for (const name of ["one", "two", "three"]) {
          await ctx.run(name, () => `result of ${name}`, {
            undo: (result) => {
              undone.push(String(result));
            },
          });
        }
        await ctx.sleep("10d");
      },
    });
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    await engine.settle();
    await handle.cancel();
    await assert.rejects(handle.attach(), CANCELLED);
    assert.deepEqual(undone, ["result of three", "result of two", "result of one"]);
  });

  it("survives a crash right behind it", async () => {
    const worker = service("worker", { go: async (ctx) => ctx.sleep("10d") });
    const first = await createTestEngine({ services: [worker] });
    const { invocationId } = await first.send(worker.go);
    await first.settle();
    await request(first, { kind: "cancel", id: invocationId });
    await using engine = await first.restart();
    await assert.rejects(engine.handle(invocationId).attach(), CANCELLED);
  });

  it("of what has completed or is unknown is refused", async () => {
    const worker = service("worker", { go: async () => "done" });
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    await handle.attach();
    await assert.rejects(handle.cancel(), {
      code: "invocation-completed",
      message: new RegExp(handle.invocationId),
    });
    await assert.rejects(engine.handle("inv_1nobody").cancel(), { code: "invocation-not-found" });
    assert.equal(await handle.attach(), "done");
  });
});

describe("killing", () => {
  it("ends an invocation and the callees it waits for without asking them, and frees their locks", async () => {
    let cleanups = 0;
    const box = object("box", {
      hold: async (ctx) => {
        try {
          await ctx.sleep("10d");
        } catch (error) {
          cleanups += 1;
          throw error;
        }
      },
      pass: async () => "passed",
    });
    const top = service("top", { go: async (ctx) => ctx.call(box.hold, "k") });
    await using engine = await createTestEngine({ services: [box, top] });
    const handle = await engine.send(top.go);
    await engine.settle();
    await request(engine, { kind: "kill", id: handle.invocationId });
    await assert.rejects(handle.attach(), { status: 409, message: "killed" });
    assert.equal(await engine.call(box.pass, "k"), "passed");
    assert.equal(cleanups, 0);
    assert.deepEqual(checkTables(engine.engine.tables).problems, []);
  });

  it("aborts the attempt: its signals fire, and what it still does counts for nothing", async () => {
    const gate = new Gate();
    const aborted: string[] = [];
    const worker = service("worker", {
      go: async (ctx) => {
        ctx.abortSignal.addEventListener("abort", () => aborted.push("attempt"));
        await ctx.run("long", ({ signal }) => {
          signal.addEventListener("abort", () => aborted.push("step"));
          return gate.pass();
        });
        return "done";
      },
    });
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    await until(() => gate.arrivals === 1 && rowOf(engine, handle.invocationId).commandCount === 2);
    const { journalLength } = rowOf(engine, handle.invocationId);
    await request(engine, { kind: "kill", id: handle.invocationId });
    gate.open();
    await engine.settle();
    assert.deepEqual(aborted.toSorted(), ["attempt", "step"]);
    await assert.rejects(handle.attach(), { message: "killed" });
    assert.equal(rowOf(engine, handle.invocationId).journalLength, journalLength);
  });

  it("wins or loses against the outcome, but never both", async () => {
    const worker = service("worker", { go: async (ctx) => ctx.run("quick", () => "done") });
    await using engine = await createTestEngine({ services: [worker] });
    for (let turn = 0; turn < 8; turn++) {
      const handle = await engine.send(worker.go);
      for (let i = 0; i < turn; i++) await new Promise((resolve) => void setImmediate(resolve));
      const killed = await engine.engine.propose({ kind: "kill", id: handle.invocationId });
      const outcomes = await Promise.allSettled([handle.attach(), handle.attach()]);
      for (const outcome of outcomes) assert.equal(outcome.status, killed.ok ? "rejected" : "fulfilled");
    }
  });
});

describe("pausing", () => {
  const steps: string[] = [];
  const worker = service("worker", {
    go: async (ctx) => {
      await ctx.run("first", () => void steps.push("first"));
      await ctx.sleep("1h");
      await ctx.run("second", () => void steps.push("second"));
      return "done";
    },
  });

  it("stops an invocation until it is resumed, wherever it was; recorded steps do not run again", async () => {
    steps.length = 0;
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    await engine.settle();
    await request(engine, { kind: "pause", id: handle.invocationId });
    assert.deepEqual(await request(engine, { kind: "pause", id: handle.invocationId }), { unchanged: true });
    await engine.advance("2h");
    assert.equal(statusOf(engine, handle.invocationId), "paused");
    assert.deepEqual(rowOf(engine, handle.invocationId).events.at(-1)?.message, "Paused by request");
    await request(engine, { kind: "resume", id: handle.invocationId, deployment: undefined });
    assert.equal(await handle.attach(), "done");
    assert.deepEqual(steps, ["first", "second"]);
  });

  it("cuts off a running attempt, whose interrupted step runs again after the resume", async () => {
    const gate = new Gate();
    const runner = service("runner", {
      go: async (ctx) => ctx.run("long", ({ signal }) => gate.pass(signal)),
    });
    await using engine = await createTestEngine({ services: [runner] });
    const handle = await engine.send(runner.go);
    await until(() => gate.arrivals === 1);
    await request(engine, { kind: "pause", id: handle.invocationId });
    gate.open();
    await engine.settle();
    assert.equal(statusOf(engine, handle.invocationId), "paused");
    await request(engine, { kind: "resume", id: handle.invocationId, deployment: undefined });
    await handle.attach();
    assert.equal(gate.arrivals, 2);
  });

  it("keeps an object's lock", async () => {
    const box = object("box", { hold: async (ctx) => ctx.sleep("1h"), pass: async () => "passed" });
    await using engine = await createTestEngine({ services: [box] });
    const holding = await engine.send(box.hold, "k");
    await engine.settle();
    await request(engine, { kind: "pause", id: holding.invocationId });
    const waiting = await engine.send(box.pass, "k");
    await engine.advance("1d");
    assert.equal(statusOf(engine, waiting.invocationId), "queued");
    await request(engine, { kind: "resume", id: holding.invocationId, deployment: undefined });
    assert.equal(await waiting.attach(), "passed");
  });

  it("of what has not started, has completed, or is unknown is refused with the reason", async () => {
    await using engine = await createTestEngine({ services: [worker] });
    const delayed = await engine.send(worker.go, undefined, { delay: "1d" });
    const handle = await engine.send(worker.go);
    await engine.advance("2h");
    for (const kind of ["pause", "resume"] as const) {
      assert.match(
        await refusal(engine, { kind, id: delayed.invocationId, deployment: undefined }),
        /invocation-not-started: .* is scheduled/,
      );
      const body = { kind, id: handle.invocationId, deployment: undefined } as const;
      assert.match(await refusal(engine, body), /invocation-completed/);
      assert.match(await refusal(engine, { ...body, id: "inv_1nobody" }), /invocation-not-found/);
    }
  });
});

describe("restarting what has completed", () => {
  const runs: string[] = [];
  const worker = service("worker", {
    go: async (ctx, input: string) => {
      const uuid = ctx.uuid();
      const first = await ctx.run("first", () => {
        runs.push("first");
        return `${input} 1`;
      });
      const second = await ctx.run("second", () => {
        runs.push("second");
        return `${first} 2`;
      });
      return `${second} ${uuid}`;
    },
  });

  it("from the start gives a new invocation with the same input that repeats everything", async () => {
    runs.length = 0;
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go, "in");
    const before = await handle.attach();
    const newId = engine.engine.invocationIdFor({ service: "worker", handler: "go", key: "", isRun: false });
    await request(engine, {
      kind: "restart",
      id: handle.invocationId,
      newId,
      fromCommand: 0,
      deployment: undefined,
    });
    const after = await engine.handle<string>(newId).attach();
    assert.match(after, /^in 1 2 /);
    assert.notEqual(after, before, "other random numbers");
    assert.deepEqual(runs, ["first", "second", "first", "second"]);
    assert.deepEqual(rowOf(engine, newId).source, { kind: "restart", id: handle.invocationId });
    assert.equal(await handle.attach(), before);
  });

  it("behind a prefix of its journal keeps those results and the random numbers they may depend on", async () => {
    runs.length = 0;
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go, "in");
    const before = await handle.attach();
    const newId = engine.engine.invocationIdFor({ service: "worker", handler: "go", key: "", isRun: false });
    await request(engine, {
      kind: "restart",
      id: handle.invocationId,
      newId,
      fromCommand: 1,
      deployment: undefined,
    });
    assert.equal(await engine.handle(newId).attach(), before);
    assert.deepEqual(runs, ["first", "second", "second"]);
  });

  it("is refused where it cannot be, with the reason", async () => {
    const flow = workflow("flow", {}, async () => "done");
    await using engine = await createTestEngine({ services: [worker, flow] });
    const handle = await engine.send(worker.go, "in");
    await handle.attach();
    const run = await engine.send(flow, "k");
    await run.attach();
    const running = await engine.send(worker.go, "in", { delay: "1d" });
    const restart = (id: string, fromCommand: number) =>
      refusal(engine, { kind: "restart", id, newId: "inv_1new", fromCommand, deployment: undefined });
    assert.match(
      await restart(handle.invocationId, 9),
      /restart-point-invalid: .* commands 0 to 3; there is no 9/,
    );
    assert.match(await restart(handle.invocationId, 3), /restart-point-invalid: .* output/);
    assert.match(await restart(run.invocationId, 0), /restart-unsupported/);
    assert.match(await restart(running.invocationId, 0), /invocation-not-started/);
    assert.match(await restart("inv_1nobody", 0), /invocation-not-found/);
    await request(engine, { kind: "purge", id: handle.invocationId, journalOnly: true });
    assert.match(await restart(handle.invocationId, 0), /journal-gone/);
  });
});

describe("purging", () => {
  const worker = service("worker", { go: async (ctx) => ctx.run("step", () => "done") });

  it("removes a completed invocation, or only its journal", async () => {
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    await handle.attach();
    await request(engine, { kind: "purge", id: handle.invocationId, journalOnly: true });
    assert.deepEqual(engine.engine.tables.journal(rowOf(engine, handle.invocationId)), []);
    assert.equal(await handle.attach(), "done");
    await request(engine, { kind: "purge", id: handle.invocationId, journalOnly: false });
    assert.equal(statusOf(engine, handle.invocationId), "gone");
    assert.match(
      await refusal(engine, { kind: "purge", id: handle.invocationId, journalOnly: false }),
      /invocation-not-found/,
    );
  });

  it("is refused while it runs", async () => {
    await using engine = await createTestEngine({ services: [worker] });
    const handle = await engine.send(worker.go);
    const body = { kind: "purge", id: handle.invocationId, journalOnly: false } as const;
    assert.match(await refusal(engine, body), /invocation-not-completed/);
    assert.equal(await handle.attach(), "done");
  });

  it("of a workflow lets its key start again", async () => {
    const flow = workflow("flow", {}, async (ctx) => {
      ctx.state.set("n", 1);
      return "done";
    });
    await using engine = await createTestEngine({ services: [flow] });
    const first = await engine.send(flow, "k");
    await first.attach();
    await request(engine, { kind: "purge", id: first.invocationId, journalOnly: false });
    assert.equal(checkTables(engine.engine.tables).objects, 0);
    assert.equal(await (await engine.send(flow, "k")).attach(), "done");
  });
});
