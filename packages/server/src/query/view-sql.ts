/** From the table of views to SQL. */
import { randomBytes } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";

import type { ColumnType, Readable } from "./cell.ts";
import type { SnapshotRows } from "./snapshot-rows.ts";
import type { Branch, View } from "./view.ts";
import { views } from "./views/views.ts";

/** As Restate's engine calls them. */
const TYPE_NAMES: Readonly<Record<ColumnType, string>> = {
  text: "Utf8",
  integer: "UInt32",
  unsigned: "UInt64",
  boolean: "Boolean",
  instant: 'Timestamp(ms, "UTC")',
  duration: "Duration(ms)",
  binary: "Binary",
  integers: "List(UInt32)",
  texts: "List(Utf8)",
};

const INFORMATION_TABLES = "information_schema_tables";
const INFORMATION_COLUMNS = "information_schema_columns";

export const PUBLIC_VIEWS: ReadonlySet<string> = new Set([
  ...views.map(({ name }) => name),
  INFORMATION_TABLES,
  INFORMATION_COLUMNS,
]);

/**
 * Begins the names of the views that read the store. A statement can name anything it knows, and a WITH of a view's own name
 * passes for that view; so what may read the store has a name that nobody knows.
 */
export function privatePrefix(): string {
  return `q${randomBytes(12).toString("hex")}_`;
}

/** Needs the functions of `viewFunctions`. `byStatus`: for a statement that looks for a status. */
export function createViews(database: DatabaseSync, prefix: string, byStatus: boolean): void {
  for (const view of views) {
    const { whole, byStatus: several } = view.branches;
    const branches = byStatus && several !== undefined ? several : [whole];
    const selects = branches.map((branch) => selectOf(view, branch));
    database.exec(`CREATE TEMP VIEW "${prefix}${view.name}" AS ${selects.join(" UNION ALL ")}`);
    database.exec(`CREATE TEMP VIEW "${view.name}" AS SELECT * FROM "${prefix}${view.name}"`);
  }
  database.exec(`CREATE TEMP VIEW ${INFORMATION_TABLES} AS ${informationTables()}`);
  database.exec(`CREATE TEMP VIEW ${INFORMATION_COLUMNS} AS ${informationColumns()}`);
}

export type ViewFunction = {
  readonly name: string;
  readonly read: (snapshot: SnapshotRows, index: number, row: ReadonlyArray<string | number>) => Readable;
};

/** One for each view: its arguments are the number of the column and what identifies the row. */
export function viewFunctions(): readonly ViewFunction[] {
  return views.map((view) => ({ name: functionOf(view), read: view.read }));
}

function functionOf(view: View): string {
  return `holdfast_${view.name}`;
}

function selectOf(view: View, branch: Branch): string {
  const columns = view.columns.map(({ name }, index) => {
    const call = `${functionOf(view)}(${[index, ...view.row].join(", ")})`;
    return `${branch.columns?.[name] ?? view.sqlOf(index) ?? call} AS "${name}"`;
  });
  return `SELECT ${columns.join(", ")} FROM ${branch.from}${branch.where === undefined ? "" : ` WHERE ${branch.where}`}`;
}

function informationTables(): string {
  const rows = views.map(({ name }) => `('restate', 'public', ${quoted(name)}, 'VIEW')`);
  return `SELECT column1 AS table_catalog, column2 AS table_schema, column3 AS table_name, column4 AS table_type
    FROM (VALUES ${rows.join(", ")})`;
}

function informationColumns(): string {
  const rows = views.flatMap((view) =>
    view.columns.map(({ name, type }, index) => {
      const texts = [view.name, name].map(quoted).join(", ");
      return `('restate', 'public', ${texts}, ${index + 1}, ${quoted(TYPE_NAMES[type])}, 'YES')`;
    }),
  );
  return `SELECT column1 AS table_catalog, column2 AS table_schema, column3 AS table_name, column4 AS column_name,
    column5 AS ordinal_position, column6 AS data_type, column7 AS is_nullable FROM (VALUES ${rows.join(", ")})`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
