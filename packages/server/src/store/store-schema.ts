import { closeSync, fsyncSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { asDamage, storeDamage } from "./store-damage.ts";
import { migrate } from "./store-migration.ts";
import { APPLICATION_ID, SCHEMA, STORE_VERSION } from "./store-tables.ts";
import { damageIn, schemaDamage } from "./store-verification.ts";
import { StoreFormatError } from "./store.ts";

/** Rows hold what callers sent: only the server's own user may read them. */
const FILE_MODE = 0o600;

const CHECKED_BYTES_MAX = 8 * 1024 * 1024;

/** SQLITE_NOTADB */
const NOT_A_DATABASE = 26;

/** For a short moment a checkpoint of the write-ahead log can shut out a connection that is just being opened. */
export const BUSY_TIMEOUT_MS = 5000;

export type PrepareOptions = {
  readonly upgrade: boolean;
  /** A store up to this size is checked as a whole. Default: 8 MiB, a tenth of a second or two. */
  readonly checkedBytesMax?: number | undefined;
};

/**
 * Makes the file if there is none, checks that this program knows the format and that the file is what was written, and
 * brings an older format up to date unless it is only to be read. Returns its version.
 */
export function prepareStoreFile(path: string, options: PrepareOptions): number {
  closeSync(openSync(path, "a", FILE_MODE));
  const database = openForWriting(path);
  try {
    if (isBlank(database)) database.exec(`BEGIN IMMEDIATE; ${SCHEMA} COMMIT;`);
    const found = formatOf(database, path);
    checkStore(database, found, { path, wholeBytesMax: options.checkedBytesMax ?? CHECKED_BYTES_MAX });
    if (isOlder(found) && options.upgrade) migrate(database, found);
    syncDirectory(dirname(path));
    return options.upgrade ? STORE_VERSION : found;
  } catch (error) {
    throw asDamage(error, path, { table: "(pages)" });
  } finally {
    database.close();
  }
}

/**
 * What takes a moment is checked as a whole. In a larger store every row is checked when it is read. One that is brought up
 * to date is checked however large it is: what is damaged must not get a checksum.
 */
function checkStore(
  database: DatabaseSync,
  format: number,
  { path, wholeBytesMax }: { readonly path: string; readonly wholeBytesMax: number },
): void {
  const isWhole = isOlder(format) || statSync(path).size <= wholeBytesMax;
  const [found] = isWhole ? damageIn(database, format) : [schemaDamage(database, format)];
  if (found !== undefined) throw storeDamage(path, found, found.what);
}

function isOlder(format: number): format is 1 | 2 {
  return format === 1 || format === 2;
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
    throw asOpenError(error, path);
  }
}

export function openForReading(path: string): DatabaseSync {
  return open(path, true);
}

function open(path: string, readOnly: boolean): DatabaseSync {
  try {
    return new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS });
  } catch (error) {
    throw asOpenError(error, path);
  }
}

function isBlank(database: DatabaseSync): boolean {
  const tables = database.prepare("SELECT count(*) AS count FROM sqlite_schema").get();
  return tables?.["count"] === 0 && pragma(database, "application_id") === 0;
}

/** The format's version, of a file that is a store and of a format that this program knows. Throws `StoreFormatError`. */
export function formatOf(database: DatabaseSync, path: string): number {
  if (pragma(database, "application_id") !== APPLICATION_ID) throw notAStore(path, undefined);
  const version = Number(pragma(database, "user_version"));
  if (isOlder(version) || version === STORE_VERSION) return version;
  throw new StoreFormatError(
    `Cannot open the store ${path}: it is of format ${version}, which this version of Holdfast does not know. ` +
      "Use the version that wrote it, or a newer one",
  );
}

function pragma(database: DatabaseSync, name: string): unknown {
  return database.prepare(`PRAGMA ${name}`).get()?.[name];
}

function asOpenError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "errcode" in error ? error.errcode : undefined;
  return code === NOT_A_DATABASE ? notAStore(path, error) : asDamage(error, path, { table: "(pages)" });
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
