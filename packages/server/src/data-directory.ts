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
/** There while an engine is at work on the directory, so that the next one sees how the last one ended. */
const RUNNING_FILE = "running";

export type DataDirectory = {
  readonly lock: DirectoryLock;
  readonly store: SqliteStore;
  readonly log: EmbeddedLog;
  /** The process that had it before ended in the middle of its work. Losing this mark costs one crash in the count. */
  readonly wasCrash: boolean;
  /** The engine has been closed. If it had not failed, that was a good end. */
  noteEnd(health: { readonly status: string }): void;
  close(): Promise<void>;
};

export async function openDataDirectory(
  dir: string,
  options: { readonly segmentBytes?: number } = {},
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
  const running = join(dir, RUNNING_FILE);
  const wasCrash = existsSync(running);
  if (!wasCrash) writeFileSync(running, "", { mode: FILE_MODE });
  const all = opened.move();
  return {
    lock,
    store,
    log,
    wasCrash,
    noteEnd: ({ status }) => {
      if (status !== "failed") rmSync(running, { force: true });
    },
    close: () => all.disposeAsync(),
  };
}
