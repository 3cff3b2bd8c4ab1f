/**
 * Reads a data directory and proves that nothing in it is lost, or says what is. Writes nothing.
 *
 * Three questions, each of which needs the answer before it: can the checkpoint be read, can the log behind it be read, and
 * do the tables that the two give account for every invocation.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";

import { checkTables, decodeRecords, Partition, Tables, type TableReport } from "@holdfast/engine";

import { DirectoryLockedError, lockDirectory } from "./log/directory-lock.ts";
import { inspectLog, type LogInspection } from "./log/inspect.ts";
import { readBatches } from "./log/log-reader.ts";
import { NodeDisk } from "./log/node-disk.ts";
import { rowSource } from "./partition/row-source.ts";
import { MemoryStore } from "./store/memory-store.ts";
import { SqliteStore } from "./store/sqlite-store.ts";
import { messageOf } from "./store/store-damage.ts";
import { formatOf } from "./store/store-schema.ts";
import { damageIn, type FoundDamage } from "./store/store-verification.ts";
import { StoreFormatError, type CheckpointStore } from "./store/store.ts";

const CHECKPOINT_FILE = "checkpoint.db";
/** One damaged page can hold many rows. */
const DAMAGE_SHOWN = 20;

export type StoreInspection = {
  /** False before the first checkpoint: then the log holds everything. */
  readonly exists: boolean;
  readonly appliedPosition: number;
  /** What SQLite's own check of the file and the checksums of its rows say; empty when all is well. */
  readonly damage: readonly string[];
};

export type DataDirectoryReport = {
  readonly directory: string;
  /** Process that has the directory open. What is read then is some recent state of it. */
  readonly inUseBy: string | undefined;
  readonly store: StoreInspection;
  readonly log: LogInspection | undefined;
  /** `undefined` when damage kept the tables from being built. */
  readonly tables: TableReport | undefined;
  /** Everything that is wrong, worst first. Empty: nothing that was acknowledged is lost. */
  readonly problems: readonly string[];
};

/** Fails only when there is no data directory at `directory`; whatever is wrong with one that is there is in the report. */
export async function inspectDataDirectory(directory: string): Promise<DataDirectoryReport> {
  const logDirectory = join(directory, "log");
  const hasStore = existsSync(join(directory, CHECKPOINT_FILE));
  if (!hasStore && !existsSync(logDirectory)) {
    throw new Error(`There is no Holdfast data in ${directory}: neither ${CHECKPOINT_FILE} nor log/`);
  }
  const damage = hasStore ? checkStoreFile(join(directory, CHECKPOINT_FILE)) : [];
  const lock = await tryLock(directory);
  const problems: string[] = [];
  problems.push(...damage.map((line) => `The checkpoint is damaged: ${line}`));
  const store =
    damage.length > 0
      ? undefined
      : hasStore
        ? await SqliteStore.open({ dir: directory, upgrade: false })
        : await MemoryStore.open();
  try {
    const appliedPosition = store?.appliedPosition() ?? 0;
    const log = attempt(problems, "The log cannot be read", () =>
      inspectLog({ dir: logDirectory, minimumTail: appliedPosition }),
    );
    if (log?.corruption !== undefined) problems.push(log.corruption.message);
    const tables =
      store === undefined || log === undefined
        ? undefined
        : attempt(problems, "The tables cannot be rebuilt", () => rebuildTables(store, log, logDirectory));
    for (const { subject, problem } of tables?.problems ?? []) problems.push(`${subject} ${problem}`);
    const inspection: StoreInspection = { exists: hasStore, appliedPosition, damage };
    return { directory, inUseBy: lock.inUseBy, store: inspection, log, tables, problems };
  } finally {
    await store?.close();
    await lock.release();
  }
}

async function tryLock(
  directory: string,
): Promise<{ inUseBy: string | undefined; release(): Promise<void> }> {
  try {
    const lock = await lockDirectory(directory);
    return { inUseBy: undefined, release: () => lock.release() };
  } catch (error) {
    if (!(error instanceof DirectoryLockedError)) throw error;
    return {
      inUseBy: error.pid === undefined ? "another process" : `process ${error.pid}`,
      release: () => Promise.resolve(),
    };
  }
}

/** In one transaction: somebody may be writing. */
function checkStoreFile(path: string): string[] {
  try {
    const database = new DatabaseSync(path, { readOnly: true });
    try {
      database.exec("BEGIN");
      const format = formatOf(database, path);
      const lines: string[] = [];
      for (const found of damageIn(database, format)) {
        lines.push(lineOf(found));
        if (lines.length === DAMAGE_SHOWN) break;
      }
      return lines;
    } finally {
      database.close();
    }
  } catch (error) {
    // That of a newer version is not damaged.
    if (error instanceof StoreFormatError) throw error;
    return [messageOf(error)];
  }
}

function lineOf({ table, key, what }: FoundDamage): string {
  return key === undefined ? `${table}: ${what}` : `${table}, row ${JSON.stringify(key)}: ${what}`;
}

function attempt<T>(problems: string[], what: string, run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    problems.push(`${what}: ${messageOf(error)}`);
    return undefined;
  }
}

/** What recovery would arrive at, without acting on it. */
function rebuildTables(store: CheckpointStore, log: LogInspection, logDirectory: string): TableReport {
  const tables = new Tables(rowSource(store));
  const partition = new Partition(tables);
  const from = store.appliedPosition() + 1;
  const segments = log.segments.filter(({ fileName }) => !log.obsoleteFiles.includes(fileName));
  const batches = readBatches({
    disk: new NodeDisk(),
    directory: logDirectory,
    crc32,
    segments,
    from,
    to: log.lastPosition,
    head: () => log.firstPosition,
  });
  for (const { payload } of batches) {
    for (const record of decodeRecords(payload)) partition.apply(record);
  }
  return checkTables(tables);
}
