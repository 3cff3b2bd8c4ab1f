/**
 * Takes checkpoints: the tables as of one log position, written to the store while the fold goes on, and then the log is
 * trimmed up to there.
 *
 * Order, and why a crash between any two steps is harmless:
 *   1. The open batch is closed; its position P is what the checkpoint reflects.
 *   2. The tables are frozen. Rows that change from here on are copied first.
 *   3. Frozen rows are encoded, a slice a turn.
 *   4. P becomes durable in the log. (A store ahead of its log could hold what nobody was ever promised.)
 *   5. The store commits rows and P in one transaction, durably. Before this the old checkpoint counts, with the whole log.
 *   6. The tables forget what is stored and not needed. Only memory.
 *   7. The log is trimmed up to P. Before this the log is longer than needed, nothing else.
 */
import type { Tables } from "@holdfast/engine";

import type { Clock } from "../clock.ts";
import type { PartitionLog } from "../log/log.ts";
import type { CheckpointStore, RowWrite } from "../store/store.ts";

/** Rows encoded in one turn: about a millisecond. */
const ENCODE_SLICE = 200;
/** Wait before a failed commit is tried again, ms. The log keeps everything meanwhile. */
const RETRY_MS = 1_000;

export type CheckpointThresholds = {
  /** Take a checkpoint when so many rows changed, */
  readonly dirtyRows: number;
  /** or so many bytes were logged, since the last one, */
  readonly logBytes: number;
  /** or something changed and so much time has passed. */
  readonly intervalMs: number;
};

export const defaultCheckpointThresholds: CheckpointThresholds = {
  dirtyRows: 20_000,
  logBytes: 32 * 1024 * 1024,
  intervalMs: 10_000,
};

export type CheckpointerDeps = {
  readonly clock: Clock;
  readonly tables: Tables;
  readonly store: CheckpointStore;
  readonly log: PartitionLog;
  readonly thresholds: CheckpointThresholds;
  /** Closes the open batch and returns the position of the newest closed one. */
  readonly closeBatch: () => number;
  /** Resolves when the log has this position durably. */
  readonly whenDurable: (position: number) => Promise<void>;
  readonly onCommitFailed: (error: unknown) => void;
};

export class Checkpointer {
  readonly #deps: CheckpointerDeps;
  #position: number;
  #bytesSince = 0;
  #running: Promise<void> | undefined;
  #stopWaiting: (() => void) | undefined;
  #closed = false;

  constructor(deps: CheckpointerDeps) {
    this.#deps = deps;
    this.#position = deps.store.appliedPosition();
  }

  /** Log position of the newest durable checkpoint. */
  get position(): number {
    return this.#position;
  }

  /** Tells of a batch that was closed; takes a checkpoint when a threshold is reached. */
  noteBatch(bytes: number): void {
    this.#bytesSince += bytes;
    if (this.#running !== undefined || this.#closed) return;
    const { thresholds, tables, clock } = this.#deps;
    if (tables.dirtyCount >= thresholds.dirtyRows || this.#bytesSince >= thresholds.logBytes) {
      void this.take(); // Never rejects.
    } else if (this.#stopWaiting === undefined) {
      this.#stopWaiting = clock.after(thresholds.intervalMs, () => void this.take());
    }
  }

  /** Takes a checkpoint now, or joins the one that is being taken. Never rejects: a commit that fails is tried again. */
  take(): Promise<void> {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    this.#running ??= this.#take().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #take(): Promise<void> {
    const { tables, log, closeBatch, whenDurable } = this.#deps;
    const position = closeBatch();
    if (position <= this.#position) return;
    tables.freeze();
    this.#bytesSince = 0;
    while (!tables.encodeFrozen(ENCODE_SLICE)) await this.#turn();
    await whenDurable(position);
    const committed = await this.#commit(tables.frozenWrites() as readonly RowWrite[], position);
    if (!committed) return;
    tables.thaw();
    this.#position = position;
    await log.trim(position);
  }

  async #commit(writes: readonly RowWrite[], position: number): Promise<boolean> {
    for (;;) {
      if (this.#closed) return false;
      try {
        await this.#deps.store.commit(writes, position);
        return true;
      } catch (error) {
        this.#deps.onCommitFailed(error);
        await new Promise<void>((resolve) => {
          this.#deps.clock.after(RETRY_MS, resolve);
        });
      }
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#deps.clock.soon(resolve);
    });
  }

  /** Lets a commit that has begun finish; begins none. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopWaiting?.();
    await this.#running;
  }
}
