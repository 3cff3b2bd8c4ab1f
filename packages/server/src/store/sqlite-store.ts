import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";

import { blobOf, InvocationSearch } from "./invocation-search.ts";
import { chunkName, placeOf } from "./journal-place.ts";
import { KnownKeys, type FilteredTable } from "./known-keys.ts";
import { packWrites, sliceWrites } from "./packed-writes.ts";
import { chunkChecksum, rowChecksum } from "./row-checksum.ts";
import { asDamage, storeDamage, type DamagedPlace } from "./store-damage.ts";
import { openForReading, prepareStoreFile } from "./store-schema.ts";
import {
  SELECT_SEALED_STATE,
  SELECT_UNSEALED_STATE,
  stateOf,
  type StateRow,
  type StoreState,
} from "./store-state.ts";
import { FIRST_SEALED_VERSION, STORE_VERSION } from "./store-tables.ts";
import { StoreThread } from "./store-thread.ts";
import { columnOfKey } from "./store-writer.ts";
import {
  StoreCorruptError,
  type CheckpointStore,
  type InvocationCount,
  type InvocationHit,
  type InvocationQuery,
  type RowWrite,
  type ScannedTable,
  type StoreTable,
} from "./store.ts";

const FILE_NAME = "checkpoint.db";
const DIRECTORY_MODE = 0o700;

const SELECT_CHUNK = (columns: string): string => `
  SELECT ${columns} FROM journal WHERE place = (SELECT ${placeOf("number", "?")} FROM invocations WHERE id = ?)`;

/** Format 1. */
const FORMAT_WITH_CHUNKS_BY_KEY = 1;

type KeyValueTable = Exclude<StoreTable, "invocations" | "journal">;

type OpenedFile = {
  readonly path: string;
  readonly format: number;
  readonly reader: DatabaseSync;
  readonly fileBytesMax: number | undefined;
};

export type SqliteStoreOptions = {
  readonly dir: string;
  /** The file does not grow beyond this; a commit that would fails. */
  readonly fileBytesMax?: number;
  /** False: a store of an older format is read as it is, and cannot be committed to. */
  readonly upgrade?: boolean;
  /** A store up to this size is checked as a whole when it is opened. Default: 8 MiB. */
  readonly checkedBytesMax?: number;
};

/**
 * The checkpoint in a SQLite file. Reads run here, on a connection that cannot write; commits run in a thread that starts
 * with the first of them.
 */
export class SqliteStore implements CheckpointStore {
  readonly #path: string;
  readonly #fileBytesMax: number | undefined;
  readonly #format: number;
  readonly #reader: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #search: InvocationSearch;
  readonly #known: KnownKeys;
  /** As of the last commit; read anew when it is asked for after the next. */
  #state: StoreState | undefined;
  #appliedPosition: number;
  #damage: StoreCorruptError | undefined;
  #onDamaged: ((reason: StoreCorruptError) => void) | undefined;
  #thread: StoreThread | undefined;
  #committing: Promise<void> | undefined;
  /** Resolves when the write-ahead log of the last commit has been moved into the database, or need not be. */
  #settled: Promise<void> | undefined;
  #closed = false;

