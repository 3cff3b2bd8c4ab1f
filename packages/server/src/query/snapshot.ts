/**
 * What one query sees: the store as of one commit, over a connection of its own that cannot write, with the documented
 * views in front of its tables.
 *
 * A view computes its columns when a row is read: SQLite answers what it can from the store's tables and indexes, and calls
 * back here for what is inside of rows. So a query costs what it reads, and there is nothing to fill before it begins.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";

import { decodeInvocation, Tables, type Invocation } from "@holdfast/engine";

import { cellOf } from "./cell.ts";
import { JournalReader, type ReadJournal } from "./journal-reader.ts";
import { QueryAuthorizer } from "./query-authorizer.ts";
import type { SnapshotRows } from "./snapshot-rows.ts";
import { defineHelpers } from "./sql-functions.ts";
import { STATEMENT_LENGTH_MAX } from "./statement.ts";
import { StoreRows } from "./store-rows.ts";
import { createViews, privatePrefix, viewFunctions } from "./view-sql.ts";
import { numbersBelow } from "./views/journal-views.ts";
import { addressOf, namesOf } from "./views/object-views.ts";

/** Rows that are read again for their next column. */
const INVOCATIONS_KEPT = 256;

/** For a short moment a checkpoint of the write-ahead log can shut out a connection that is just being opened. */
const BUSY_TIMEOUT_MS = 5_000;

const STATEMENT_LIMITS = {
  // In bytes. What is sent is bounded in characters; the rest is what its words become.
  sqlLength: 8 * STATEMENT_LENGTH_MAX,
  column: 500,
  exprDepth: 200,
  compoundSelect: 100,
  functionArg: 64,
  attach: 0,
  likePatternLength: 1_000,
  variableNumber: 1_000,
  triggerDepth: 1,
};

export type SnapshotOptions = {
  /** No text or blob may be larger, neither stored nor made by a function. */
  readonly valueBytesMax: number;
  /** The statement looks for a status that few invocations have. */
  readonly byStatus: boolean;
};

export class Snapshot implements SnapshotRows {
  readonly tables: Tables;
  readonly #database: DatabaseSync;
  readonly #rows: StoreRows;
  readonly #invocations = new Map<number, Invocation>();
  readonly #journals: JournalReader;
  readonly #authorizer: QueryAuthorizer;

  static open(path: string, options: SnapshotOptions): Snapshot {
    const limits = { ...STATEMENT_LIMITS, length: options.valueBytesMax };
    const database = new DatabaseSync(path, { readOnly: true, timeout: BUSY_TIMEOUT_MS, limits });
    try {
      return new Snapshot(database, path, options.byStatus);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  private constructor(database: DatabaseSync, path: string, byStatus: boolean) {
    this.#database = database;
    // What does not fit into memory shall not go to the disk either: the process has a limit, the disk is the engine's.
    database.exec("PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000");
    const prefix = privatePrefix();
    this.#authorizer = new QueryAuthorizer(database, prefix);
    defineHelpers(database);
    this.#defineViewFunctions();
    createViews(database, prefix, byStatus);
    this.#rows = new StoreRows(database, path);
    // A transaction sees one commit, from its first read on.
    database.exec("BEGIN");
    this.tables = new Tables(this.#rows);
    this.#journals = new JournalReader(this.tables);
    this.#authorizer.seal();
  }

  prepare(sql: string): StatementSync {
    return this.#authorizer.prepare(sql);
  }

  invocation(number: number): Invocation {
    const known = this.#invocations.get(number);
    if (known !== undefined) return known;
    const value = this.#rows.invocationByNumber(number);
    if (value === undefined) throw new Error(`The store has no invocation number ${number}`);
    const row = decodeInvocation(value);
    if (this.#invocations.size >= INVOCATIONS_KEPT) this.#invocations.clear();
    this.#invocations.set(number, row);
    return row;
  }

  journal(number: number): ReadJournal {
    return this.#journals.read(this.invocation(number));
  }

  close(): void {
    this.#database.close();
  }

  #defineViewFunctions(): void {
    for (const { name, read } of viewFunctions()) {
      this.#database.function(name, { varargs: true, deterministic: true }, (index, ...row) =>
        cellOf(read(this, Number(index), row as Array<string | number>)),
      );
    }
    // What `json_each` makes rows of.
    const number = (given: unknown): Invocation => this.invocation(Number(given));
    this.#database.function("holdfast_entries", (given) => numbersBelow(number(given).journalLength));
    this.#database.function("holdfast_events", (given) => numbersBelow(number(given).events.length));
    this.#database.function("holdfast_address", { deterministic: true }, (part, rowKey) =>
      addressOf(String(part), String(rowKey)),
    );
    this.#database.function("holdfast_names", { varargs: true }, (what, key) =>
      namesOf(this, String(what), String(key)),
    );
  }
}
