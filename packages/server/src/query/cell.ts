/** Values of rows: as SQLite holds them, and what a column of a view stands for. */

/** Whole numbers are bigints, so that SQLite keeps them whole. */
export type Cell = null | string | number | bigint | Uint8Array;

/**
 * What SQLite has no type for is kept as it is compared and read best: instants and durations as ISO 8601, lists as JSON,
 * booleans as 0 and 1. `unsigned` has 64 bits, and is negative in SQLite where the highest is set.
 */
export type ColumnType =
  | "text"
  | "integer"
  | "unsigned"
  | "boolean"
  | "instant"
  | "duration"
  | "binary"
  | "integers"
  | "texts";

/** What a reading function may give back. Undefined is NULL. */
export type Readable = Cell | undefined | boolean;

export function cellOf(value: Readable): Cell {
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1n : 0n;
  return typeof value === "number" && Number.isSafeInteger(value) ? BigInt(value) : value;
}

const YEAR_9999 = Date.parse("9999-12-31T23:59:59.999Z");

/** 0 is no time. Times that four digits of a year cannot say are cut, so that their texts sort. */
export function instantCell(at: number): string | undefined {
  return at === 0 ? undefined : new Date(Math.min(at, YEAR_9999)).toISOString();
}

/** ISO 8601 in seconds, as PT86400S and PT0.25S. */
export function durationCell(ms: number): string {
  return `PT${ms / 1_000}S`;
}

/** SQL for the instant in a column of milliseconds. */
export function instantSql(column: string): string {
  return `strftime('%Y-%m-%dT%H:%M:%fZ', ${column} / 1000.0, 'unixepoch')`;
}
