/** Files: results as JSON, plots, and the tables of docs/performance.md. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { figuresMarkdown, withFigures } from "./markdown.ts";
import { makePlots } from "./plots.ts";
import type { Results } from "./results.ts";

const DOCUMENT = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));
const PLOTS_FOLDER = "performance";

export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, resultsText(results));
}

/** The results in these files: the scenarios of all, and everything else as it was in the first run. */
export function readResults(paths: readonly string[]): Results {
  const [first, ...others] = paths.map((path) => JSON.parse(readFileSync(path, "utf8")) as Results);
  if (first === undefined) throw new Error("There are no results to read");
  const scenarios = [first, ...others].flatMap((results) => results.scenarios);
  return { ...first, scenarios };
}

/** "2026-03-01-amd-epyc-2-cores" */
export function resultsName({ date, machine, quick }: Results): string {
  const processor = machine.cpu.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
  return `${date.slice(0, 10)}-${processor}-${machine.cores}-cores${quick ? "-quick" : ""}`;
}

/** Returns the files it wrote. */
export function writeReport(results: Results, document = DOCUMENT): readonly string[] {
  const folder = join(dirname(document), PLOTS_FOLDER);
  mkdirSync(folder, { recursive: true });
  const plots = makePlots(results);
  const written = plots.map(({ fileName, svg }) => {
    const path = join(folder, fileName);
    writeFileSync(path, svg);
    return path;
  });
  const figures = figuresMarkdown(results, plots, PLOTS_FOLDER);
  writeFileSync(document, withFigures(readFileSync(document, "utf8"), figures));
  return [...written, document];
}

/** Indented for people, but a bucket with its count is one line and not four. */
function resultsText(results: Results): string {
  return `${JSON.stringify(results, undefined, 1).replaceAll(/\[\s+(\d+),\s+(\d+)\s+\]/g, "[$1, $2]")}\n`;
}
