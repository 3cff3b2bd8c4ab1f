import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";

import { blobOf, InvocationSearch } from "./invocation-search.ts";
import { chunkName, placeOf } from "./journal-place.ts";
import { KnownKeys } from "./known-keys.ts";
import { packWrites, sliceWrites } from "./packed-writes.ts";
import { openForReading, prepareStoreFile } from "./store-schema.ts";
import { STORE_VERSION } from "./store-tables.ts";
import { StoreThread } from "./store-thread.ts";
import { columnOfKey } from "./store-writer.ts";
import type {
  CheckpointStore,
  InvocationCount,
  InvocationHit,
  InvocationQuery,
  RowWrite,
  ScannedTable,
  StoreTable,
} from "./store.ts";

const FILE_NAME = "checkpoint.db";
const DIRECTORY_MODE = 0o700;

const SELECT_CHUNK = `
  SELECT value FROM journal WHERE place = (SELECT ${placeOf("number", "?")} FROM invocations WHERE id = ?)`;

export type SqliteStoreOptions = {
  readonly dir: string;
  /** The file does not grow beyond this; a commit that would fails. */
  readonly fileBytesMax?: number;
  /** False: a store of an older format is read as it is, and cannot be committed to. */
  readonly upgrade?: boolean;
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
  #appliedPosition: number;
  #thread: StoreThread | undefined;
  #committing: Promise<void> | undefined;
  /** Resolves when the write-ahead log of the last commit has been moved into the database, or need not be. */
  #settled: Promise<void> | undefined;
  #closed = false;

  /** Makes the directory and the file when they are not there. Fails with `StoreFormatError`. */
  static async open(options: SqliteStoreOptions): Promise<SqliteStore> {
    return new SqliteStore(options);
  }

  private constructor(options: SqliteStoreOptions) {
    mkdirSync(options.dir, { recursive: true, mode: DIRECTORY_MODE });
    this.#path = join(options.dir, FILE_NAME);
    this.#fileBytesMax = options.fileBytesMax;
    this.#format = prepareStoreFile(this.#path, { upgrade: options.upgrade !== false });
    this.#reader = openForReading(this.#path);
    this.#search = new InvocationSearch((sql) => this.#statement(sql));
    this.#appliedPosition = this.#number("SELECT applied_position AS number FROM store");
    this.#known = new KnownKeys({
      readKeys: (table, after, limit) => {
        const key = columnOfKey(table);
        const sql = `SELECT ${key} AS key FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ?`;
        return this.#statement(sql)
          .all(after, limit)
          .map((row) => String(row["key"]));
      },
    });
  }

  appliedPosition(): number {
    return this.#appliedPosition;
  }

  get(table: StoreTable, key: string): Uint8Array | undefined {
    if (this.#known.lacks(table, key)) return undefined;
    const row =
      table === "journal" && this.#format > 1
        ? this.#chunk(key)
        : this.#statement(`SELECT value FROM ${table} WHERE ${columnOfKey(table)} = ?`).get(key);
    return row === undefined ? undefined : blobOf(row["value"]);
  }

  #chunk(key: string): Record<string, unknown> | undefined {
    const { id, first } = chunkName(key);
    return this.#statement(SELECT_CHUNK).get(first, id);
  }

  scan(
    table: ScannedTable,
    from: string,
    to: string,
    limit: number,
  ): Array<readonly [key: string, value: Uint8Array]> {
    const key = columnOfKey(table);
    const sql = `SELECT ${key} AS key, value FROM ${table} WHERE ${key} >= ? AND ${key} < ? ORDER BY ${key} LIMIT ?`;
    const rows = this.#statement(sql).all(from, to, Math.max(0, limit));
    return rows.map((row) => [String(row["key"]), blobOf(row["value"])]);
  }

  findInvocations(query: InvocationQuery): InvocationHit[] {
    return this.#search.find(query);
  }

  countInvocations(): InvocationCount[] {
    const sql =
      "SELECT service, handler, status, count FROM invocation_counts ORDER BY service, handler, status";
    return this.#statement(sql)
      .all()
      .map((row) => ({
        service: String(row["service"]),
        handler: String(row["handler"]),
        status: String(row["status"]),
        count: Number(row["count"]),
      }));
  }

  completedBytes(): number {
    return this.#number("SELECT completed_bytes AS number FROM store");
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
    this.#number("SELECT applied_position AS number FROM store");
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
      throw error;
    } finally {
      // 5. Reads see the new rows, and the write-ahead log can be emptied behind everyone's back.
      this.#reader.exec("COMMIT");
      this.#known.betweenCommits();
      this.#settled = thread.settle();
      thread.release();
    }
  }

  #number(sql: string): number {
    return Number(this.#statement(sql).get()?.["number"]);
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
