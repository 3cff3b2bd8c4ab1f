/** One query from its statement to the bytes of its answer. Runs in the thread of the process that runs queries. */
import type { StatementSync } from "node:sqlite";

import { batchMessage, endOfStream, schemaMessage } from "./arrow/arrow-stream.ts";
import { conditionNames } from "./boolean-columns.ts";
import type { Cell } from "./cell.ts";
import { jsonLists, jsonObjects } from "./json-answer.ts";
import { QueryRefusal, type QueryLimits, type QueryTask } from "./query-task.ts";
import { resultColumns, type ResultColumn } from "./result-column.ts";
import { Snapshot } from "./snapshot.ts";
import { runFailure } from "./statement-failure.ts";
import { literalsOf, readStatement } from "./statement.ts";
import { SEARCHED_STATUSES } from "./views/invocation-views.ts";

/** Sent on at a time: what the engine's thread takes up in one turn. */
const CHUNK_BYTES = 256 * 1024;
const BATCH_ROWS = 4_096;
/** What a value costs beside its bytes. */
const CELL_BYTES = 16;

type Rows = ReadonlyArray<readonly Cell[]>;

/** Calls `send` with the answer, piece by piece, and returns how many rows it has. Throws a QueryRefusal. */
export function runQuery(task: QueryTask, send: (bytes: Uint8Array) => void): number {
  const sql = readStatement(task.sql);
  const snapshot = Snapshot.open(task.path, {
    valueBytesMax: Math.floor(task.limits.memoryBytesMax / 2),
    byStatus: [...literalsOf(task.sql), ...task.parameters].some((text) =>
      SEARCHED_STATUSES.has(String(text)),
    ),
  });
  try {
    const statement = snapshot.prepare(sql);
    const names = statement.columns().map(({ name }) => name);
    const rows = collect(statement, task);
    const bounded = boundedSend(send, task.limits);
    const columns = resultColumns(names, rows, conditionNames(task.sql));
    if (task.format === "arrow") sendArrow(columns, rows, bounded);
    else sendText((task.format === "json" ? jsonObjects : jsonLists)(columns, rows), bounded);
    return rows.length;
  } finally {
    snapshot.close();
  }
}

function collect(statement: StatementSync, { parameters, limits }: QueryTask): Rows {
  const { rowsMax, resultBytesMax } = limits;
  const rows: Cell[][] = [];
  let bytes = 0;
  try {
    statement.setReadBigInts(true);
    statement.setReturnArrays(true);
    for (const row of statement.iterate(...parameters) as unknown as Iterable<Cell[]>) {
      if (rows.length === rowsMax) throw limitRefusal("The result", "query.rowsMax", rowsMax);
      for (const cell of row) bytes += CELL_BYTES + sizeOf(cell);
      if (bytes > resultBytesMax) throw limitRefusal("The result", "query.resultBytesMax", resultBytesMax);
      rows.push(row);
    }
  } catch (error) {
    throw runFailure(error);
  }
  return rows;
}

function sizeOf(cell: Cell): number {
  return typeof cell === "string" || cell instanceof Uint8Array ? cell.length : 0;
}

function sendText(parts: Iterable<string>, send: (bytes: Uint8Array) => void): void {
  let text = "";
  for (const part of parts) {
    text += part;
    if (text.length < CHUNK_BYTES) continue;
    send(Buffer.from(text));
    text = "";
  }
  send(Buffer.from(text));
}

function sendArrow(columns: readonly ResultColumn[], rows: Rows, send: (bytes: Uint8Array) => void): void {
  send(schemaMessage(columns));
  for (let at = 0; at < rows.length; at += BATCH_ROWS) {
    const batch = batchMessage(columns, rows.slice(at, at + BATCH_ROWS));
    for (let from = 0; from < batch.length; from += CHUNK_BYTES)
      send(batch.subarray(from, from + CHUNK_BYTES));
  }
  send(endOfStream());
}

/** The answer can be larger than its rows: bytes become twice as many letters. */
function boundedSend(send: (bytes: Uint8Array) => void, limits: QueryLimits): (bytes: Uint8Array) => void {
  let sent = 0;
  return (bytes) => {
    sent += bytes.length;
    if (sent > limits.resultBytesMax)
      throw limitRefusal("The answer", "query.resultBytesMax", limits.resultBytesMax);
    send(bytes);
  };
}

function limitRefusal(
  what: string,
  name: "query.rowsMax" | "query.resultBytesMax",
  limit: number,
): QueryRefusal {
  return new QueryRefusal({ kind: "limit", what, name, limit });
}
