/** What SQLite says about a statement, with what would have been right. */
import { closestName } from "@holdfast/protocol";

import { StoreCorruptError } from "../store/store.ts";
import { invalidQuery, QueryRefusal } from "./query-task.ts";
import { nameOf, tokensOf } from "./tokens.ts";
import { views } from "./views/views.ts";

/** What is repeated of a statement, in characters. It can be all of it. */
const SHOWN_LENGTH = 200;
const NO_TABLE = /^no such table: (?:\w+\.)?(.+)$/;
const NO_COLUMN =
  /^no such column: (?:.*\.)?(.+?)(?: - should this be a string literal in single-quotes\?)?$/;

export function statementFailure(error: unknown, sql: string): QueryRefusal {
  const message = shown(error instanceof Error ? error.message : String(error));
  const table = NO_TABLE.exec(message)?.[1];
  if (table !== undefined) {
    const names = views.map(({ name }) => name);
    return invalidQuery(`there is no table "${table}"`, hint(table, names, "Tables are"));
  }
  const column = NO_COLUMN.exec(message)?.[1];
  if (column === undefined) return invalidQuery(message);
  const named = viewsIn(sql);
  const names = [...new Set(named.flatMap(({ columns }) => columns.map(({ name }) => name)))];
  const places = named.map(({ name }) => name).join(" and ");
  return invalidQuery(
    `there is no column "${column}"`,
    hint(column, names, `Columns of ${places === "" ? "the views" : places} are`),
  );
}

function shown(text: string): string {
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

function hint(name: string, known: readonly string[], before: string): string | undefined {
  const meant = closestName(name, known);
  const all = known.length === 0 ? "" : `${before} ${known.join(", ")}.`;
  return [meant === undefined ? "" : `Did you mean "${meant}"?`, all].filter((text) => text !== "").join(" ");
}

function viewsIn(sql: string): typeof views {
  const names = new Set(tokensOf(sql).map((token) => nameOf(token)));
  return views.filter(({ name }) => names.has(name));
}

/** What went wrong while the statement ran. */
export function runFailure(error: unknown): QueryRefusal {
  if (error instanceof QueryRefusal) return error;
  if (error instanceof StoreCorruptError) return new QueryRefusal({ kind: "failed", message: error.message });
  // A statement that fails on what it found: JSON that is none, numbers that are too large, values that do not fit.
  if (isOfSqlite(error)) return invalidQuery(shown(error.message));
  throw error;
}

function isOfSqlite(error: unknown): error is Error {
  return error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";
}
