import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { allExperiments } from "./all-experiments.ts";
import type { Finding } from "./experiment.ts";
import { markdownTable } from "./report/markdown-table.ts";
import { complaintsOf, provesNothing, type Result } from "./run-experiment.ts";

const clean: Finding = {
  rounds: 3,
  faults: 3,
  verified: 1_234,
  violations: [],
  notes: ["a | b"],
  vacuous: [],
};

function tried(finding: Partial<Finding>): Result {
  return { kind: "tried", name: "kill", tries: "kill -9", seconds: 1, finding: { ...clean, ...finding } };
}

test("a run without a broken promise has no complaints, one that proves nothing has", () => {
  assert.deepEqual(complaintsOf(tried({})), []);
  assert.deepEqual(complaintsOf(tried({ vacuous: ["no load"] })), ["kill proves nothing: no load"]);
  assert.deepEqual(complaintsOf(tried({ violations: [{ kind: "lost", text: "x" }] })), ["kill: lost: x"]);
});

test("only a run that broke nothing is tried again when it proves nothing", () => {
  const lost = { kind: "lost", text: "x" } as const;
  assert.ok(provesNothing(tried({ vacuous: ["no load"] })));
  assert.ok(!provesNothing(tried({})));
  assert.ok(!provesNothing(tried({ vacuous: ["no load"], violations: [lost] })));
});

test("the table counts what was lost and what was done twice, and shows what was skipped with the way out", () => {
  const table = markdownTable([
    tried({
      violations: [
        { kind: "lost", text: "x" },
        { kind: "early", text: "y" },
      ],
    }),
    {
      kind: "skipped",
      name: "clock",
      tries: "jumps",
      seconds: 0,
      reason: "needs faketime (apt-get install faketime)",
    },
  ]);
  assert.match(table, /\| `kill`: kill -9 \| 3 \| 3 \| 1,234 \| 1 \| 0 \| a \\\| b; \*\*early\*\*: y \|/);
  assert.match(table, /\| `clock`: jumps \| skipped \|.*apt-get install faketime/);
});

test("the README has a row for each experiment, as the experiment itself says it", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const rows = readme.split("\n").filter((line) => line.startsWith("| `"));
  assert.deepEqual(
    rows,
    allExperiments.map(({ name, tries, needs }) => `| \`${name}\` | ${tries} | ${needs.join(", ")} |`),
  );
});
