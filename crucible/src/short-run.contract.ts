/** The short form of an experiment as a test. */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Experiment } from "./experiment.ts";
import { complaintsOf, runExperiment } from "./run-experiment.ts";
import { missing } from "./tools.ts";

const TIMEOUT_MS = 120_000;

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
      const seed = Number(process.env["CRUCIBLE_SEED"] ?? Date.now() % 1_000_000);
      t.diagnostic(`CRUCIBLE_SEED=${seed}`);
      const result = await runExperiment(experiment, {
        length: "short",
        seed,
        say: (text) => t.diagnostic(text),
      });
      assert.deepEqual(complaintsOf(result), [], `repeat it with CRUCIBLE_SEED=${seed}`);
    },
  );
}
