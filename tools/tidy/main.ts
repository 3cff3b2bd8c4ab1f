// Repository checks that no linter knows: who may import whom, what the core may not touch, how long things get.
// One pass over all files; every rule says how many of them it saw.
//
//   node tools/tidy/main.ts

import { readFileSync } from "node:fs";
import { join } from "node:path";

import { listSourceFiles, ROOT } from "../source-files.ts";
import { type Rule, runRule } from "./rule.ts";
import { dependencyReasons, REASONS_PATH } from "./rules/dependency-reasons.ts";
import { determinism } from "./rules/determinism.ts";
import { emptyCatches } from "./rules/empty-catches.ts";
import { fileNames } from "./rules/file-names.ts";
import { declaredImports, importArrows } from "./rules/import-arrows.ts";
import { importCycles } from "./rules/import-cycles.ts";
import { lockHosts, lockPlatforms } from "./rules/lock-files.ts";
import { fileSizes, functionSizes, type Ratchet, type Size, sizes } from "./rules/sizes.ts";
import { starExports } from "./rules/star-exports.ts";
import { readSource, type SourceFile } from "./source-file.ts";

const READ = /\.([cm]?[jt]sx?|json|ya?ml|lock)$/;

const files = listSourceFiles()
  .filter((path) => READ.test(path) || path === REASONS_PATH)
  .map((path) => readSource(path, readFileSync(join(ROOT, path), "utf8")));

const rules: readonly Rule[] = [
  importArrows,
  declaredImports,
  importCycles,
  determinism,
  fileNames,
  starExports,
  emptyCatches,
  lockHosts,
  lockPlatforms,
  dependencyReasons,
  sizes(readRatchet()),
];

let found = 0;
const seen: string[] = [];
for (const rule of rules) {
  const { filesSeen, findings } = runRule(rule, files);
  seen.push(`${rule.name} ${filesSeen}`);
  found += findings.length;
  for (const { path, line, message } of findings) console.log(`${path}:${line}: ${rule.name}: ${message}`);
}
console.log(`files seen: ${seen.join(", ")}`);
reportSizes(files);
console.log(`tidy: ${found} findings on ${files.length} files`);
process.exitCode = found > 0 ? 1 : 0;

function readRatchet(): Ratchet {
  return JSON.parse(readFileSync(join(ROOT, "tools/tidy/ratchet.json"), "utf8")) as Ratchet;
}

function reportSizes(all: readonly SourceFile[]): void {
  const parsed = all.filter((file) => file.syntax !== undefined);
  const sources = parsed.filter((file) => !file.isTest);
  reportSize("source files", fileSizes(sources));
  reportSize("test files", fileSizes(parsed.filter((file) => file.isTest)));
  reportSize("functions", functionSizes(sources));
}

function reportSize(what: string, measured: readonly Size[]): void {
  const sorted = measured.toSorted((a, b) => a.lines - b.lines);
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]?.lines ?? 0;
  const total = sorted.reduce((sum, size) => sum + size.lines, 0);
  const largest = sorted.at(-1);
  const max = largest === undefined ? "none" : `${largest.lines} (${largest.key})`;
  const lines = what === "functions" ? "" : `, ${total} lines`;
  console.log(`${what}: ${sorted.length}${lines}; lines p50 ${at(0.5)}, p95 ${at(0.95)}, max ${max}`);
}
