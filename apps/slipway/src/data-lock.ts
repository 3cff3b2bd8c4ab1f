/**
 * One Slipway for each data directory. The lock is the operating system's own on a file, by way of a transaction that is
 * never committed, so it ends with the process, however that ends.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { properties } from "./durable/schema.ts";

const LOCK_FILE = "lock.db";
const RUN_FILE = "run.json";
const SQLITE_BUSY = 5;
const PRIMARY_CODE = 0xff;

/** What a running Slipway says about itself to those who come later. */
export interface RunFacts {
  readonly pid: number;
  readonly startedAt: string;
  /** Where it takes commands; undefined while it starts. */
  readonly control?: string;
}

export class DataLockedError extends Error {
  override readonly name = "DataLockedError";
  /** Undefined when it does not say, which it may not have come to yet. */
  readonly holder: RunFacts | undefined;

  constructor(directory: string, holder: RunFacts | undefined) {
    super(
      `Slipway is already running on ${directory}${holder === undefined ? "" : ` (process ${holder.pid})`}.`,
    );
    this.holder = holder;
  }
}

export interface DataLock {
  /** Tells later ones more about this run. */
  describe(facts: RunFacts): void;
  release(): void;
}

/** Makes the directory and takes its lock. Throws `DataLockedError` at once when another process has it. */
export function lockData(directory: string, facts: RunFacts): DataLock {
  mkdirSync(directory, { recursive: true });
  // Nothing in it is for git, wherever the directory lies.
  writeFileSync(join(directory, ".gitignore"), "*\n");
  const database = new DatabaseSync(join(directory, LOCK_FILE), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) throw new DataLockedError(directory, readRunFacts(directory));
    throw error;
  }
  const describe = (more: RunFacts): void =>
    writeFileSync(join(directory, RUN_FILE), `${JSON.stringify(more)}\n`);
  describe(facts);
  // The listener also keeps the connection reachable: collected as garbage, it would take the lock with it.
  const release = (): void => {
    process.off("exit", release);
    if (database.isOpen) database.close();
  };
  process.once("exit", release);
  return { describe, release };
}

/** What the latest run said about itself, whether it still runs or not. */
export function readRunFacts(directory: string): RunFacts | undefined {
  try {
    const facts = properties(JSON.parse(readFileSync(join(directory, RUN_FILE), "utf8")));
    const { pid, startedAt, control } = facts;
    if (typeof pid !== "number" || typeof startedAt !== "string") return undefined;
    return { pid, startedAt, ...(typeof control === "string" ? { control } : {}) };
  } catch {
    return undefined; // Never started here, or writing it at this moment.
  }
}

function isBusy(error: unknown): boolean {
  const { errcode } = properties(error);
  return typeof errcode === "number" && (errcode & PRIMARY_CODE) === SQLITE_BUSY;
}
