/** What the tests of this workspace said, sorted by column, case and mode. */
import { MODES, REQUEST_BY_REQUEST } from "../suite-titles.ts";

/** As `npm test -- --results` writes them. */
export type FinishedTest = { readonly kind: "pass" | "fail" | "skip"; readonly name: string };

export type Verdict = "passed" | "failed";

/** Case → mode, in short → what came of all tests that carry the case in brackets. */
export type Column = ReadonlyMap<string, ReadonlyMap<string, Verdict>>;

const SUITE = /^Restate's SDK for (?<column>[^,]+), (?<mode>[^:›]+?)(?:[:›]|\s›|$)/;
const CASE = /\[(?<name>[^\]]+)\]/g;

export function readFinished(lines: string): FinishedTest[] {
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as FinishedTest);
}

/** By the name of the column: a language, and how it is reached if not as usual. */
export function sortFinished(tests: readonly FinishedTest[]): ReadonlyMap<string, Column> {
  const columns = new Map<string, Map<string, Map<string, Verdict>>>();
  for (const { kind, name } of tests) {
    const suite = SUITE.exec(name)?.groups;
    if (suite === undefined || kind === "skip") continue;
    const { column = "", mode = "" } = suite;
    const short = shortOf(mode.trim());
    for (const found of name.matchAll(CASE)) {
      const cases = entry(columns, column, () => new Map<string, Map<string, Verdict>>());
      const modes = entry(cases, found.groups?.["name"] ?? "", () => new Map<string, Verdict>());
      if (modes.get(short) !== "failed") modes.set(short, kind === "pass" ? "passed" : "failed");
    }
  }
  return columns;
}

function shortOf(name: string): string {
  const mode = [...MODES, REQUEST_BY_REQUEST].find((one) => one.name === name);
  if (mode === undefined) throw new Error(`There is no mode "${name}".`);
  return mode.short;
}

function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
