// The checks that read sources without running them. Each counts as one test, and each knows how many files it must
// have seen: a tool that silently looks at nothing would otherwise be the fastest way to a green run.

import { existsSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";

import { listSourceFiles, ROOT } from "../source-files.ts";
import { checkFailed, checkPassed, checkSkipped, type PhaseReport } from "./phase.ts";
import { runNode } from "./run-command.ts";

const CHECK_TIMEOUT_MS = 120_000;
const PROJECTS_AT_ONCE = 2;

/** Compiles every tsconfig and asserts that together they cover every TypeScript file. */
export async function checkTypes(): Promise<PhaseReport> {
  const projects = listSourceFiles().filter(isTypesProject);
  const sources = listSourceFiles().filter((path) => path.endsWith(".ts"));
  const failures: string[] = [];
  const seen = new Set<string>();

  const queue = [...projects];
  const work = async (): Promise<void> => {
    for (let project = queue.shift(); project !== undefined; project = queue.shift()) {
      const args = [
        "node_modules/typescript/bin/tsc",
        "--project",
        project,
        "--listFiles",
        "--pretty",
        "false",
      ];
      const { exitCode, output } = await runNode(args, CHECK_TIMEOUT_MS);
      const diagnostics: string[] = [];
      for (const line of output.split("\n")) {
        if (line !== "" && existsSync(line)) seen.add(relative(ROOT, line).replaceAll("\\", "/"));
        else if (line !== "") diagnostics.push(line);
      }
      if (exitCode !== 0) failures.push(`${project}:\n${diagnostics.join("\n")}`);
    }
  };
  await Promise.all(Array.from({ length: PROJECTS_AT_ONCE }, work));

  const missed = sources.filter((path) => !seen.has(path));
  if (missed.length > 0) failures.push(`No tsconfig.json includes:\n${missed.join("\n")}`);
  const extent = `${projects.length} projects, ${sources.length} files`;
  return failures.length > 0 ? checkFailed(extent, failures.join("\n\n")) : checkPassed(extent);
}

/** The root tsconfig.json only tells editors about tsconfig.test.json, and the base is not a project. */
function isTypesProject(path: string): boolean {
  const file = path.slice(path.lastIndexOf("/") + 1);
  return /^tsconfig(\.\w+)?\.json$/.test(file) && path !== "tsconfig.base.json" && path !== "tsconfig.json";
}

export async function checkLint(): Promise<PhaseReport> {
  if (!hasNativePart("@oxlint") || !hasNativePart("@oxlint-tsgolint")) return noNativePart("oxlint");
  const args = ["node_modules/oxlint/bin/oxlint", "--type-aware", "--deny-warnings"];
  return judge(await runNode(args, CHECK_TIMEOUT_MS));
}

export async function checkFormat(): Promise<PhaseReport> {
  if (!hasNativePart("@oxfmt")) return noNativePart("oxfmt");
  return judge(await runNode(["node_modules/oxfmt/bin/oxfmt", "--check"], CHECK_TIMEOUT_MS));
}

export async function checkTidy(): Promise<PhaseReport> {
  if (!hasNativePart("@oxc-parser")) return noNativePart("oxc-parser");
  return judge(await runNode(["tools/tidy/main.ts"], CHECK_TIMEOUT_MS), { notes: true });
}

interface Finished {
  readonly exitCode: number | undefined;
  readonly output: string;
}

/** Believes a green tool only when it says how many files it looked at, and that this was not none. */
function judge({ exitCode, output }: Finished, options: { notes: boolean } = { notes: false }): PhaseReport {
  const files = Number(/ on (\d+) files/.exec(output)?.[1] ?? 0);
  const extent = `${files} files`;
  if (exitCode !== 0) return checkFailed(extent, output);
  if (files === 0) return checkFailed(extent, `The check passed without looking at a file.\n${output}`);
  return checkPassed(extent, options.notes ? output.trimEnd() : undefined);
}

/** npm passes over an optional package it cannot get, so only on Linux, where CI runs, is a missing one a failure. */
function hasNativePart(scope: string): boolean {
  if (process.platform === "linux") return true;
  const folder = join(ROOT, "node_modules", scope);
  const system = `${process.platform}-${process.arch}`;
  return existsSync(folder) && readdirSync(folder).some((name) => name.includes(system));
}

function noNativePart(tool: string): PhaseReport {
  return checkSkipped(`skipped: no ${tool} installed for ${process.platform}-${process.arch}`);
}
