/** The short form of an experiment as a test. */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Experiment } from "./experiment.ts";
import { complaintsOf, provesNothing, runExperiment, type Result } from "./run-experiment.ts";
import { missing } from "./tools.ts";

const TIMEOUT_MS = 300_000;
/** On a busy machine a run of seconds may be over before its fault had anything to hit. That is no finding: it is tried again. */
const TRIES_MAX = 3;

/** `CRUCIBLE_SEED` repeats the choices of an earlier run. An experiment that cannot be carried out here is no test here. */
export function testShortly(experiment: Experiment): void {
  const { name, tries, needs } = experiment;
  const lacking = missing(needs);
  if (lacking !== undefined) {
    // The test run shows lines that begin so.
    console.log(`NOT TRIED: crucible, ${name}: ${lacking}`);
    return;
  }
  test(
    `${name}: nothing acknowledged is lost or done twice (${tries})`,
    { timeout: TIMEOUT_MS },
    async (t) => {
      const run = (chosen: number): Promise<Result> =>
        runExperiment(experiment, { length: "short", seed: chosen, say: (text) => t.diagnostic(text) });
      const seed = Number(process.env["CRUCIBLE_SEED"] ?? Date.now() % 1_000_000);
      t.diagnostic(`CRUCIBLE_SEED=${seed}`);
      let result = await run(seed);
      for (let tries = 1; tries < TRIES_MAX && provesNothing(result); tries++) {
        t.diagnostic(complaintsOf(result).join("; "));
        result = await run(seed + tries);
      }
      assert.deepEqual(complaintsOf(result), [], `repeat it with CRUCIBLE_SEED=${seed}`);
    },
  );
}
