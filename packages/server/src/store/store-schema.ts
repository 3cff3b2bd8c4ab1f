import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { StoreFormatError, type StoreTable } from "./store.ts";

/** History: 1 = first version. */
export const STORE_VERSION = 1;

/** Marks the file as ours: "HFST". */
const APPLICATION_ID = 0x48465354;

/** Rows hold what callers sent: only the server's own user may read them. */
const FILE_MODE = 0o600;

/** SQLITE_NOTADB */
const NOT_A_DATABASE = 26;

/** For a short moment a checkpoint of the write-ahead log can shut out a connection that is just being opened. */
const BUSY_TIMEOUT_MS = 5000;

const KEY_VALUE_TABLES: ReadonlyArray<Exclude<StoreTable, "invocations">> = [
  "journal",
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
 * and get sorted. The rowid table keeps new rows together at its end, whatever their ids; a table ordered by random ids
 * would touch a page for each.
 *
 * Counts and sums are kept beside the rows, because `count(*)` reads a whole index.
 */
const SCHEMA = `
  CREATE TABLE store (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    applied_position INTEGER NOT NULL,
    completed_bytes INTEGER NOT NULL
  );
  INSERT INTO store VALUES (0, 0, 0);

  CREATE TABLE invocations (
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
    value BLOB NOT NULL
  );
  CREATE UNIQUE INDEX invocations_by_id ON invocations (id);
  CREATE INDEX invocations_by_status ON invocations (status, created_at);
  CREATE INDEX invocations_by_service ON invocations (service, status, created_at);
  CREATE INDEX invocations_by_key ON invocations (service, key, created_at) WHERE key <> '';
  CREATE INDEX invocations_by_expiry ON invocations (expires_at) WHERE expires_at IS NOT NULL;

  CREATE TABLE invocation_counts (
    service TEXT NOT NULL,
    handler TEXT NOT NULL,
    status TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (service, handler, status)
  ) WITHOUT ROWID;

  ${KEY_VALUE_TABLES.map(
    (table) => `CREATE TABLE ${table} (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;`,
  ).join("\n  ")}

  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${STORE_VERSION};
`;

/** Makes the file if there is none, and checks that this program may write to it. */
export function prepareStoreFile(path: string): void {
  closeSync(openSync(path, "a", FILE_MODE));
  const database = openForWriting(path);
  try {
    if (isBlank(database)) database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
    checkFormat(database, path);
  } finally {
    database.close();
  }
  syncDirectory(dirname(path));
}

/**
 * A connection whose commits are durable when they return: in WAL mode with `synchronous` FULL every COMMIT ends with a
 * sync of the write-ahead log, and a checkpoint of it syncs the database before the log is used again. So the partition's
 * log may be trimmed as soon as a commit has returned.
 */
export function openForWriting(path: string): DatabaseSync {
  const database = open(path, false);
  try {
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = 67108864;
      PRAGMA cache_size = -8000;
    `);
    return database;
  } catch (error) {
    database.close();
    throw asFormatError(error, path);
  }
}

export function openForReading(path: string): DatabaseSync {
  return open(path, true);
}

function open(path: string, readOnly: boolean): DatabaseSync {
  try {
    return new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw asFormatError(error, path);
  }
}

function isBlank(database: DatabaseSync): boolean {
  const tables = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get();
  return tables?.["count"] === 0 && pragma(database, "application_id") === 0;
}

function checkFormat(database: DatabaseSync, path: string): void {
  if (pragma(database, "application_id") !== APPLICATION_ID) throw notAStore(path, undefined);
  const version = pragma(database, "user_version");
  if (version === STORE_VERSION) return;
  throw new StoreFormatError(
    `Cannot open the store ${path}: it is of format ${String(version)}, which this version of Holdfast does not know. ` +
      "Use the version that wrote it, or a newer one",
  );
}

function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name];
}

function asFormatError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return code === NOT_A_DATABASE ? notAStore(path, error) : error;
}

function notAStore(path: string, cause: unknown): StoreFormatError {
  return new StoreFormatError(`Cannot open the store ${path}: the file is not a Holdfast store`, { cause });
}

/** SQLite syncs the directory for the files it makes later, not for the database itself. */
function syncDirectory(directory: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
