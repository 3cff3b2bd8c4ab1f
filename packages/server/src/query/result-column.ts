/**
 * What the columns of a result are. SQLite has values of four kinds and no types, so a column is what the views' column of
 * that name is, if its values are such; otherwise what its values are.
 */
import type { Cell, ColumnType } from "./cell.ts";
import { views } from "./views/views.ts";

/** whole: of 64 bits. */
export type ResultType = ColumnType | "whole" | "float";

export type ResultColumn = { readonly name: string; readonly type: ResultType };

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** As many digits as a whole number of milliseconds can have. */
const DURATION = /^PT\d{1,13}(?:\.\d{1,3})?S$/;
const UINT32_MAX = 2 ** 32 - 1;

/** A name that stands for several things stands for none. */
const documented: ReadonlyMap<string, ColumnType | undefined> = documentedTypes();

export function resultColumns(
  names: readonly string[],
  rows: ReadonlyArray<readonly Cell[]>,
  conditions: ReadonlySet<string>,
): readonly ResultColumn[] {
  return names.map((name, index) => {
    const cells = rows.map((row) => row[index] ?? null).filter((cell) => cell !== null);
    const type = conditions.has(name) ? "boolean" : documented.get(name);
    if (type !== undefined && cells.every((cell) => isOf(type, cell))) return { name, type };
    return { name, type: typeOfValues(cells) };
  });
}

function documentedTypes(): Map<string, ColumnType | undefined> {
  const types = new Map<string, ColumnType | undefined>();
  for (const { columns } of views) {
    for (const { name, type } of columns) {
      types.set(name, types.has(name) && types.get(name) !== type ? undefined : type);
    }
  }
  return types;
}

function isOf(type: ColumnType, cell: Exclude<Cell, null>): boolean {
  switch (type) {
    case "text":
      return typeof cell === "string";
    case "integer":
      return typeof cell === "bigint" && cell >= 0n && cell <= BigInt(UINT32_MAX);
    case "unsigned":
      return typeof cell === "bigint";
    case "boolean":
      return cell === 0n || cell === 1n;
    case "instant":
      return typeof cell === "string" && INSTANT.test(cell) && !Number.isNaN(Date.parse(cell));
    case "duration":
      return typeof cell === "string" && DURATION.test(cell);
    case "binary":
      return cell instanceof Uint8Array;
    case "integers":
      return listOf(cell)?.every(isUint32) === true;
    case "texts":
      return listOf(cell)?.every((each) => typeof each === "string") === true;
  }
}

function isUint32(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= UINT32_MAX;
}

function listOf(cell: Exclude<Cell, null>): unknown[] | undefined {
  if (typeof cell !== "string" || !cell.startsWith("[")) return undefined;
  try {
    return JSON.parse(cell) as unknown[];
  } catch {
    return undefined; // Some other text that begins so.
  }
}

function typeOfValues(cells: ReadonlyArray<Exclude<Cell, null>>): ResultType {
  if (cells.length === 0) return "text";
  if (cells.every((cell) => typeof cell === "bigint")) return "whole";
  if (cells.every((cell) => typeof cell === "bigint" || typeof cell === "number")) return "float";
  return cells.every((cell) => cell instanceof Uint8Array) ? "binary" : "text";
}
