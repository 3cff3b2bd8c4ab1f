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
 *   6. The tables forget what is stored and not needed, a slice a turn. Only memory.
 *   7. The log is trimmed up to P. Before this the log is longer than needed, nothing else.
 */
import type { Tables } from "@holdfast/engine";

import type { Clock } from "../clock.ts";
import type { PartitionLog } from "../log/log.ts";
import { StoreCorruptError, type CheckpointStore, type RowWrite } from "../store/store.ts";

/** Rows and bytes encoded in one turn: a millisecond or two. */
const ENCODE_ROWS = 200;
const ENCODE_BYTES = 512 * 1024;
/** Rows of each table let go of in one turn. */
const THAW_ROWS = 2_000;
/**
 * While a checkpoint is being taken, what changes gathers in memory for the next. When that is so many times what makes a
 * checkpoint due, the store cannot keep up, and what comes from outside waits until it has.
 */
const BEHIND = 2;
/** Less than this is no burden, however often checkpoints are asked for. */
const BEHIND_ROWS_MIN = 1_000;
const BEHIND_BYTES_MIN = 1024 * 1024;
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
  /** Resolves when the log has this position durably, or with false when it never will in this process. */
  readonly whenDurable: (position: number) => Promise<boolean>;
  /** A checkpoint has ended. */
  readonly onCaughtUp: () => void;
  readonly onCommitFailed: (error: unknown) => void;
  /** The log could not be trimmed. It stays longer than needed until the next checkpoint. */
  readonly onTrimFailed: (error: unknown) => void;
  /** The tables cannot be written: they are not what they must be. */
  readonly onBroken: (reason: Error) => void;
};

export class Checkpointer {
  readonly #deps: CheckpointerDeps;
  #position: number;
  #bytesSince = 0;
  #running: Promise<boolean> | undefined;
  #stopWaiting: (() => void) | undefined;
  #commitFailure: string | undefined;
  #closed = false;

  constructor(deps: CheckpointerDeps) {
    this.#deps = deps;
    this.#position = deps.store.appliedPosition();
  }

  /** Log position of the newest durable checkpoint. */
  get position(): number {
    return this.#position;
  }

  /** Why the newest commit failed; `undefined` when it did not. It is tried again. */
  get commitFailure(): string | undefined {
    return this.#commitFailure;
  }

  /** The store cannot keep up: what can wait should. Ends with `onCaughtUp`. */
  get isBehind(): boolean {
    if (this.#running === undefined) return false;
    const { thresholds, tables } = this.#deps;
    return (
      tables.dirtyCount >= Math.max(BEHIND * thresholds.dirtyRows, BEHIND_ROWS_MIN) ||
      this.#bytesSince >= Math.max(BEHIND * thresholds.logBytes, BEHIND_BYTES_MIN)
    );
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

  /**
   * Takes a checkpoint now, or joins the one that is being taken. Resolves with whether the store has it; never rejects: a
   * commit that fails is tried again.
   */
  take(): Promise<boolean> {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    if (this.#running !== undefined) return this.#running;
    if (this.#closed) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    // Set before it begins: closing the open batch comes back to `noteBatch`.
    this.#running = promise;
    void this.#run().then(resolve);
    return promise;
  }

  async #run(): Promise<boolean> {
    let isDone = false;
    try {
      isDone = await this.#take();
    } catch (error) {
      this.#deps.onBroken(error instanceof Error ? error : new Error(String(error)));
    }
    this.#running = undefined;
    // Half-way there is no way back: the tables stay frozen.
    if (!isDone) this.#closed = true;
    // What changed meanwhile may be all that changes for a long time.
    else if (this.#deps.tables.dirtyCount > 0) this.noteBatch(0);
    this.#deps.onCaughtUp();
    return isDone;
  }

  async #take(): Promise<boolean> {
    const { tables, closeBatch, whenDurable } = this.#deps;
    const position = closeBatch();
    if (position <= this.#position) return true;
    tables.freeze();
    this.#bytesSince = 0;
    while (!tables.encodeFrozen(ENCODE_ROWS, ENCODE_BYTES)) await this.#turn();
    if (!(await whenDurable(position))) return false;
    if (!(await this.#commit(tables.frozenWrites() as readonly RowWrite[], position))) return false;
    this.#position = position;
    while (!tables.thaw(THAW_ROWS)) await this.#turn();
    await this.#trim(position);
    return true;
  }

  async #trim(position: number): Promise<void> {
    try {
      await this.#deps.log.trim(position);
    } catch (error) {
      this.#deps.onTrimFailed(error);
    }
  }

  async #commit(writes: readonly RowWrite[], position: number): Promise<boolean> {
    for (;;) {
      if (this.#closed) return false;
      try {
        await this.#deps.store.commit(writes, position);
        this.#commitFailure = undefined;
        return true;
      } catch (error) {
        // What is damaged does not mend.
        if (error instanceof StoreCorruptError) throw error;
        this.#commitFailure = String(error);
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
