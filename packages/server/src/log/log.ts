/**
 * The port to a partition's log: a sequence of batches, numbered 1, 2, 3 ... without gaps ("positions"). The log is the
 * truth; everything else in the engine is a cache of it.
 *
 * Contract, proven for every implementation by `log.contract.ts`:
 * - One writer. `append` names the tail it expects to extend; only the exact next position is accepted.
 * - A batch is durable when its append resolved "ok", and never before. Appends resolve in order; after one that is not
 *   "ok", none behind it is stored.
 * - "full": nothing was stored, the same append may be repeated later. "fenced": another writer took over (a later epoch
 *   exists); this log object is finished. "unknown": the outcome cannot be known from here; resolve it by `read`ing past
 *   the barrier. An implementation for which any failure of a sync is fatal (the embedded log) rejects instead; the caller
 *   must then end the process without another effect.
 * - What `read` yields are exactly the durable batches, in order, byte for byte.
 * - `trim(upTo)` may delete batches <= upTo (at the implementation's granularity); reading them then yields a
 *   `LogTrimmedError`. Positions never restart.
 */
export type AppendOutcome = "ok" | "fenced" | "unknown" | "full";

export type LogBatch = {
  /** 1-based, exactly `tail() + 1` plus the number of appends in flight. */
  readonly position: number;
  /** Encoded records, opaque to the log. The caller does not write to these bytes until the append has resolved. */
  readonly payload: Uint8Array;
};

export interface PartitionLog {
  /** Writers' generation: 1 on a new log, one more each time the log was opened. Bound into every batch. */
  readonly epoch: number;
  /** Position of the last durable batch; 0 when the log is empty. */
  tail(): number;
  /** Position of the oldest batch that can be read; `tail() + 1` when there is none. */
  head(): number;
  /**
   * Appends may be pipelined: the second need not wait for the first. A batch that is not the next one is the caller's
   * mistake: the promise rejects and nothing changes. After "full", so end all appends made before the caller could know,
   * and the next one is `tail() + 1` again.
   */
  append(batch: LogBatch, expectedTail: number): Promise<AppendOutcome>;
  /**
   * Durable batches from `from` (inclusive) to the tail at the time of the call. The payloads are the reader's own copies.
   * Fails with a `LogTrimmedError` when `from` lies before the head.
   */
  read(from: number): AsyncIterable<LogBatch>;
  trim(upTo: number): Promise<void>;
  /**
   * Has `listener` called, once, when the log can take nothing more, also where nobody asked anything of it: a sync may fail
   * while it prepares the next file, or seals what is there because nothing comes. At once when that has happened already.
   */
  onFailed?(listener: (reason: Error) => void): void;
  /** Releases files and threads. Not needed for durability: a process that just dies loses nothing. */
  close(): Promise<void>;
}

/** The batches asked for are behind the trim point. */
export class LogTrimmedError extends Error {
  override readonly name = "LogTrimmedError";
  readonly head: number;
  constructor(from: number, head: number) {
    super(`Cannot read the log from position ${from}: it was trimmed and now begins at ${head}`);
    this.head = head;
  }
}

/** A durable byte is not what was written, or a file is missing, in a place where that cannot be an unfinished write. Never repaired silently. */
export class LogCorruptError extends Error {
  override readonly name = "LogCorruptError";
  readonly report: LogCorruptionReport;
  constructor(message: string, report: LogCorruptionReport) {
    super(message);
    this.report = report;
  }
}

export type LogCorruptionReport = {
  readonly file: string;
  readonly offset: number;
  /** First position that cannot be read. */
  readonly position: number;
  /** What proves that the bytes had been durable: a later frame, the seal, or the checkpoint. */
  readonly witness: string;
};

/** A write or a sync failed in a way that leaves unknown what is durable. The log object is finished; the process must end. */
export class LogFailedError extends Error {
  override readonly name = "LogFailedError";
}

/** The format's version is not known to this program (usually: written by a newer one). */
export class LogVersionError extends Error {
  override readonly name = "LogVersionError";
}
