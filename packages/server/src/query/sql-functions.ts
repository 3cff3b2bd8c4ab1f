/** Functions that statements may call: those of SQLite that compute from their arguments, and a few for time. */
import type { DatabaseSync } from "node:sqlite";

import { parseDuration } from "@holdfast/protocol";

import { instantCell } from "./cell.ts";
import { invalidQuery, type QueryRefusal } from "./query-task.ts";

const SQLITE_FUNCTIONS = `
  abs changes char coalesce concat concat_ws format glob hex if ifnull iif instr length like likely likelihood lower ltrim max
  min nullif octet_length printf quote random replace round rtrim sign soundex substr substring trim typeof unhex unicode
  unistr unlikely upper zeroblob
  avg count group_concat median percentile percentile_cont percentile_disc string_agg sum total
  cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
  date datetime julianday strftime time timediff unixepoch current_date current_time current_timestamp
  acos acosh asin asinh atan atan2 atanh ceil ceiling cos cosh degrees exp floor ln log log10 log2 mod pi pow power radians
  sin sinh sqrt tan tanh trunc
  -> ->> json json_array json_array_insert json_array_length json_error_position json_extract json_group_array
  json_group_object json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_type
  json_valid jsonb_extract`;

const HELPERS = ["now", "ago", "to_timestamp", "date_trunc"] as const;

export const CALLABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  ...SQLITE_FUNCTIONS.trim().split(/\s+/),
  ...HELPERS,
]);

const DURATION_LENGTH_MAX = 40;
const UNITS: ReadonlyMap<string, string> = new Map([
  ["millisecond", "ms"],
  ["second", "s"],
  ["sec", "s"],
  ["minute", "m"],
  ["min", "m"],
  ["hour", "h"],
  ["day", "d"],
  ["week", "w"],
]);

/** How many characters of an instant say it down to a unit, and what completes it. */
const TRUNCATED: ReadonlyMap<string, readonly [length: number, rest: string]> = new Map([
  ["second", [19, ".000Z"]],
  ["minute", [16, ":00.000Z"]],
  ["hour", [13, ":00:00.000Z"]],
  ["day", [10, "T00:00:00.000Z"]],
  ["month", [7, "-01T00:00:00.000Z"]],
  ["year", [4, "-01-01T00:00:00.000Z"]],
]);

/** Instants are texts of one form, so that they compare as times. */
export function defineHelpers(database: DatabaseSync): void {
  const now = Date.now();
  database.function("now", () => instantCell(now) ?? null);
  database.function("ago", (length) => instantCell(Math.max(1, now - durationOf(String(length)))) ?? null);
  database.function("to_timestamp", (value) => {
    const at = typeof value === "number" ? value * 1_000 : Date.parse(String(value));
    return at >= 0 ? (instantCell(at) ?? null) : null;
  });
  database.function("date_trunc", (unit, value) => {
    const truncated = TRUNCATED.get(String(unit).toLowerCase());
    if (truncated === undefined)
      throw invalidQuery(`date_trunc knows ${[...TRUNCATED.keys()].join(", ")}, each in quotes`);
    const [length, rest] = truncated;
    return typeof value === "string" && value.length >= length ? value.slice(0, length) + rest : null;
  });
}

export function isTimeUnit(word: string): boolean {
  return unitOf(word) !== undefined;
}

function unitOf(word: string): string | undefined {
  const unit = word.toLowerCase();
  return UNITS.get(unit) ?? UNITS.get(unit.replace(/s$/, ""));
}

/** "90s" and "1h30m" as everywhere, and "10 minutes" as in SQL. */
function durationOf(text: string): number {
  if (text.length > DURATION_LENGTH_MAX) throw noDuration(text);
  const spelled = text.replace(/\s*([a-z]+)\s*/gi, (_all, word: string) => unitOf(word) ?? word);
  const ms = parseDuration(spelled.trim());
  if (ms !== undefined) return ms;
  throw noDuration(text);
}

function noDuration(text: string): QueryRefusal {
  const shown = text.slice(0, DURATION_LENGTH_MAX);
  return invalidQuery(`"${shown}" is not a length of time`, "Write it as '90s', '1h30m' or '10 minutes'.");
}
