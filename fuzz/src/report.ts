/** The table of a run, and its place in docs/reliability.md. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { TargetReport } from "./engine/supervisor.ts";

const DOCUMENT = fileURLToPath(new URL("../../docs/reliability.md", import.meta.url));
const BEGIN = "<!-- fuzz:begin -->";
const END = "<!-- fuzz:end -->";

export function tableOf(reports: readonly TargetReport[]): string {
  const rows = reports.map(
    ({ name, executions, corpusFiles, blocks, findings }) =>
      `| ${name} | ${executions.toLocaleString("en-US")} | ${corpusFiles} | ${blocks} | ${findings} |`,
  );
  return [
    "| target | executions | corpus size | blocks covered | findings |",
    "|---|---:|---:|---:|---:|",
    ...rows,
  ].join("\n");
}

/** Replaces what stands between the two marks. */
export function withTable(text: string, table: string): string {
  const section = `${BEGIN}\n\n${table}\n\n${END}`;
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from === -1 || to < from) return `${text.trimEnd()}\n\n${section}\n`.trimStart();
  return text.slice(0, from) + section + text.slice(to + END.length);
}

export function writeTable(reports: readonly TargetReport[]): void {
  const text = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, "utf8") : "# Reliability\n";
  writeFileSync(DOCUMENT, withTable(text, tableOf(reports)));
}
