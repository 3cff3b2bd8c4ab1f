/** The results as a table for docs/reliability.md. */
import type { Result } from "../run-experiment.ts";
import type { Violation } from "../workload/violation.ts";

const HEAD = [
  "what was tried",
  "how often",
  "faults injected",
  "acknowledgements verified",
  "lost",
  "done twice",
  "notes",
];

export function markdownTable(results: readonly Result[]): string {
  const rows = results.map((result) =>
    cellsOf(result).map((text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")),
  );
  return [HEAD, HEAD.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function cellsOf(result: Result): string[] {
  const what = `\`${result.name}\`: ${result.tries}`;
  if (result.kind === "skipped") return [what, "skipped", "", "", "", "", result.reason];
  if (result.kind === "failed") return [what, "failed", "", "", "", "", result.reason];
  const { rounds, faults, verified, violations, notes, vacuous } = result.finding;
  const count = (kind: Violation["kind"]): number =>
    violations.filter((violation) => violation.kind === kind).length;
  const others = violations.filter(({ kind }) => kind !== "lost" && kind !== "duplicate");
  const allNotes = [
    ...notes,
    ...others.map(({ kind, text }) => `**${kind}**: ${text}`),
    ...vacuous.map((text) => `**proves nothing**: ${text}`),
  ];
  const figures = [rounds, faults, verified, count("lost"), count("duplicate")];
  return [what, ...figures.map((figure) => figure.toLocaleString("en")), allNotes.join("; ")];
}
