/** The table of docs/compatibility.md. Every cell is what tests said; nothing is known in advance but the names of the cases. */
import { LANGUAGES } from "../languages.ts";
import { MODES, OVER_HTTP1 } from "../suite-titles.ts";
import { GROUPS, type Case } from "./cases.ts";
import { sortFinished, type Column, type FinishedTest, type Verdict } from "./finished-tests.ts";

export const NOT_TRIED = "not tried";

export function compatibilityTable(tests: readonly FinishedTest[], now: Date): string {
  const columns = sortFinished(tests);
  refuseUnknownCases(columns);
  const names = columnNames();
  const sections = GROUPS.map(({ title, cases }) => {
    const head = ["case", "what has to hold", ...names];
    const rows = cases.map((row) => [
      row.name,
      row.holds,
      ...names.map((name) => cellOf(columns.get(name), row)),
    ]);
    return `### ${title}\n\n${markdown([head, head.map(() => "---"), ...rows])}`;
  });
  const sdks = LANGUAGES.map(({ name, sdk }) => `${name}: \`${sdk}\``).join(", ");
  const date = now.toISOString().slice(0, "2026-01-01".length);
  return [`Run on ${date}, with ${sdks}.`, ...sections].join("\n\n");
}

function columnNames(): string[] {
  const names = LANGUAGES.map(({ name }) => name);
  return names.toSpliced(1, 0, OVER_HTTP1);
}

function cellOf(column: Column | undefined, { name }: Case): string {
  const verdicts = column?.get(name);
  if (verdicts === undefined) return NOT_TRIED;
  const failed = modesWith(verdicts, "failed");
  if (failed.length > 0) return `**fails** (${failed.join(", ")})`;
  const passed = modesWith(verdicts, "passed");
  const isAll = passed.length === MODES.length || !MODES.some(({ short }) => passed.includes(short));
  return isAll ? "yes" : `yes, ${passed.join(", ")}`;
}

function modesWith(verdicts: ReadonlyMap<string, Verdict>, verdict: Verdict): string[] {
  return [...verdicts].filter(([, one]) => one === verdict).map(([mode]) => mode);
}

/** A test that names a case which is not in the table would say something that nobody reads. */
function refuseUnknownCases(columns: ReadonlyMap<string, Column>): void {
  const known = new Set(GROUPS.flatMap(({ cases }) => cases.map(({ name }) => name)));
  for (const [column, cases] of columns) {
    for (const name of cases.keys()) {
      if (!known.has(name))
        throw new Error(`A test of ${column} names [${name}], which is in no group of cases.ts.`);
    }
  }
}

function markdown(rows: readonly (readonly string[])[]): string {
  return rows
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n");
}
