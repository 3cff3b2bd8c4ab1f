/**
 * Random programs on an engine that is crashed and started again at random moments, with checkpoints every few rows. What
 * was acknowledged must end with the right result, and a step whose result is recorded must not run again.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkTables } from "@holdfast/engine";
import { decodeMessage, MessageType } from "@holdfast/protocol";
import { object, TerminalError, workflow } from "@holdfast/sdk";
import { z } from "zod";

import { MemoryLog, type LogMemory } from "../log/memory-log.ts";
import { TestEngine } from "../testing.ts";

const SEEDS = Array.from({ length: 12 }, (_, i) => i + 1);
const FLOWS = 30;
const KEYS = ["a", "b", "c"];

/** A small generator of random numbers with a seed (xorshift), so that a failure can be repeated. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761) >>> 0 || 1;
  }

  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    this.#state >>>= 0;
    return this.#state % limit;
  }

  pick<Value>(values: readonly Value[]): Value {
    return values[this.below(values.length)] as Value;
  }
}

type Action =
  | { readonly kind: "step"; readonly failures: number }
  | { readonly kind: "sleep"; readonly ms: number }
  | { readonly kind: "add"; readonly key: string }
  | { readonly kind: "send"; readonly key: string; readonly delayMs: number }
  | { readonly kind: "approval" }
  | { readonly kind: "race"; readonly ms: number }
  | { readonly kind: "attempt fails"; readonly times: number };

function drawPlan(dice: Dice): Action[] {
  return Array.from({ length: 1 + dice.below(6) }, (): Action => {
    switch (dice.below(7)) {
      case 0:
        return { kind: "sleep", ms: dice.pick([1, 50, 3_000, 20_000, 600_000]) };
      case 1:
      case 2:
        return { kind: "add", key: dice.pick(KEYS) };
      case 3:
        return { kind: "send", key: dice.pick(KEYS), delayMs: dice.pick([0, 0, 100, 40_000]) };
      case 4:
        return { kind: "race", ms: dice.pick([10, 30_000]) };
      case 5:
        return dice.below(2) === 0
          ? { kind: "approval" }
          : { kind: "attempt fails", times: 1 + dice.below(2) };
      default:
        return { kind: "step", failures: dice.below(3) };
    }
  });
}

/** What happens outside the engine: every execution of a step, and what must not be executed again. */
class Outside {
  readonly executions = new Map<string, number>();
  readonly recorded = new Set<string>();
  readonly violations: string[] = [];
  /** Approvals that flows wait for: workflow keys. */
  readonly approvals = new Set<string>();

  /** `key` is the step's idempotency key: invocation and completion id. */
  execute(key: string): number {
    if (this.recorded.has(key)) this.violations.push(`step ${key} ran although its result was recorded`);
    const count = (this.executions.get(key) ?? 0) + 1;
    this.executions.set(key, count);
    return count;
  }
}

function programs(outside: Outside) {
  const counter = object("counter", {
    add: async (ctx, by: number) => {
      const before = (await ctx.state.get<number>("count")) ?? 0;
      await ctx.run("look aside", ({ idempotencyKey }) => outside.execute(idempotencyKey));
      ctx.state.set("count", before + by);
      return before + by;
    },
  });
  const flow = workflow(
    "flow",
    { promises: { approval: z.string() } },
    async (ctx, plan: readonly Action[]) => {
      let done = 0;
      for (const action of plan) {
        switch (action.kind) {
          case "step":
            await ctx.run(
              "step",
              ({ idempotencyKey }) => {
                if (outside.execute(idempotencyKey) <= action.failures) throw new Error("not yet");
                return done;
              },
              { retry: { initial: "50ms", max: "1s" } },
            );
            break;
          case "sleep":
            await ctx.sleep(`${action.ms}ms`);
            break;
          case "add":
            await ctx.call(counter.add, action.key, 1);
            break;
          case "send":
            await ctx.send(counter.add, action.key, 1, { delay: `${action.delayMs}ms` });
            break;
          case "approval":
            outside.approvals.add(ctx.key);
            await ctx.promise("approval");
            break;
          case "race":
            await Promise.race([
              ctx.sleep(`${action.ms}ms`),
              ctx.run("racer", ({ idempotencyKey }) => outside.execute(idempotencyKey)),
            ]);
            break;
          case "attempt fails": {
            const count = await ctx.run("count", ({ idempotencyKey }) => outside.execute(idempotencyKey));
            const tries = outside.execute(`${ctx.invocationId}/attempt ${done}`);
            if (tries <= action.times) throw new Error(`attempt ${tries} fails after ${count}`);
            break;
          }
        }
        done += 1;
      }
      if (plan.length === 5) throw new TerminalError("five is too many", { code: 422 });
      return done;
    },
  );
  return { counter, flow };
}

/** Syncs that take a few turns of the event loop, and that a crash may or may not complete. */
class SlowDisk {
  readonly #dice: Dice;
  #underWay: (() => void) | undefined;

  constructor(dice: Dice) {
    this.#dice = dice;
  }

