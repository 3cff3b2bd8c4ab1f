// Runs *.test.ts files with node:test. Unit tests of one workspace share a process, which is two orders of magnitude
// faster than a process per file and fails when a test leaks state into the next. Tests that need a process to
// themselves are called *.process.test.ts.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";

import { listSourceFiles, ROOT } from "../source-files.ts";
import type { FinishedTest, TestLine } from "./event-reporter.ts";
import type { PhaseReport } from "./phase.ts";
import { type CommandOutcome, runNode } from "./run-command.ts";

const FILE_TIMEOUT_MS = 300_000;
const PROCESSES_AT_ONCE = 2;
/** How a line begins that is shown although nothing failed. */
const NOT_TRIED = "NOT TRIED: ";

export type TestFileKind = "unit" | "process";

export async function runTestFiles(kind: TestFileKind, only: string): Promise<PhaseReport> {
  const files = listSourceFiles().filter((path) => kindOf(path) === kind && path.includes(only));
  const runs = kind === "unit" ? byWorkspace(files) : files.map((path) => [path]);
  const results: RunResult[] = [];

  const queue = [...runs];
  const work = async (): Promise<void> => {
    for (let run = queue.shift(); run !== undefined; run = queue.shift())
      results.push(await runTogether(run));
  };
  await Promise.all(Array.from({ length: PROCESSES_AT_ONCE }, work));

  const notTried = results.flatMap((result) => result.notTried);
  return {
    passed: results.reduce((sum, result) => sum + result.passed, 0),
    failed: results.reduce((sum, result) => sum + result.failures.length, 0),
    skipped: results.reduce((sum, result) => sum + result.skipped, 0),
    extent: `${files.length} files`,
    failures: results.flatMap((result) => result.failures),
    tests: results.flatMap((result) => result.tests),
    ...(notTried.length === 0 ? {} : { notes: notTried.join("\n") }),
  };
}

function kindOf(path: string): TestFileKind | undefined {
  if (!path.endsWith(".test.ts")) return undefined;
  return path.endsWith(".process.test.ts") ? "process" : "unit";
}

function byWorkspace(files: readonly string[]): string[][] {
  const groups = Map.groupBy(files, (path) => {
    const [top, second] = path.split("/");
    return top === "packages" || top === "apps" ? `${top}/${second}` : (top ?? path);
  });
  return [...groups.values()];
}

interface RunResult {
  readonly passed: number;
  readonly skipped: number;
  readonly failures: readonly string[];
  readonly tests: readonly FinishedTest[];
  /** Lines by which test files say what they cannot try on this machine, and what would help. */
  readonly notTried: readonly string[];
}

/** Runs the files in one child without isolation between them. */
async function runTogether(files: readonly string[]): Promise<RunResult> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-test-"));
  const events = join(folder, "events.jsonl");
  try {
    const outcome = await runNode(
      [
        "--test",
        "--test-isolation=none",
        `--test-timeout=${FILE_TIMEOUT_MS}`,
        `--test-reporter=${join(ROOT, "tools/test/event-reporter.ts")}`,
        `--test-reporter-destination=${events}`,
        ...files,
      ],
      FILE_TIMEOUT_MS,
    );
    return summarize(files, readEvents(events), outcome);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readEvents(path: string): readonly TestLine[] {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // The child died before its reporter opened the file; its exit code and output tell the story.
  }
  const lines: TestLine[] = [];
  for (const line of text.split("\n")) {
    // Only a child that was killed leaves a last line without its end.
    if (line.endsWith("}")) lines.push(JSON.parse(line) as TestLine);
  }
  return lines;
}

function summarize(files: readonly string[], lines: readonly TestLine[], outcome: CommandOutcome): RunResult {
  const failures: string[] = [];
  const diagnostics: string[] = [];
  let passed = 0;
  let skipped = 0;

  for (const line of lines) {
    if (line.kind === "diagnostic") {
      diagnostics.push(line.message);
      continue;
    }
    const where = relative(ROOT, line.file).replaceAll("\\", "/");
    // For a file that declares no test, node:test reports the file itself as a passed test.
    const empty = line.kind === "pass" && resolve(ROOT, line.name) === line.file;
    if (line.kind === "fail") failures.push(`${where}: ${line.name}\n${line.error ?? ""}`);
    else if (empty) failures.push(`${where}: declares no test`);
    else if (line.kind === "skip") skipped += 1;
    else passed += 1;
  }

  const silent = failures.length === 0 && (outcome.exitCode !== 0 || passed + skipped === 0);
  const killed = outcome.timedOut || outcome.exitCode === undefined;
  if (silent || killed) failures.push(describeBadEnd(files, diagnostics, outcome));
  else if (failures.length > 0 && outcome.output !== "") failures.push(...attach(failures, outcome.output));
  const notTried = outcome.output.split("\n").filter((line) => line.startsWith(NOT_TRIED));
  const tests = lines.filter((line) => line.kind !== "diagnostic");
  return { passed, skipped, failures, tests, notTried };
}

/** Puts what the process printed behind its last failure instead of counting it as one more. */
function attach(failures: string[], output: string): string[] {
  const last = failures.pop() ?? "";
  return [`${last}\n--- output of the process ---\n${output.trimEnd()}`];
}

/** The process did not end well, for a reason that no failed test tells: say how, and repeat all it said. */
function describeBadEnd(
  files: readonly string[],
  diagnostics: readonly string[],
  outcome: CommandOutcome,
): string {
  const end = outcome.timedOut
    ? `did not end within ${FILE_TIMEOUT_MS / 1_000} s; a timer, socket or child process may still be open`
    : outcome.exitCode === undefined
      ? "was ended by a signal"
      : `ended with exit code ${outcome.exitCode} without a failed test`;
  return [`${files.join(", ")}: ${end}`, ...diagnostics, outcome.output.trimEnd()].join("\n");
}
