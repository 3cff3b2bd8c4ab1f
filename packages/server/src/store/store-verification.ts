/**
 * Whether a store, all of it, is what was written. Checksums of rows cannot show that a row is missing: that its page is no
 * longer reached, or that an index leads past it. SQLite's own check can, since it follows every page and every index.
 */
import { DatabaseSync } from "node:sqlite";

import { blobOf, columnsOf, INVOCATION_COLUMNS } from "./invocation-search.ts";
import { PLACE_BITS } from "./journal-place.ts";
import { chunkChecksum, invocationChecksum, rowChecksum } from "./row-checksum.ts";
import { messageOf } from "./store-damage.ts";
import { SELECT_SEALED_STATE, stateOf } from "./store-state.ts";
import { FIRST_SEALED_VERSION, KEY_VALUE_TABLES, SCHEMA } from "./store-tables.ts";

export type FoundDamage = { readonly table: string; readonly key?: string; readonly what: string };

const CHANGED = "it is not what was written";
const SELECT_SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name";
const SELECT_CHUNKS = `
  SELECT id, place & ${2 ** PLACE_BITS - 1} AS first, journal.value, journal.checksum
  FROM journal LEFT JOIN invocations ON number = place >> ${PLACE_BITS}`;

type Row = Readonly<Record<string, unknown>>;

/** Goes on behind what it finds as long as SQLite can. Of formats without checksums only what SQLite can tell. */
export function* damageIn(database: DatabaseSync, format: number): Generator<FoundDamage, void, undefined> {
  try {
    // Without its schema nothing else of a store means anything.
    const schema = schemaDamage(database, format);
    if (schema !== undefined) {
      yield schema;
      return;
    }
    for (const row of database.prepare("PRAGMA integrity_check(20)").all()) {
      const what = String(Object.values(row)[0]);
      if (what !== "ok") yield { table: "(pages)", what };
    }
    if (format >= FIRST_SEALED_VERSION) yield* changedRows(database);
  } catch (error) {
    yield { table: "(pages)", what: messageOf(error) };
  }
}

/** A flipped bit in the number of the format must not make a store be read, or brought up to date, as of another. */
export function schemaDamage(database: DatabaseSync, format: number): FoundDamage | undefined {
  if (format < FIRST_SEALED_VERSION) {
    const sealed = database.prepare("SELECT 1 FROM pragma_table_info('store') WHERE name = 'checksum'").get();
    if (sealed === undefined) return undefined;
    return { table: "sqlite_schema", what: `it has checksums, and says that it is of format ${format}` };
  }
  const blank = new DatabaseSync(":memory:");
  try {
    blank.exec(SCHEMA);
    if (schemaOf(database) === schemaOf(blank)) return undefined;
    return { table: "sqlite_schema", what: `it is not that of format ${format}` };
  } finally {
    blank.close();
  }
}

function schemaOf(database: DatabaseSync): string {
  const rows = database.prepare(SELECT_SCHEMA).all();
  return JSON.stringify(rows.map((row) => Object.values(row)));
}

function* changedRows(database: DatabaseSync): Generator<FoundDamage, void, undefined> {
  if (stateOf(database.prepare(SELECT_SEALED_STATE).all()) === undefined)
    yield { table: "store", what: CHANGED };
  for (const row of database.prepare(`SELECT ${INVOCATION_COLUMNS}, checksum FROM invocations`).iterate()) {
    const id = String(row["id"]);
    if (row["checksum"] !== invocationChecksum(id, columnsOf(row), blobOf(row["value"])))
      yield { table: "invocations", key: id, what: CHANGED };
  }
  for (const row of database.prepare(SELECT_CHUNKS).iterate()) {
    const { id, first, value, checksum } = row;
    const key = `${String(id)}/${Number(first)}`;
    if (id === null) yield { table: "journal", key, what: "it belongs to no invocation" };
    else if (checksum !== chunkChecksum(String(id), Number(first), blobOf(value)))
      yield { table: "journal", key, what: CHANGED };
  }
  for (const table of KEY_VALUE_TABLES) {
    for (const row of database.prepare(`SELECT key, value, checksum FROM ${table}`).iterate()) {
      if (!isRowIntact(table, row)) yield { table, key: String(row["key"]), what: CHANGED };
    }
  }
}

function isRowIntact(table: (typeof KEY_VALUE_TABLES)[number], row: Row): boolean {
  return row["checksum"] === rowChecksum(table, String(row["key"]), blobOf(row["value"]));
}
