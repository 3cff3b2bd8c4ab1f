// The whole test suite, cheapest checks first. The last line is the verdict: "N passed, N failed".
//
//   npm test                          everything
//   npm test -- --phase unit          one phase (repeatable): types, lint, format, tidy, unit, process
//   npm test -- --only journal        test files whose path contains the text, without the static checks
//   npm test -- --results FILE        also one JSON line per test, for programs

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";

import type { FinishedTest } from "./event-reporter.ts";
import type { PhaseReport } from "./phase.ts";
import { stopChildrenOnSignal } from "./run-command.ts";
import { checkFormat, checkLint, checkTidy, checkTypes } from "./static-checks.ts";
import { runTestFiles } from "./test-files.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    phase: { type: "string", multiple: true },
    results: { type: "string" },
  },
});
const only = values.only ?? "";

const PHASES: Readonly<Record<string, () => Promise<PhaseReport>>> = {
  types: checkTypes,
  lint: checkLint,
  format: checkFormat,
  tidy: checkTidy,
  unit: () => runTestFiles("unit", only),
  process: () => runTestFiles("process", only),
};

const chosen = values.phase ?? (only === "" ? Object.keys(PHASES) : ["unit", "process"]);
const unknown = chosen.find((name) => !Object.hasOwn(PHASES, name));

if (unknown === undefined) {
  stopChildrenOnSignal();
  await runPhases(chosen);
} else {
  console.error(`There is no phase "${unknown}". There are: ${Object.keys(PHASES).join(", ")}.`);
  process.exitCode = 1;
}

async function runPhases(names: readonly string[]): Promise<void> {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const tests: FinishedTest[] = [];
  for (const name of names) {
    const started = performance.now();
    const report = await PHASES[name]?.();
    if (report === undefined) continue;
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    printPhase(name, report, seconds);
    total.passed += report.passed;
    total.failed += report.failed;
    total.skipped += report.skipped;
    tests.push(...(report.tests ?? []));
  }
  if (values.results !== undefined) {
    writeFileSync(values.results, tests.map((test) => `${JSON.stringify(test)}\n`).join(""));
  }

  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
}

function printPhase(name: string, report: PhaseReport, seconds: string): void {
  if (report.notes !== undefined) console.log(report.notes);
  for (const failure of report.failures) console.log(`\nFAILED ${name}: ${failure.trimEnd()}\n`);
  const counts = `${report.passed} passed, ${report.failed} failed`;
  console.log(`${name.padEnd(8)} ${counts.padEnd(24)} ${report.extent.padEnd(28)} ${seconds.padStart(6)} s`);
}
