/** Generated programs on the real engine. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createRandom } from "../random.ts";
import { VerbCoverage } from "./coverage.ts";
import { expectedOutcome, isExpected } from "./expected-outcome.ts";
import { generateProgram } from "./generate.ts";
import type { ServicesVersion } from "./services.ts";
import { World } from "./world.contract.ts";

const PROGRAMS = 400;
const BATCH = 20;

/** Runs a batch of programs at the same time, and holds their outcomes against what was expected. */
async function runBatch(world: World, first: number): Promise<void> {
  const programs = Array.from({ length: BATCH }, (_, index) => ({
    seed: first + index,
    program: generateProgram(createRandom(`program ${first + index}`)),
  }));
  const ids: string[] = [];
  for (const { program } of programs) ids.push(await world.submit(program));
  await world.runToEnd();
  for (const [index, { seed, program }] of programs.entries()) {
    const expected = expectedOutcome(program);
    if (expected === undefined) continue;
    const outcome = world.outcome(ids[index] ?? "");
    assert.ok(
      isExpected(expected, outcome),
      `program ${seed}: ${JSON.stringify(outcome)}\ninstead of ${show(expected)}\n${JSON.stringify(program)}`,
    );
  }
}

function show(pattern: unknown): string {
  return JSON.stringify(pattern, (_key, value: unknown) => (typeof value === "symbol" ? "*" : value));
}

describe("generated programs on the real engine", () => {
  it(`end as expected, ${PROGRAMS} of them, and use every verb and nearly every pair`, async () => {
    const coverage = new VerbCoverage();
    for (let first = 0; first < PROGRAMS; first += BATCH) {
      const version: ServicesVersion = (first / BATCH) % 2 === 0 ? 1 : 2;
      const world = await World.open(version);
      await runBatch(world, first);
      world.checkAndCount();
      coverage.merge(world.coverage);
      await world.close();
    }
    const report = coverage.report(new Set(["unstable"]));
    assert.deepEqual(report.verbsMissing, []);
    assert.deepEqual(report.messagesMissing, []);
    assert.ok(report.percent >= 95, `${report.percent} %`);
  });
});
