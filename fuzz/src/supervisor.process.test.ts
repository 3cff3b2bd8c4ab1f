/** A whole run of one target in its worker. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { supervise } from "./engine/supervisor.ts";

test("a target is fuzzed in a worker, and what it reached and kept is reported", async () => {
  const findings: string[] = [];
  const report = await supervise({
    target: "identifiers",
    seed: 1,
    ms: 60_000,
    runs: 1_000,
    writesCorpus: false,
    onFinding: (_file, text) => findings.push(text),
  });
  assert.deepEqual(findings, []);
  assert.ok(report.executions >= 1_000);
  assert.ok(report.blocks > 50 && report.corpusFiles > 5);
});
