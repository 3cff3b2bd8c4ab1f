/**
 * One process for each data directory. Two engines on one directory would write two histories into one log, and the
 * commonest way to get there is a container that is started before the old one is gone.
 *
 * Node offers no file locks, SQLite does: an exclusive transaction that is never committed holds the operating system's own
 * lock on a file. The kernel gives it up when the process dies, however it dies, so there is nothing to clean up after a
 * `kill -9`, and no pid to be mistaken for that of another process after a restart. It also holds between containers that
 * share a volume. (On network file systems it is as good as their locks are.)
 *
 * Nothing else in this process may open the lock file: closing it again would give up the lock.
 */
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const LOCK_FILE = "lock.db";
const OWNER_FILE = "lock.json";
const FILE_MODE = 0o600;

export class DirectoryLockedError extends Error {
  override readonly name = "DirectoryLockedError";
  readonly directory: string;
  /** Process that holds it, as far as it is known. */
  readonly pid: number | undefined;

  constructor(directory: string, owner: Owner | undefined) {
    const holder =
      owner === undefined ? "another process" : `process ${owner.pid} on ${owner.host}, since ${owner.since}`;
    super(
      `The data directory ${directory} is in use by ${holder}. Stop that process, or choose another directory`,
    );
    this.directory = directory;
    this.pid = owner?.pid;
  }
}

type Owner = { readonly pid: number; readonly host: string; readonly since: string };

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Takes the lock on an existing directory. Fails at once with `DirectoryLockedError` when another process has it. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, LOCK_FILE);
  makeFile(path);
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (isBusy(error)) throw new DirectoryLockedError(directory, readOwner(directory));
    throw error;
  }
  const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  // For people only: the lock is the transaction.
  writeFileSync(join(directory, OWNER_FILE), JSON.stringify(owner), { mode: FILE_MODE });
  let isReleased = false;
  const release = (): void => {
    if (isReleased) return;
    isReleased = true;
    process.removeListener("exit", release);
    database.close();
  };
  // Also keeps the connection reachable: collected as garbage it would close, and the lock would go with it.
  process.once("exit", release);
  return { release: async () => release() };
}

/** Made here, because SQLite would let others read it. One that is there is not opened: see above. */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", FILE_MODE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function isBusy(error: unknown): boolean {
  const SQLITE_BUSY = 5;
  return error instanceof Error && "errcode" in error && ((error.errcode as number) & 0xff) === SQLITE_BUSY;
}

function readOwner(directory: string): Owner | undefined {
  try {
    const owner = JSON.parse(readFileSync(join(directory, OWNER_FILE), "utf8")) as Partial<Owner> | null;
    const { pid, host, since } = owner ?? {};
    if (typeof pid !== "number" || typeof host !== "string" || typeof since !== "string") return undefined;
    return { pid, host, since };
  } catch {
    // The holder may be writing it at this moment.
    return undefined;
  }
}