  open(memory: LogMemory): Promise<MemoryLog> {
    return MemoryLog.open({ memory, defer: (run) => this.#sync(run, this.#dice.below(6)) });
  }

  #sync(run: () => void, turnsLeft: number): void {
    this.#underWay = run;
    setImmediate(() => {
      if (this.#underWay !== run) return;
      if (turnsLeft > 0) {
        this.#sync(run, turnsLeft - 1);
        return;
      }
      this.#underWay = undefined;
      run();
    });
  }

  crash(): void {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    if (this.#dice.below(2) === 0) underWay?.();
  }
}

/** One run: flows that are submitted, crashed with their engine, and in the end looked at. */
class Run {
  readonly dice: Dice;
  readonly disk: SlowDisk;
  readonly outside: Outside;
  readonly plans = new Map<string, readonly Action[]>();
  /** Keys of flows whose start was acknowledged. */
  readonly acknowledged: string[] = [];
  readonly services: ReturnType<typeof programs>;
  engine: TestEngine;
  crashes = 0;

  static async begin(seed: number): Promise<Run> {
    const outside = new Outside();
    const services = programs(outside);
    const dice = new Dice(seed);
    const disk = new SlowDisk(dice);
    const options = {
      services: [services.counter, services.flow],
      settings: { inactivityTimeoutMs: 2_000 },
      checkpoints: { dirtyRows: 5, logBytes: 20_000, intervalMs: 400 },
    };
    const engine = await TestEngine.open(options, { openLog: (memory) => disk.open(memory) });
    return new Run({ dice, disk, outside, services, engine });
  }

  private constructor(parts: Pick<Run, "dice" | "disk" | "outside" | "services" | "engine">) {
    this.dice = parts.dice;
    this.disk = parts.disk;
    this.outside = parts.outside;
    this.services = parts.services;
    this.engine = parts.engine;
  }

  /** Some starts, some approvals, some time, and then the engine dies, with turns of the event loop in between. */
  async epoch(): Promise<void> {
    for (let i = 0; i < 6 && this.plans.size < FLOWS; i++) this.#submit();
    for (let i = this.dice.below(20); i > 0; i--) await nextTurn();
    if (this.dice.below(3) > 0) await this.engine.advance(this.dice.pick([1, 40, 700, 5_000, 50_000]));
    this.#approve();
    for (let i = this.dice.below(20); i > 0; i--) await nextTurn();
    await this.#crash();
  }

  #submit(): void {
    const key = `flow-${this.plans.size}`;
    const plan = drawPlan(this.dice);
    this.plans.set(key, plan);
    // A crash may leave this promise open for ever: nobody was told anything then.
    this.engine.send(this.services.flow, key, plan).then(
      () => this.acknowledged.push(key),
      (error: unknown) => this.outside.violations.push(`start of ${key} was refused: ${String(error)}`),
    );
  }

  #approve(): void {
    for (const key of this.outside.approvals) {
      if (this.dice.below(2) === 0) continue;
      void this.engine.promise(this.services.flow, key, "approval").resolve("yes");
    }
  }

  async #crash(): Promise<void> {
    this.crashes += 1;
    this.disk.crash();
    this.engine = await this.engine.restart();
    // What recovery found is durable. Nothing has acted on it yet that could add to it.
    this.#noteRecorded();
    const { problems } = checkTables(this.engine.engine.tables);
    assert.deepEqual(problems, []);
  }

  /** Whatever result of a step the journals hold is final from here on. */
  #noteRecorded(): void {
    const { tables } = this.engine.engine;
    for (const [id, row] of tables.invocations.all()) {
      for (const entry of tables.journal(row)) {
        if (entry.type !== MessageType.RunCompletion) continue;
        const message = decodeMessage(entry.type, entry.body);
        if ("completionId" in message) this.outside.recorded.add(`${id}:${message.completionId}`);
      }
    }
  }

  async finish(): Promise<void> {
    for (let round = 0; round < 40; round++) {
      await this.engine.advance(60_000);
      for (const key of this.outside.approvals) {
        await this.engine.promise(this.services.flow, key, "approval").resolve("yes").catch(ignoreClosed);
      }
    }
    await this.engine.settle();
  }

  /** Every acknowledged flow has the outcome its plan says, and every call of a counter counted once. */
  async check(): Promise<void> {
    const { tables } = this.engine.engine;
    assert.deepEqual(checkTables(tables).problems, []);
    const adds = new Map<string, number>(KEYS.map((key) => [key, 0]));
    const started = new Set<string>();
    for (const [, row] of tables.invocations.all()) {
      assert.equal(row.status, "completed", `${row.target.service}/${row.target.key} ${row.id}`);
      if (row.target.service === "flow") started.add(row.target.key);
    }
    for (const key of this.acknowledged)
      assert.ok(started.has(key), `${key} was acknowledged and is not there`);
    for (const key of started) {
      const plan = this.plans.get(key) ?? [];
      await this.#checkOutcome(key, plan);
      for (const action of plan) {
        if (action.kind === "add" || action.kind === "send")
          adds.set(action.key, (adds.get(action.key) ?? 0) + 1);
      }
    }
    for (const [key, count] of adds) {
      const total = count === 0 ? 0 : await this.engine.call(this.services.counter.add, key, 0);
      assert.equal(total, count, `counter ${key}`);
    }
    assert.deepEqual(this.outside.violations, []);
  }

  async #checkOutcome(key: string, plan: readonly Action[]): Promise<void> {
    const id = this.engine.engine.invocationIdFor({ service: "flow", handler: "run", key, isRun: true });
    const outcome = this.engine.handle(id).attach();
    if (plan.length === 5) await assert.rejects(outcome, { message: "five is too many", code: 422 });
    else assert.equal(await outcome, plan.length);
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function ignoreClosed(error: { readonly code?: unknown }): void {
  assert.ok(error.code === "workflow-completed" || error.code === "promise-not-found", `${error.code}`);
}

describe("random programs on an engine that crashes", () => {
  for (const seed of SEEDS) {
    it(`end as if it had not, seed ${seed}`, async () => {
      const run = await Run.begin(seed);
      while (run.plans.size < FLOWS || run.crashes < 10) await run.epoch();
      await run.finish();
      await run.check();
      assert.ok(run.acknowledged.length > 0 && run.outside.recorded.size > 0, "nothing was tested");
      await run.engine.close();
    });
  }
});
