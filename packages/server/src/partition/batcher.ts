/**
 * Group commit: gathers records into batches and appends them to the log, in order. What was proposed during one turn of
 * the event loop, or while enough appends are on their way, becomes one batch: one frame, one write, one sync for all.
 */
import {
  BinaryWriter,
  encodeRecord,
  type Applied,
  type Effect,
  type LogRecord,
  type Outcome,
} from "@holdfast/engine";

import type { Clock } from "../clock.ts";
import type { AppendOutcome, PartitionLog } from "../log/log.ts";

/** Appends under way at a time: one that is being synced, and one that waits for it so that the disk never idles. */
const APPENDS_IN_FLIGHT_MAX = 2;
/** Wait before an append is repeated that found the disk full, ms. */
const FULL_RETRY_MS = 250;
/** Encoded batches under way, the open one, and one to spare: their memory goes round. */
const WRITERS_KEPT_MAX = APPENDS_IN_FLIGHT_MAX + 2;
/** How long a record that nobody waits for waits for others, ms. The shortest that a timer can do. */
const PATIENCE_MS = 1;
/** A healthy disk syncs in milliseconds, a busy one in tenths of a second. An append that takes longer than this is stuck. */
const SLOW_APPEND_MS = 2_000;

/** What is due when a batch is durable. Fields in the order they are worked off. */
export type Batch = {
  readonly position: number;
  readonly effects: Effect[];
  /** Proposers to be told, with the outcome of their record. */
  readonly proposers: Array<(outcome: Outcome) => void>;
  readonly outcomes: Outcome[];
  /** Holds the encoded records until they are durable. */
  readonly writer: BinaryWriter;
  bytes: number;
};

/**
 * `patient`: nobody waits for this record to be durable, so it joins the batch of the next one that somebody waits for. On
 * a busy object this halves the syncs between two of its handlers: whoever queues up behind others would otherwise have a
 * sync of their own, and the end of the handler in front would wait for that.
 */
export type Urgency = "urgent" | "patient";

export type BatcherDeps = {
  readonly clock: Clock;
  readonly log: PartitionLog;
  readonly batchBytesMax: number;
  /** Runs before a batch is closed at the end of a turn: last chance to propose what belongs to this turn. */
  readonly beforeClose: () => void;
  /** The batch is durable. Called in position order. */
  readonly onDurable: (batch: Batch) => void;
  readonly onClosed: (batch: Batch) => void;
  /** The log has no room. Called each time an append is refused. */
  readonly onFull: () => void;
  /** The log failed: nothing that is not durable yet ever will be, and this process must not act again. */
  readonly onFailed: (reason: Error) => void;
};

export class Batcher {
  readonly #deps: BatcherDeps;
  readonly #spareWriters: BinaryWriter[] = [];
  #open: Batch;
  #nextPosition: number;
  /** Closed batches that wait for a free place, oldest first. */
  #waiting: Array<{ readonly batch: Batch; readonly payload: Uint8Array }> = [];
  /** When each append under way was handed to the log, oldest first, by `Clock.elapsed`. */
  readonly #appendedAt: number[] = [];
  #inFlightBytes = 0;
  #durable: number;
  #turnScheduled = false;
  /** Somebody waits for the open batch. */
  #isOpenUrgent = false;
  #isPatienceRunning = false;
  /** The newest append was refused for want of room. */
  #full = false;
  #isWaitingForRoom = false;
  #failed = false;

  constructor(deps: BatcherDeps) {
    this.#deps = deps;
    this.#durable = deps.log.tail();
    this.#nextPosition = this.#durable + 1;
    this.#open = newBatch(this.#nextPosition, new BinaryWriter());
  }

  get durablePosition(): number {
    return this.#durable;
  }

  /** Position that the newest applied record has or will have. */
  get appliedPosition(): number {
    return this.#open.writer.length > 0 ? this.#nextPosition : this.#nextPosition - 1;
  }

  /** Bytes accepted and not durable yet. */
  get pendingBytes(): number {
    return this.#open.writer.length + this.#inFlightBytes;
  }

  get isBusy(): boolean {
    return this.#turnScheduled || this.#inFlightBytes > 0 || this.#isOpenUrgent;
  }

  /** The log has no room; what is accepted waits until it has. */
  get isFull(): boolean {
    return this.#full;
  }

  /** The disk takes so long that whoever looks should know. */
  get isSlow(): boolean {
    const oldest = this.#appendedAt[0];
    return oldest !== undefined && this.#deps.clock.elapsed() - oldest > SLOW_APPEND_MS;
  }