  /** Makes the directory and the file when they are not there. Fails with `StoreFormatError` or `StoreCorruptError`. */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    mkdirSync(options.dir, { recursive: true, mode: DIRECTORY_MODE });
    const path = join(options.dir, FILE_NAME);
    const { upgrade = true, checkedBytesMax } = options;
    const format = prepareStoreFile(path, { upgrade, checkedBytesMax });
    const reader = openForReading(path);
    try {
      return new SqliteStore({ path, format, reader, fileBytesMax: options.fileBytesMax });
    } catch (error) {
      reader.close();
      throw error;
    }
  }

  private constructor(opened: OpenedFile) {
    const { path, format, reader, fileBytesMax } = opened;
    this.#path = path;
    this.#fileBytesMax = fileBytesMax;
    this.#format = format;
    this.#reader = reader;
    this.#search = new InvocationSearch({
      prepare: (sql) => this.#statement(sql),
      counts: () => this.#currentState().counts,
      isSealed: this.#isSealed,
      damage: (key, what) =>
        storeDamage(path, { table: "invocations", ...(key === undefined ? {} : { key }) }, what),
    });
    this.#appliedPosition = this.#reading({ table: "store" }, () => this.#currentState().appliedPosition);
    this.#known = new KnownKeys({ readKeys: (table, after, limit) => this.#keysBehind(table, after, limit) });
  }

  get filePath(): string {
    return this.#path;
  }

  appliedPosition(): number {
    return this.#appliedPosition;
  }

  get(table: StoreTable, key: string): Uint8Array | undefined {
    if (this.#known.lacks(table, key)) return undefined;
    return this.#reading({ table, key }, () => {
      if (table === "invocations") return this.#search.get(key);
      if (table === "journal") return this.#chunk(key);
      const row = this.#statement(`SELECT ${this.#columns} FROM ${table} WHERE key = ?`).get(key);
      return row === undefined ? undefined : this.#checked(table, key, row);
    });
  }

  #chunk(key: string): Uint8Array | undefined {
    const { id, first } = chunkName(key);
    const row =
      this.#format === FORMAT_WITH_CHUNKS_BY_KEY
        ? this.#statement("SELECT value FROM journal WHERE key = ?").get(key)
        : this.#statement(SELECT_CHUNK(this.#columns)).get(first, id);
    if (row === undefined) return undefined;
    const value = blobOf(row["value"]);
    if (this.#isSealed && row["checksum"] !== chunkChecksum(id, first, value))
      throw this.#changed("journal", key);
    return value;
  }

  scan(
    table: ScannedTable,
    from: string,
    to: string,
    limit: number,
  ): Array<readonly [key: string, value: Uint8Array]> {
    return this.#reading({ table }, () => {
      if (table === "invocations") return this.#scanInvocations(from, to, limit);
      const rows = this.#statement(
        `SELECT key, ${this.#columns} FROM ${table} WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`,
      ).all(from, to, Math.max(0, limit));
      return rows.map((row) => {
        const key = String(row["key"]);
        return [key, this.#checked(table, key, row)] as const;
      });
    });
  }

  #scanInvocations(from: string, to: string, limit: number): Array<readonly [string, Uint8Array]> {
    const sql = "SELECT id FROM invocations WHERE id >= ? AND id < ? ORDER BY id LIMIT ?";
    const rows = this.#statement(sql).all(from, to, Math.max(0, limit));
    return rows.map((row) => {
      const id = String(row["id"]);
      const value = this.#search.get(id);
      if (value === undefined)
        throw storeDamage(this.#path, { table: "invocations", key: id }, "it is not found again");
      return [id, value] as const;
    });
  }

  findInvocations(query: InvocationQuery): InvocationHit[] {
    return this.#reading({ table: "invocations" }, () => this.#search.find(query));
  }

  countInvocations(): InvocationCount[] {
    return this.#reading({ table: "store" }, () => [...this.#currentState().counts]);
  }

  completedBytes(): number {
    return this.#reading({ table: "store" }, () => this.#currentState().completedBytes);
  }

  onDamaged(listener: (reason: StoreCorruptError) => void): void {
    this.#onDamaged = listener;
    if (this.#damage !== undefined) listener(this.#damage);
  }

  commit(writes: readonly RowWrite[], appliedPosition: number): Promise<void> {
    const refusal = this.#refusal(writes, appliedPosition);
    if (refusal !== undefined) return Promise.reject(refusal);
    const committing = this.#commit(writes, appliedPosition).finally(() => {
      this.#committing = undefined;
    });
    this.#committing = committing;
    return committing;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#known.close();
    // Whoever awaits the commit learns how it ended.
    await this.#committing?.catch(() => undefined);
    // The writing connection goes last: SQLite then empties the write-ahead log and removes it.
    this.#reader.close();
    await this.#thread?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #refusal(writes: readonly RowWrite[], appliedPosition: number): Error | undefined {
    if (this.#closed) return new Error("Cannot commit to the store: it is closed");
    if (this.#format !== STORE_VERSION)
      return new Error("Cannot commit to the store: it is of an older format and was opened for reading");
    if (this.#committing !== undefined)
      return new Error("Cannot commit to the store: another commit is under way");
    if (appliedPosition < this.#appliedPosition) {
      return new Error(
        `Cannot commit position ${appliedPosition} to the store: it already reflects ${this.#appliedPosition}`,
      );
    }
    const incomplete = writes.find(
      ({ table, value, columns }) => table === "invocations" && value !== undefined && columns === undefined,
    );
    if (incomplete === undefined) return undefined;
    return new Error(`Cannot store invocation ${incomplete.key}: its columns are missing`);
  }

  async #commit(writes: readonly RowWrite[], appliedPosition: number): Promise<void> {
    if (this.#thread === undefined || this.#thread.hasEnded) {
      this.#thread = new StoreThread({ path: this.#path, fileBytesMax: this.#fileBytesMax });
    }
    const thread = this.#thread;
    thread.hold();

    // 1. A view taken while pages are still being moved would keep the write-ahead log from starting anew.
    await this.#settled;

    // 2. Until this has ended, reads keep the view of the last commit.
    this.#reader.exec("BEGIN");
    this.#statement("SELECT applied_position FROM store").get();
    try {
      // 3. The rows, in slices, so that this thread serves callers in between.
      for (const slice of sliceWrites(writes)) {
        for (const write of slice) this.#known.add(write);
        thread.write(packWrites(slice));
        await nextTurn();
      }

      // 4. One transaction: durable when it is answered.
      await thread.commit(appliedPosition);
      this.#appliedPosition = appliedPosition;
    } catch (error) {
      thread.abandon();
      throw this.#noted(error);
    } finally {
      // 5. Reads see the new rows, and the write-ahead log can be emptied behind everyone's back.
      this.#reader.exec("COMMIT");
      this.#state = undefined;
      this.#known.betweenCommits();
      this.#settled = thread.settle();
      thread.release();
    }
  }

  get #isSealed(): boolean {
    return this.#format >= FIRST_SEALED_VERSION;
  }

  get #columns(): string {
    return this.#isSealed ? "value, checksum" : "value";
  }

  #checked(table: KeyValueTable, key: string, row: Readonly<Record<string, unknown>>): Uint8Array {
    const value = blobOf(row["value"]);
    if (this.#isSealed && row["checksum"] !== rowChecksum(table, key, value)) throw this.#changed(table, key);
    return value;
  }

  #currentState(): StoreState {
    const rows = (): StateRow[] =>
      this.#statement(this.#isSealed ? SELECT_SEALED_STATE : SELECT_UNSEALED_STATE).all();
    this.#state ??= stateOf(rows());
    if (this.#state === undefined) throw this.#changed("store", undefined);
    return this.#state;
  }

  #keysBehind(table: FilteredTable, after: string, limit: number): string[] {
    const column = columnOfKey(table);
    const sql = `SELECT ${column} AS key FROM ${table} WHERE ${column} > ? ORDER BY ${column} LIMIT ?`;
    return this.#reading({ table }, () =>
      this.#statement(sql)
        .all(after, limit)
        .map((row) => String(row["key"])),
    );
  }

  #changed(table: string, key: string | undefined): StoreCorruptError {
    return storeDamage(
      this.#path,
      { table, ...(key === undefined ? {} : { key }) },
      "it is not what was written",
    );
  }

  /** All reads go through here: what SQLite finds damaged is the same error as a checksum that does not match. */
  #reading<T>(place: DamagedPlace, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#noted(asDamage(error, this.#path, place));
    }
  }

  #noted(error: unknown): unknown {
    if (error instanceof StoreCorruptError && this.#damage === undefined) {
      this.#damage = error;
      this.#onDamaged?.(error);
    }
    return error;
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#reader.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
