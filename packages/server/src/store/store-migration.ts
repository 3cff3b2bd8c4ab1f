/** How a store of an older format becomes one of the present. */
import type { DatabaseSync } from "node:sqlite";

import { blobOf, columnsOf, INVOCATION_COLUMNS } from "./invocation-search.ts";
import { PLACE_BITS } from "./journal-place.ts";
import { chunkChecksum, invocationChecksum, rowChecksum } from "./row-checksum.ts";
import { SELECT_UNSEALED_STATE, stateChecksum, stateOf } from "./store-state.ts";
import {
  INVOCATION_INDEXES,
  INVOCATION_TABLES,
  KEY_VALUE_TABLES,
  keyValueTable,
  STATE_TABLE,
  STORE_VERSION,
} from "./store-tables.ts";

/**
 * Copies every table, in one transaction: after a crash the store is of the old format, and whole. Rows get their checksums
 * on the way.
 *
 * - Format 1 had no numbers of invocations, and kept the chunks of journals by their keys.
 * - Neither it nor format 2 had checksums.
 */
export function migrate(database: DatabaseSync, from: 1 | 2): void {
  defineChecksums(database);
  database.exec("BEGIN IMMEDIATE");
  try {
    copyInvocations(database, from);
    copyKeyValues(database);
    copyState(database);
    database.exec(`PRAGMA user_version = ${STORE_VERSION}; COMMIT;`);
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** For SQL: the functions of `row-checksum.ts`. */
function defineChecksums(database: DatabaseSync): void {
  const names = INVOCATION_COLUMNS.split(", ");
  database.function("invocation_checksum", { varargs: true }, (...fields: unknown[]) => {
    const row = Object.fromEntries(names.map((name, index) => [name, fields[index]]));
    return invocationChecksum(String(row["id"]), columnsOf(row), blobOf(row["value"]));
  });
  database.function("chunk_checksum", (id: unknown, first: unknown, value: unknown) =>
    chunkChecksum(String(id), Number(first), blobOf(value)),
  );
  for (const table of KEY_VALUE_TABLES) {
    database.function(`${table}_checksum`, (key: unknown, value: unknown) =>
      rowChecksum(table, String(key), blobOf(value)),
    );
  }
}

function copyInvocations(database: DatabaseSync, from: 1 | 2): void {
  const keyOfChunk = "old_journal.key";
  const [number, chunkOf, first] =
    from === 1
      ? [
          "rowid",
          `id = substr(${keyOfChunk}, 1, instr(${keyOfChunk}, '/') - 1)`,
          `CAST(substr(${keyOfChunk}, instr(${keyOfChunk}, '/') + 1) AS INTEGER)`,
        ]
      : [
          "number",
          `number = old_journal.place >> ${PLACE_BITS}`,
          `(old_journal.place & ${2 ** PLACE_BITS - 1})`,
        ];
  database.exec(`
    ALTER TABLE invocations RENAME TO old_invocations;
    ALTER TABLE journal RENAME TO old_journal;
    ${INVOCATION_TABLES}
    INSERT INTO invocations
      SELECT ${number}, ${INVOCATION_COLUMNS}, invocation_checksum(${INVOCATION_COLUMNS}) FROM old_invocations;
    DROP TABLE old_invocations;
    ${INVOCATION_INDEXES}
    INSERT INTO journal
      SELECT (number << ${PLACE_BITS}) | ${first}, old_journal.value, chunk_checksum(id, ${first}, old_journal.value)
      FROM old_journal CROSS JOIN invocations ON ${chunkOf};
    DROP TABLE old_journal;
  `);
}

function copyKeyValues(database: DatabaseSync): void {
  for (const table of KEY_VALUE_TABLES) {
    database.exec(`
      ALTER TABLE ${table} RENAME TO old_${table};
      ${keyValueTable(table)}
      INSERT INTO ${table} SELECT key, value, ${table}_checksum(key, value) FROM old_${table};
      DROP TABLE old_${table};
    `);
  }
}

function copyState(database: DatabaseSync): void {
  const state = stateOf(database.prepare(SELECT_UNSEALED_STATE).all());
  if (state === undefined) throw new Error("Cannot bring the store up to date: it has no position");
  const checksum = stateChecksum(state);
  database.exec(`
    ALTER TABLE store RENAME TO old_store;
    ${STATE_TABLE}
    INSERT INTO store SELECT id, applied_position, completed_bytes, ${checksum} FROM old_store;
    DROP TABLE old_store;
  `);
}
