/** Rows of the store for the engine's tables, read over a connection that somebody else has opened; checked as the store's own reader does. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

import type { RowSource } from "@holdfast/engine";

import { blobOf, columnsOf, INVOCATION_COLUMNS } from "../store/invocation-search.ts";
import { chunkName, placeOf } from "../store/journal-place.ts";
import { chunkChecksum, invocationChecksum, rowChecksum } from "../store/row-checksum.ts";
import { storeDamage } from "../store/store-damage.ts";
import { KEY_VALUE_TABLES } from "../store/store-tables.ts";

type Row = Readonly<Record<string, unknown>>;
type KeyValueTable = (typeof KEY_VALUE_TABLES)[number];

/**
 * Statements are prepared when this is made: afterwards the connection's authorizer would take them for the user's. Scans
 * are only made while the tables are opened, before there is one.
 */
export class StoreRows implements RowSource {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #byNumber: StatementSync;
  readonly #byId: StatementSync;
  readonly #chunk: StatementSync;
  readonly #byKey = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#byNumber = database.prepare(
      `SELECT ${INVOCATION_COLUMNS}, checksum FROM main.invocations WHERE number = ?`,
    );
    this.#byId = database.prepare(
      `SELECT ${INVOCATION_COLUMNS}, checksum FROM main.invocations WHERE id = ?`,
    );
    this.#chunk = database.prepare(
      `SELECT value, checksum FROM main.journal
       WHERE place = (SELECT ${placeOf("number", "?")} FROM main.invocations WHERE id = ?)`,
    );
    for (const table of KEY_VALUE_TABLES)
      this.#byKey.set(table, database.prepare(`SELECT value, checksum FROM main.${table} WHERE key = ?`));
  }

  get(table: string, key: string): Uint8Array | undefined {
    if (table === "invocations") return this.#invocation(this.#byId.get(key));
    if (table === "journal") return this.#journalChunk(key);
    const row = this.#byKey.get(table)?.get(key);
    return row === undefined ? undefined : this.#checked(table as KeyValueTable, key, row);
  }

  invocationByNumber(number: number): Uint8Array | undefined {
    return this.#invocation(this.#byNumber.get(number));
  }

  scan(
    table: string,
    from: string,
    to: string,
    limit: number,
  ): Array<readonly [key: string, value: Uint8Array]> {
    const known = KEY_VALUE_TABLES.find((name) => name === table);
    if (known === undefined) throw new Error(`Cannot scan ${table} for a query`);
    const sql = `SELECT key, value, checksum FROM main.${known} WHERE key >= ? AND key < ? ORDER BY key LIMIT ?`;
    return this.#database
      .prepare(sql)
      .all(from, to, limit)
      .map((row) => {
        const key = String(row["key"]);
        return [key, this.#checked(known, key, row)] as const;
      });
  }

  #invocation(row: Row | undefined): Uint8Array | undefined {
    if (row === undefined) return undefined;
    const id = String(row["id"]);
    const value = blobOf(row["value"]);
    if (row["checksum"] === invocationChecksum(id, columnsOf(row), value)) return value;
    throw this.#damage("invocations", id);
  }

  #journalChunk(key: string): Uint8Array | undefined {
    const { id, first } = chunkName(key);
    const row = this.#chunk.get(first, id);
    if (row === undefined) return undefined;
    const value = blobOf(row["value"]);
    if (row["checksum"] === chunkChecksum(id, first, value)) return value;
    throw this.#damage("journal", key);
  }

  #checked(table: KeyValueTable, key: string, row: Row): Uint8Array {
    const value = blobOf(row["value"]);
    if (row["checksum"] === rowChecksum(table, key, value)) return value;
    throw this.#damage(table, key);
  }

  #damage(table: string, key: string): Error {
    return storeDamage(this.#path, { table, key }, "it is not what was written");
  }
}
