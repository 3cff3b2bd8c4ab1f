/**
 * A data directory: the lock that makes this process its only user, the checkpoint store, and the log. Opened in this order;
 * the log is told what the store reflects, so that a log that ends before it is recognised as damaged.
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { lockDirectory, type DirectoryLock } from "./log/directory-lock.ts";
import { EmbeddedLog } from "./log/embedded-log.ts";
import { NodeDisk } from "./log/node-disk.ts";
import { SqliteStore } from "./store/sqlite-store.ts";

const FILE_MODE = 0o600;
/**
 * There while an engine is at work on the directory, so that the next one sees how the last one ended. It only helps to find
 * who brings the process down, so a disk that refuses it keeps nobody from working.
 */
const RUNNING_FILE = "running";

export type DataDirectory = {
  readonly lock: DirectoryLock;
  readonly store: SqliteStore;
  readonly log: EmbeddedLog;
  /** The process that had it before ended in the middle of its work. Losing this mark costs one crash in the count. */
  readonly wasCrash: boolean;
  /** The engine has been closed. If it had not failed, that was a good end. Does not throw. */
  noteEnd(health: { readonly status: string }): void;
  close(): Promise<void>;
};

export async function openDataDirectory(
  dir: string,
  options: { readonly segmentBytes?: number; readonly onWarning?: (message: string) => void } = {},
): Promise<DataDirectory> {
  // Its own name has to be durable before anything in it is promised: a power cut would take the directory as a whole.
  new NodeDisk().makeDirectory(dir);
  // What is open is closed in reverse order: with the directory, and when a later part cannot be opened.
  await using opened = new AsyncDisposableStack();
  const lock = await lockDirectory(dir);
  opened.defer(() => lock.release());
  const store = await SqliteStore.open({ dir });
  opened.defer(() => store.close());
  const log = await EmbeddedLog.open({
    dir: join(dir, "log"),
    minimumTail: store.appliedPosition(),
    ...(options.segmentBytes === undefined ? {} : { segmentBytes: options.segmentBytes }),
  });
  opened.defer(() => log.close());
  const running = new RunningMark(join(dir, RUNNING_FILE), options.onWarning ?? console.warn);
  const wasCrash = running.isThere;
  if (!wasCrash) running.set();
  const all = opened.move();
  return {
    lock,
    store,
    log,
    wasCrash,
    noteEnd: ({ status }) => {
      if (status !== "failed") running.remove();
    },
    close: () => all.disposeAsync(),
  };
}

class RunningMark {
  readonly #path: string;
  readonly #onWarning: (message: string) => void;

  constructor(path: string, onWarning: (message: string) => void) {
    this.#path = path;
    this.#onWarning = onWarning;
  }

  get isThere(): boolean {
    return existsSync(this.#path);
  }

  set(): void {
    this.#attempt(
      () => writeFileSync(this.#path, "", { mode: FILE_MODE }),
      "cannot be written, so a crash of this process will not be counted",
    );
  }

  remove(): void {
    this.#attempt(
      () => rmSync(this.#path, { force: true }),
      "cannot be removed, so the next start takes this end for a crash",
    );
  }

  #attempt(change: () => void, consequence: string): void {
    try {
      change();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#onWarning(`${this.#path} ${consequence}: ${reason}`);
    }
  }
}
