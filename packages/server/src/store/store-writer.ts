import type { DatabaseSync, StatementSync } from "node:sqlite";

import { chunkName, placeOf } from "./journal-place.ts";
import { unpackWrites, type PackedWrites } from "./packed-writes.ts";
import { chunkChecksum, invocationChecksum, rowChecksum } from "./row-checksum.ts";
import { storeDamage } from "./store-damage.ts";
import { BUSY_TIMEOUT_MS, openForWriting } from "./store-schema.ts";
import {
  SELECT_SEALED_STATE,
  SELECT_UNSEALED_STATE,
  stateChecksum,
  stateOf,
  type StoreState,
} from "./store-state.ts";
import type { InvocationColumns, RowWrite, StoreTable } from "./store.ts";

/** Pages in the write-ahead log from which they are moved into the database: 16 MiB. */
const CHECKPOINT_PAGES = 4096;

const INSERT_INVOCATION = `
  INSERT INTO invocations VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`;
const UPDATE_INVOCATION = `
  UPDATE invocations
  SET status = ?, service = ?, handler = ?, key = ?, deployment = ?, created_at = ?, modified_at = ?, completed_at = ?,
    expires_at = ?, size = ?, value = ?, checksum = ?
  WHERE number = ?`;
const SELECT_COUNTED =
  "SELECT number, service, handler, status, completed_at, size FROM invocations WHERE id = ?";
const INSERT_CHUNK = `INSERT OR REPLACE INTO journal VALUES (${placeOf("?", "?")}, ?, ?)`;
const INSERT_CHUNK_BY_ID = `
  INSERT OR REPLACE INTO journal SELECT ${placeOf("number", "?")}, ?, ? FROM invocations WHERE id = ?`;
const DELETE_CHUNK = `
  DELETE FROM journal WHERE place = (SELECT ${placeOf("number", "?")} FROM invocations WHERE id = ?)`;
/** Whatever its journal was: the number may be given to another. */
const DELETE_JOURNAL = `DELETE FROM journal WHERE place >= ${placeOf("?1", "0")} AND place < ${placeOf("?1 + 1", "0")}`;
const ADD_COUNT = `
  INSERT INTO invocation_counts VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET count = count + excluded.count`;

type KeyValueTable = Exclude<StoreTable, "invocations" | "journal">;

/** What the kept counts need to know of a row. */
type Counted = Pick<InvocationColumns, "service" | "handler" | "status" | "completedAt" | "size">;

type StoredRow = Counted & { readonly number: number };

type Chunk = { readonly first: number; readonly value: Uint8Array; readonly checksum: number };

type Change = { readonly service: string; readonly handler: string; readonly status: string; count: number };

/** The one writing connection: a transaction for each commit. Runs in the store's thread. */
export class StoreWriter {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #began = false;
  #counts = new Map<string, Change>();
  #completedBytes = 0;
  /** Chunks by invocation whose row has yet to be written in this transaction, as a rule by the very next write. */
  readonly #chunks = new Map<string, Chunk[]>();

  /** `fileBytesMax`: the database does not grow beyond it; a commit that would fails. */
  constructor(path: string, fileBytesMax: number | undefined) {
    this.#path = path;
    this.#database = openForWriting(path);
    if (fileBytesMax === undefined) return;
    const pageBytes = Number(this.#database.prepare("PRAGMA page_size").get()?.["page_size"]);
    this.#database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(fileBytesMax / pageBytes))}`);
  }

  /** Adds rows to the transaction. When it throws, the whole transaction has to be rolled back. */
  write(packed: PackedWrites): void {
    this.#begin();
    for (const write of unpackWrites(packed)) {
      if (write.table === "invocations") this.#writeInvocation(write);
      else if (write.table === "journal") this.#writeChunk(write);
      else this.#writeRow(write.table, write);
    }
  }

  /** Rows, counts and position become durable together. */
  commit(appliedPosition: number): void {
    this.#begin();
    for (const id of this.#chunks.keys()) this.#addChunksById(id);
    // What is damaged must not get a new checksum.
    const { completedBytes } = this.#state(SELECT_SEALED_STATE);
    for (const { service, handler, status, count } of this.#counts.values()) {
      if (count === 0) continue;
      this.#run(ADD_COUNT, service, handler, status, count);
      this.#run(
        "DELETE FROM invocation_counts WHERE service = ? AND handler = ? AND status = ? AND count = 0",
        service,
        handler,
        status,
      );
    }
    const { counts } = this.#state(SELECT_UNSEALED_STATE);
    const state = { appliedPosition, completedBytes: completedBytes + this.#completedBytes, counts };
    this.#run(
      "UPDATE store SET applied_position = ?, completed_bytes = ?, checksum = ?",
      state.appliedPosition,
      state.completedBytes,
      stateChecksum(state),
    );
    this.#database.exec("COMMIT");
    this.#end();
  }

  #state(sql: string): StoreState {
    const state = stateOf(this.#statement(sql).all());
    if (state !== undefined) return state;
    throw storeDamage(this.#path, { table: "store" }, "it is not what was written");
  }

  rollback(): void {
    // SQLite has ended the transaction by itself when the disk was full.
    if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
    this.#end();
  }

  /**
   * Moves what the write-ahead log has gathered into the database, and empties the log. Called when no reader holds an older
   * view: with one it would have to stop there, and the log would grow for ever.
   *
   * A log that is left as it is would be read again after a crash. SQLite ends it at a frame that is damaged: what was before
   * that would then hide newer pages of the database, and what came after it would show, so that rows of several commits
   * would be mixed, each with the right checksum.
   */
  settle(): void {
    // A query may hold an older view, and nobody waits for a query: the next commit tries again, and it is over soon.
    this.#database.exec("PRAGMA busy_timeout = 0");
    try {
      this.#emptyLog();
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }

  #emptyLog(): void {
    // Mode NOOP only tells how many pages there are.
    const state = this.#database.prepare("PRAGMA wal_checkpoint(NOOP)").get();
    if (Number(state?.["log"]) >= CHECKPOINT_PAGES) this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  close(): void {
    this.#database.close();
  }

  #begin(): void {
    if (this.#began) return;
    this.#database.exec("BEGIN IMMEDIATE");
    this.#began = true;
  }

  #end(): void {
    this.#began = false;
    this.#counts = new Map();
    this.#completedBytes = 0;
    this.#chunks.clear();
  }

  #writeRow(table: KeyValueTable, { key, value }: RowWrite): void {
    if (value === undefined) this.#run(`DELETE FROM ${table} WHERE key = ?`, key);
    else {
      const checksum = rowChecksum(table, key, value);
      this.#run(`INSERT OR REPLACE INTO ${table} VALUES (?, ?, ?)`, key, value, checksum);
    }
  }

  #writeChunk({ key, value }: RowWrite): void {
    const { id, first } = chunkName(key);
    const waiting = this.#chunks.get(id) ?? [];
    if (value !== undefined) {
      waiting.push({ first, value, checksum: chunkChecksum(id, first, value) });
      this.#chunks.set(id, waiting);
      return;
    }
    // In the order of the writes: those before this one come first.
    if (waiting.length > 0) this.#addChunksById(id);
    this.#run(DELETE_CHUNK, first, id);
  }

