/** Generated programs on the real engine. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createRandom } from "../random.ts";
import { VerbCoverage } from "./coverage.ts";
import type { ProgramOptions } from "./draft.ts";
import { expectedOutcome, isExpected } from "./expected-outcome.ts";
import { generateProgram } from "./generate.ts";
import type { Program } from "./program.ts";
import { World } from "./world.contract.ts";

const BATCHES = 12;
const PROGRAMS_PER_BATCH = 25;
const CRASHING_BATCHES = 6;
const CRASHES = 8;
/** Alarms between two crashes, at most. */
const ALARMS_MAX = 25;
const PAIRS_PERCENT_MIN = 95;

type Submitted = { readonly program: Program; readonly id: string };

/** Programs that run at the same time, on the same few objects. */
async function submitBatch(world: World, seed: string, options?: ProgramOptions): Promise<Submitted[]> {
  const submitted: Submitted[] = [];
  for (let index = 0; index < PROGRAMS_PER_BATCH; index++) {
    const program = generateProgram(createRandom(seed).fork(String(index)), options);
    submitted.push({ program, id: await world.submit(program) });
  }
  return submitted;
}

function checkBatch(world: World, seed: string, submitted: readonly Submitted[]): void {
  for (const [index, { program, id }] of submitted.entries()) {
    const expected = expectedOutcome(program);
    const outcome = world.outcome(id);
    assert.ok(
      expected === undefined || isExpected(expected, outcome),
      `${seed}, program ${index}: ${JSON.stringify(outcome)}\ninstead of ${show(expected)}\n${JSON.stringify(program)}`,
    );
  }
  world.checkAndCount();
  // A batch without any would prove nothing about them.
  assert.ok(world.increments > 0);
}

function show(pattern: unknown): string {
  return JSON.stringify(pattern, (_key, value: unknown) => (typeof value === "symbol" ? "*" : value));
}

describe("generated programs on the real engine", () => {
  it(`end as expected, and use every verb, every message and ${PAIRS_PERCENT_MIN} % of the pairs`, async () => {
    const coverage = new VerbCoverage();
    for (let batch = 0; batch < BATCHES; batch++) {
      const world = await World.open(batch % 2 === 0 ? 1 : 2);
      const seed = `whole ${batch}`;
      const submitted = await submitBatch(world, seed, { unstable: true });
      await world.runToEnd();
      checkBatch(world, seed, submitted);
      coverage.merge(world.coverage);
      await world.close();
    }
    const report = coverage.report();
    assert.deepEqual(report.verbsMissing, []);
    assert.deepEqual(report.messagesMissing, []);
    assert.ok(report.percent >= PAIRS_PERCENT_MIN, `${report.percent} % of ${report.pairs} pairs`);
  });

  it("end as expected when the engine crashes again and again, and the version changes", async () => {
    for (let batch = 0; batch < CRASHING_BATCHES; batch++) {
      const seed = `crashing ${batch}`;
      const random = createRandom(seed);
      const world = await World.open(1);
      const submitted = await submitBatch(world, seed, { nodesMax: 25 });
      for (let crash = 0; crash < CRASHES; crash++) {
        await world.step(random.below(ALARMS_MAX));
        await world.crash(random.chance(0.5) ? 1 : 2);
      }
      await world.runToEnd();
      checkBatch(world, seed, submitted);
      await world.close();
    }
  });

  it("end as expected where branches lose that wait for the id of a callee", async () => {
    const world = await World.open();
    const inner: Program = { target: { service: "plain" }, body: [{ kind: "sleep", ms: 50, named: false }] };
    const call = { kind: "call", program: inner, headers: false, askId: true, cancel: false } as const;
    const program: Program = {
      target: { service: "plain" },
      body: [{ kind: "branches", join: "race", branches: [[{ kind: "read", what: "log" }], [call]] }],
    };
    const id = await world.submit(program);
    await world.runToEnd();
    assert.deepEqual(world.outcome(id), { value: [["logged"]] });
    await world.close();
  });

  it("tell the ledger when a step begins and when it ends", async () => {
    const world = await World.open();
    await submitBatch(world, "steps");
    await world.runToEnd();
    assert.ok(world.stepsBegun > PROGRAMS_PER_BATCH);
    assert.deepEqual([...world.stepsUnderWay], []);
    await world.close();
  });
});