  /** Writes a record to the end of the open batch; `add` follows. One that cannot be written throws and leaves nothing. */
  encode(record: LogRecord): void {
    encodeRecord(this.#open.writer, record);
  }

  /** Adds what came of applying the record that was encoded last. */
  add({ outcome, effects }: Applied, done: ((outcome: Outcome) => void) | undefined, urgency: Urgency): void {
    const batch = this.#open;
    for (const effect of effects) batch.effects.push(effect);
    if (done !== undefined) {
      batch.proposers.push(done);
      batch.outcomes.push(outcome);
    }
    if (batch.writer.length >= this.#deps.batchBytesMax) this.close();
    else if (urgency === "urgent" || this.#isOpenUrgent) this.hurry();
    else this.#wait();
  }

  /** Somebody waits for what is in the open batch. */
  hurry(): void {
    if (this.#open.writer.length === 0) return;
    this.#isOpenUrgent = true;
    this.requestTurn();
  }

  #wait(): void {
    if (this.#isPatienceRunning) return;
    this.#isPatienceRunning = true;
    this.#deps.clock.after(PATIENCE_MS, () => {
      this.#isPatienceRunning = false;
      this.hurry();
    });
  }

  /** Makes sure that the end of this turn closes the open batch, after `beforeClose`. */
  requestTurn(): void {
    if (this.#turnScheduled || this.#failed) return;
    this.#turnScheduled = true;
    this.#deps.clock.soon(() => this.#endTurn());
  }

  #endTurn(): void {
    this.#turnScheduled = false;
    this.#deps.beforeClose();
    // While enough appends are under way, the open batch goes on gathering; `#appended` comes back here.
    if (this.#isOpenUrgent && this.#appendedAt.length < APPENDS_IN_FLIGHT_MAX) this.close();
  }

  /** Closes the open batch, if it holds anything. Returns the position of the newest closed batch. */
  close(): number {
    if (this.#open.writer.length === 0) return this.#nextPosition - 1;
    const batch = this.#open;
    const payload = batch.writer.written();
    batch.bytes = payload.length;
    this.#inFlightBytes += payload.length;
    this.#nextPosition += 1;
    this.#open = newBatch(this.#nextPosition, this.#spareWriters.pop() ?? new BinaryWriter());
    this.#isOpenUrgent = false;
    this.#waiting.push({ batch, payload });
    this.#deps.onClosed(batch);
    this.#appendNext();
    return batch.position;
  }

  #appendNext(): void {
    while (this.#appendedAt.length < APPENDS_IN_FLIGHT_MAX && !this.#isWaitingForRoom && !this.#failed) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#appendedAt.push(this.#deps.clock.elapsed());
      const { batch, payload } = next;
      this.#deps.log
        .append({ position: batch.position, payload }, batch.position - 1)
        .then(
          (outcome) => this.#appended(batch, payload, outcome),
          (error: unknown) => this.#fail(error),
        )
        .catch((error: unknown) => {
          // An effect or a proposer threw: what is behind it in the batch did not happen, and nothing would make up for it.
          this.#fail(error);
        });
    }
  }

  #appended(batch: Batch, payload: Uint8Array, outcome: AppendOutcome): void {
    this.#appendedAt.shift();
    if (this.#failed) return;
    switch (outcome) {
      case "ok":
        this.#full = false;
        this.#durable = batch.position;
        this.#inFlightBytes -= payload.length;
        this.#keepWriter(batch.writer);
        this.#deps.onDurable(batch);
        if (this.#isOpenUrgent) this.#endTurn();
        this.#appendNext();
        return;
      case "full":
        this.#waitForRoom(batch, payload);
        return;
      case "fenced":
        this.#fail(new Error("Another process has taken over this partition's log"));
        return;
      case "unknown":
        this.#fail(new Error(`Whether batch ${batch.position} was stored is unknown; recovery will read it`));
        return;
    }
  }

  #keepWriter(writer: BinaryWriter): void {
    writer.clear();
    if (this.#spareWriters.length < WRITERS_KEPT_MAX) this.#spareWriters.push(writer);
  }

  /** Nothing behind a refused append was stored either: all of them go back in order and are repeated. */
  #waitForRoom(batch: Batch, payload: Uint8Array): void {
    const behind = this.#waiting.findIndex((waiting) => waiting.batch.position > batch.position);
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, { batch, payload });
    this.#full = true;
    this.#deps.onFull();
    if (this.#isWaitingForRoom) return;
    this.#isWaitingForRoom = true;
    this.#deps.clock.after(FULL_RETRY_MS, () => {
      this.#isWaitingForRoom = false;
      this.#appendNext();
    });
  }

  #fail(reason: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#deps.onFailed(reason instanceof Error ? reason : new Error(String(reason)));
  }

  /** Stops appending. What is not durable is dropped, as in a crash. */
  stop(): void {
    this.#failed = true;
  }
}

function newBatch(position: number, writer: BinaryWriter): Batch {
  return { position, effects: [], proposers: [], outcomes: [], writer, bytes: 0 };
}