  #addChunks(id: string, number: number): void {
    const chunks = this.#chunks.get(id);
    if (chunks === undefined) return;
    this.#chunks.delete(id);
    for (const { first, value, checksum } of chunks) this.#run(INSERT_CHUNK, number, first, value, checksum);
  }

  /** For an invocation whose row is not written by this transaction, or not yet. */
  #addChunksById(id: string): void {
    const chunks = this.#chunks.get(id) ?? [];
    this.#chunks.delete(id);
    for (const { first, value, checksum } of chunks) {
      if (this.#run(INSERT_CHUNK_BY_ID, first, value, checksum, id) === 0)
        throw new Error(`Cannot store a chunk of the journal of ${id}: there is no such invocation`);
    }
  }

  #writeInvocation({ key: id, value, columns }: RowWrite): void {
    if (value === undefined) {
      const old = this.#counted(id);
      if (old === undefined) return;
      this.#count(old, -1);
      this.#chunks.delete(id);
      this.#run(DELETE_JOURNAL, old.number);
      this.#run("DELETE FROM invocations WHERE number = ?", old.number);
      return;
    }
    if (columns === undefined) throw new Error(`Cannot store invocation ${id}: its columns are missing`);
    const fields = [
      columns.status,
      columns.service,
      columns.handler,
      columns.key,
      columns.deployment,
      columns.createdAt,
      columns.modifiedAt,
      columns.completedAt ?? null,
      columns.expiresAt ?? null,
      columns.size,
      value,
      invocationChecksum(id, columns, value),
    ];
    // Most rows are new: what began and ended since the last checkpoint is written once.
    const inserted = this.#statement(INSERT_INVOCATION).run(id, ...fields);
    let number = Number(inserted.lastInsertRowid);
    if (Number(inserted.changes) === 0) {
      const old = this.#counted(id);
      if (old === undefined) throw new Error(`Cannot find the row of invocation ${id} again`);
      this.#count(old, -1);
      this.#run(UPDATE_INVOCATION, ...fields, old.number);
      number = old.number;
    }
    this.#count(columns, 1);
    this.#addChunks(id, number);
  }

  #counted(id: string): StoredRow | undefined {
    const row = this.#statement(SELECT_COUNTED).get(id);
    if (row === undefined) return undefined;
    return {
      number: Number(row["number"]),
      service: String(row["service"]),
      handler: String(row["handler"]),
      status: String(row["status"]),
      completedAt: row["completed_at"] === null ? undefined : Number(row["completed_at"]),
      size: Number(row["size"]),
    };
  }

  #count(row: Counted, sign: 1 | -1): void {
    const { service, handler, status, completedAt, size } = row;
    const key = JSON.stringify([service, handler, status]);
    const change = this.#counts.get(key) ?? { service, handler, status, count: 0 };
    change.count += sign;
    this.#counts.set(key, change);
    if (completedAt !== undefined) this.#completedBytes += sign * size;
  }

  #run(sql: string, ...parameters: Array<string | number | null | Uint8Array>): number {
    return Number(this.#statement(sql).run(...parameters).changes);
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

export function columnOfKey(table: StoreTable): "id" | "key" {
  return table === "invocations" ? "id" : "key";
}
