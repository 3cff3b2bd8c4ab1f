/** The tables of a store. */
import { stateChecksum } from "./store-state.ts";
import type { StoreTable } from "./store.ts";

/**
 * History: 1 = first version. 2 = journal rows by the number of their invocation. 3 = every row carries a checksum,
 * `row-checksum.ts`. The way from the older ones is `store-migration.ts`.
 */
export const STORE_VERSION = 3;
/** The first format whose rows carry checksums. */
export const FIRST_SEALED_VERSION = 3;

/** Marks the file as ours: "HFST". */
export const APPLICATION_ID = 0x48465354;

export const KEY_VALUE_TABLES: ReadonlyArray<Exclude<StoreTable, "invocations" | "journal">> = [
  "objects",
  "inbox",
  "promises",
  "timers",
  "deployments",
  "meta",
];

/*
 * What each index of `invocations` is for. Every one is an entry more per row written, so there is none for mere
 * convenience:
 *
 * - id: reading and replacing rows.
 * - (status, created_at): lists by status. A list of everything is merged from one range per status that exists.
 * - (service, status, created_at): the same within a service; the console's most usual question is "what failed here?".
 * - (service, key, created_at): the history of one object or workflow. Only rows with a key pay for it.
 * - expires_at: retention. Only rows that have ended pay for it.
 *
 * Handler and deployment are filters on one of these. Ids are not part of the indexes: rows of the same millisecond are few
 * and get sorted. Rows are numbered as they come, and new ones lie together at the end of the table, whatever their ids. So
 * do the chunks of journals, by the number of their invocation: in a table ordered by random ids each would touch a page of
 * its own, and the more there are the more often one that is not in memory.
 *
 * Counts and sums are kept beside the rows, because `count(*)` reads a whole index.
 */
export const INVOCATION_TABLES = `
  CREATE TABLE invocations (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    status TEXT NOT NULL,
    service TEXT NOT NULL,
    handler TEXT NOT NULL,
    key TEXT NOT NULL,
    deployment TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    completed_at INTEGER,
    expires_at INTEGER,
    size INTEGER NOT NULL,
    value BLOB NOT NULL,
    checksum INTEGER NOT NULL
  );
  CREATE TABLE journal (place INTEGER PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL);`;

export const INVOCATION_INDEXES = `
  CREATE UNIQUE INDEX invocations_by_id ON invocations (id);
  CREATE INDEX invocations_by_status ON invocations (status, created_at);
  CREATE INDEX invocations_by_service ON invocations (service, status, created_at);
  CREATE INDEX invocations_by_key ON invocations (service, key, created_at) WHERE key <> '';
  CREATE INDEX invocations_by_expiry ON invocations (expires_at) WHERE expires_at IS NOT NULL;`;

export const STATE_TABLE = `
  CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    applied_position INTEGER NOT NULL,
    completed_bytes INTEGER NOT NULL,
    checksum INTEGER NOT NULL
  );`;

export function keyValueTable(name: string): string {
  return `CREATE TABLE ${name} (key TEXT PRIMARY KEY, value BLOB NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;`;
}

const EMPTY = { appliedPosition: 0, completedBytes: 0, counts: [] };

export const SCHEMA = `
  ${STATE_TABLE}
  INSERT INTO store VALUES (0, 0, 0, ${stateChecksum(EMPTY)});

  ${INVOCATION_TABLES}
  ${INVOCATION_INDEXES}

  CREATE TABLE invocation_counts (
    service TEXT NOT NULL,
    handler TEXT NOT NULL,
    status TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (service, handler, status)
  ) WITHOUT ROWID;

  ${KEY_VALUE_TABLES.map(keyValueTable).join("\n  ")}

  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${STORE_VERSION};
`;
