/** A result as JSON: for Restate's clients an object a row, for ours a list a row. */
import { textOf } from "./arrow/arrow-column.ts";
import type { Cell } from "./cell.ts";
import type { ResultColumn, ResultType } from "./result-column.ts";

type Rows = ReadonlyArray<readonly Cell[]>;

/** `{"rows":[{"id":"inv_1…"}]}`: what is NULL is left out. */
export function* jsonObjects(columns: readonly ResultColumn[], rows: Rows): Generator<string> {
  const keys = columns.map(({ name }) => JSON.stringify(name));
  yield '{"rows":[';
  let separator = "";
  for (const row of rows) {
    const fields: string[] = [];
    for (const [index, column] of columns.entries()) {
      const value = jsonOf(column.type, row[index] ?? null);
      if (value !== "null") fields.push(`${keys[index]}:${value}`);
    }
    yield `${separator}{${fields.join(",")}}`;
    separator = ",";
  }
  yield "]}";
}

/** `{"columns":["id"],"rows":[["inv_1…"]]}`: keeps the order of the columns, and says which there are without rows. */
export function* jsonLists(columns: readonly ResultColumn[], rows: Rows): Generator<string> {
  yield `{"columns":${JSON.stringify(columns.map(({ name }) => name))},"rows":[`;
  let separator = "";
  for (const row of rows) {
    const values = columns.map(({ type }, index) => jsonOf(type, row[index] ?? null));
    yield `${separator}[${values.join(",")}]`;
    separator = ",";
  }
  yield "]}";
}

/** Whole numbers are written with all of their digits, also those that a JavaScript number cannot hold. */
function jsonOf(type: ResultType, cell: Cell): string {
  if (cell === null) return "null";
  switch (type) {
    case "boolean":
      return cell === 1n ? "true" : "false";
    case "unsigned":
      return String(BigInt.asUintN(64, BigInt(cell as bigint)));
    case "integer":
    case "whole":
      return String(cell);
    case "float":
      return typeof cell === "bigint" ? String(cell) : JSON.stringify(cell);
    case "integers":
    case "texts":
      return String(cell);
    case "text":
    case "instant":
    case "duration":
    case "binary":
      return JSON.stringify(textOf(cell));
  }
}
