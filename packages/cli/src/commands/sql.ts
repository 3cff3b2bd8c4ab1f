import type { QueryValue } from "@holdfast/protocol";

import { usageError } from "../cli-error.ts";
import { connectionOptions, defineCommand, type Command } from "../command.ts";
import { connectTo } from "../connect-to.ts";
import type { Column } from "../output/table.ts";

const TABLES =
  "SELECT table_name AS \"table\", group_concat(column_name, ', ') AS columns FROM information_schema.columns GROUP BY 1";

export const sql: Command = defineCommand({
  description:
    "One SELECT over the views of docs/sql.md, as fresh as the moment it is sent. It changes nothing. A question mark " +
    "stands for the next --parameter.",
  args: [{ name: "statement", help: "the SELECT", optional: true }],
  options: {
    tables: { type: "boolean", help: "show the views there are, with their columns" },
    parameter: {
      type: "string",
      short: "p",
      value: "VALUE",
      multiple: true,
      help: "value of a question mark, as text; may be given several times",
    },
    csv: { type: "boolean", help: "print comma-separated values, with the names first" },
    ...connectionOptions,
  },
  examples: [
    {
      line: `holdfast sql "SELECT id, target, last_failure FROM sys_invocation WHERE status = 'paused'"`,
      help: "what waits for a person",
    },
    {
      line: `holdfast sql "SELECT status, count(*) FROM sys_invocation GROUP BY status" --json`,
      help: "for scripts: a line each",
    },
    {
      line: 'holdfast sql "SELECT key, value_utf8 FROM state WHERE service_key = ?" -p ada',
      help: "what stands in quotes needs none as a parameter",
    },
    { line: "holdfast sql --tables", help: "what can be asked for" },
  ],
  async run({ args, options, out, environment }) {
    const [statement] = args;
    if (options.tables && statement !== undefined) throw usageError("Give a statement or --tables, not both");
    const query = options.tables ? TABLES : statement;
    if (query === undefined) {
      const hint = "Write it in quotes, or see what there is with holdfast sql --tables.";
      throw usageError("A statement is missing", { hint });
    }
    const client = connectTo(options, environment);
    const { columns, rows } = await client.admin.query({ query, parameters: options.parameter });
    if (out.isJson) {
      for (const row of rows) out.jsonLine(objectOf(columns, row));
    } else if (options.csv) {
      for (const row of [columns, ...rows]) out.print(row.map(csvField).join(","));
    } else {
      out.table(
        columns.map((title, index) => columnOf(title, index, rows)),
        rows.map((row) => row.map(textOf)),
      );
      out.note(rows.length === 1 ? "1 row" : `${rows.length} rows`);
    }
  },
});

type Row = readonly QueryValue[];

function objectOf(columns: readonly string[], row: Row): Readonly<Record<string, QueryValue>> {
  return Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null]));
}

function columnOf(title: string, index: number, rows: readonly Row[]): Column {
  const isNumeric = rows.length > 0 && rows.every((row) => typeof (row[index] ?? 0) === "number");
  return isNumeric ? { title, align: "right" } : { title, shrinks: true };
}

function textOf(value: QueryValue): string {
  if (value === null) return "";
  return typeof value === "object" ? value.join(", ") : String(value);
}

/** RFC 4180. What a spreadsheet would take for a formula is none in quotes either: nothing is changed for it. */
function csvField(value: QueryValue): string {
  const text = value !== null && typeof value === "object" ? JSON.stringify(value) : textOf(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
