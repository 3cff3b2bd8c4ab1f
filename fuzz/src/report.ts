/** The table of a run, as docs/reliability.md shows it. */
import type { TargetReport } from "./engine/supervisor.ts";

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
