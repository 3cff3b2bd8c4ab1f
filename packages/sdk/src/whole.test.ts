/** Handlers against the real engine: what they are promised has to hold across crashes and new code. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { object, service, shared, TerminalError, workflow, type Context } from "@holdfast/sdk";
import { createTestEngine, type TestEngine } from "@holdfast/server/testing";
import { z } from "zod";

async function engineFor(
  ...services: Parameters<typeof createTestEngine>[0]["services"]
): Promise<TestEngine> {
  return createTestEngine({ services });
}

test("a crash repeats no step that was recorded", async () => {
  const done: string[] = [];
  const step = (ctx: Context, name: string): Promise<number> => ctx.run(name, () => done.push(name));
  const flow = service("flow", {
    run: async (ctx) => {
      await step(ctx, "a");
      await Promise.all([step(ctx, "b"), step(ctx, "c")]);
      await ctx.sleep("3d");
      await step(ctx, "d");
      return done.length;
    },
  });
  let engine = await engineFor(flow);
  const { invocationId } = await engine.send(flow.run);
  await engine.settle();
  engine = await engine.restart();
  const outcome = engine.handle(invocationId).attach();
  await engine.advance("3d");
  assert.equal(await outcome, 4);
  assert.deepEqual(done, ["a", "b", "c", "d"]);
  await engine.close();
});

test("failed executions of a step count across crashes", async () => {
  const attempts: number[] = [];
  const flow = service("flow", {
    run: (ctx) =>
      ctx.run(
        "flaky",
        ({ attempt }) => {
          attempts.push(attempt);
          throw new Error("no");
        },
        { retry: { attempts: 4, initial: "1h", factor: 1 } },
      ),
  });
  let engine = await engineFor(flow);
  const { invocationId } = await engine.send(flow.run);
  await engine.advance("1h");
  engine = await engine.restart();
  const outcome = assert.rejects(engine.handle(invocationId).attach(), /failed 4 times/);
  await engine.advance("5h");
  await outcome;
  assert.equal(attempts.at(-1), 4);
  assert.deepEqual(new Set(attempts), new Set([1, 2, 3, 4]));
  await engine.close();
});

test("a cancelled invocation takes its steps back, also when a crash comes between", async () => {
  const undone: string[] = [];
  let mayUndo = false;
  const flow = service("flow", {
    run: async (ctx) => {
      await ctx.run("a", () => "A", { undo: (result) => void undone.push(`a ${result}`) });
      await ctx.run("b", () => "B", {
        undo: (result) => {
          if (!mayUndo) throw new Error("not yet");
          undone.push(`b ${result}`);
        },
      });
      await ctx.sleep("30d");
    },
  });
  let engine = await engineFor(flow);
  const handle = await engine.send(flow.run);
  await engine.settle();
  await handle.cancel();
  await engine.settle();
  mayUndo = true;
  engine = await engine.restart();
  const outcome = assert.rejects(engine.handle(handle.invocationId).attach(), { code: 409 });
  await engine.advance("1h");
  await outcome;
  assert.deepEqual(undone, ["b B", "a A"]);
  await engine.close();
});

test("new code that does not match the journal says so; the old code finishes it", async () => {
  const flow =
    (name: string) =>
    async (ctx: Context): Promise<string> => {
      await ctx.run(name, () => 1);
      await ctx.sleep("1h");
      return name;
    };
  const old = service("flow", { run: flow("migrate") });
  let engine = await engineFor(old);
  const { invocationId } = await engine.send(old.run);
  await engine.settle();
  engine = await engine.restart([service("flow", { run: flow("notify") })]);
  await engine.advance("1h");
  const failure = engine.engine.tables.invocations.get(invocationId)?.lastFailure;
  assert.equal(failure?.code, "journal-mismatch");
  assert.match(failure?.message ?? "", /recorded: run "migrate".*\n.*now: {6}run "notify"/);

  engine = await engine.restart([old]);
  const outcome = engine.handle(invocationId).attach();
  await engine.advance("1h");
  assert.equal(await outcome, "migrate");
  await engine.close();
});

test("objects, calls between handlers, and failures that cross them", async () => {
  const account = object("account", {
    add: async (ctx, amount: number) => {
      const balance = ((await ctx.state.get<number>("balance")) ?? 0) + amount;
      if (balance < 0)
        throw new TerminalError("not enough", { code: "overdrawn", data: { missing: -balance } });
      ctx.state.set("balance", balance);
      return balance;
    },
    balance: shared({}, (ctx) => ctx.state.get<number>("balance")),
  });
  const bank = service("bank", {
    move: async (ctx, amount: number) => {
      await ctx.run("reserve", () => 1, { undo: () => ctx.invocationId });
      try {
        await ctx.call(account.add, "from", -amount);
      } catch (error) {
        assert.ok(error instanceof TerminalError);
        return [error.code, error.data];
      }
      return [await ctx.call(account.add, "to", amount)];
    },
  });
  const engine = await engineFor(account, bank);
  await engine.call(account.add, "from", 10);
  const moves = await Promise.all([6, 6, 4].map((amount) => engine.call(bank.move, amount)));
  const failed = moves.filter(([code]) => code === "overdrawn");
  assert.equal(failed.length, 1);
  assert.equal(await engine.call(account.balance, "from"), 0);
  assert.equal(await engine.call(account.balance, "to"), 10);
  await engine.close();
});

test("a workflow waits for its promises, an awakeable and signals, over a crash", async () => {
  const release = workflow(
    "release",
    { promises: { approval: z.object({ by: z.string() }) } },
    async (ctx) => {
      const { by } = await ctx.promise("approval");
      return [by, await ctx.signal<string>("go")];
    },
    {
      approve: (ctx, by: string) => ctx.promise("approval").resolve({ by }),
      go: async (ctx, target: string) => ctx.sendSignal(target, "go", "now"),
    },
  );
  let engine = await engineFor(release);
  const { invocationId } = await engine.send(release, "k");
  await engine.settle();
  assert.deepEqual(await engine.call(release.handlers.approve, "k", "kim"), {
    first: true,
    outcome: { ok: true, value: { by: "kim" } },
  });
  engine = await engine.restart();
  await engine.call(release.handlers.go, "k", invocationId);
  assert.deepEqual(await engine.handle(invocationId).attach(), ["kim", "now"]);
  await engine.close();
});

test("a sent invocation can be moved and cancelled until it starts", async () => {
  const started: string[] = [];
  const job = service("job", {
    run: async (ctx, name: string) => void (await ctx.run("note", () => started.push(name))),
  });
  const flow = service("flow", {
    run: async (ctx) => {
      const moved = await ctx.send(job.run, "moved", { delay: "3d" });
      const cancelled = await ctx.send(job.run, "cancelled", { delay: "1h" });
      cancelled.cancel();
      const early = await moved.reschedule("2h");
      await ctx.sleep("4h");
      return [early, await moved.reschedule("1d")];
    },
  });
  const engine = await engineFor(job, flow);
  const outcome = engine.call(flow.run);
  await engine.advance("4h");
  assert.deepEqual(await outcome, [true, false]);
  assert.deepEqual(started, ["moved"]);
  await engine.close();
});
