import {
  LogFailedError,
  LogTrimmedError,
  type AppendOutcome,
  type LogBatch,
  type PartitionLog,
} from "./log.ts";

/**
 * What a memory log leaves behind: the "disk" of a test. A log opened on it again sees the batches that were durable, in a
 * later epoch, like after a crash.
 */
export class LogMemory {
  epoch = 0;
  head = 1;
  readonly payloads: Uint8Array[] = [];
  /** Limits the bytes stored; appends beyond are "full". */
  capacityBytes: number = Number.POSITIVE_INFINITY;
  usedBytes = 0;
}

export type MemoryLogOptions = {
  readonly memory?: LogMemory;
  /** How an append takes its time. A microtask unless told otherwise; a test passes its own scheduler. */
  readonly defer?: (run: () => void) => void;
};

type Waiting = {
  readonly batch: LogBatch;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (reason: Error) => void;
};

/** The log for tests and the test engine: the whole contract, without files. */
export class MemoryLog implements PartitionLog {
  readonly epoch: number;
  readonly #memory: LogMemory;
  readonly #defer: (run: () => void) => void;
  #next: number;
  #waiting: Waiting[] = [];
  #closed = false;

  static open(options: MemoryLogOptions = {}): Promise<MemoryLog> {
    return Promise.resolve(new MemoryLog(options));
  }

  private constructor(options: MemoryLogOptions) {
    this.#memory = options.memory ?? new LogMemory();
    this.#defer = options.defer ?? queueMicrotask;
    this.#memory.epoch += 1;
    this.epoch = this.#memory.epoch;
    this.#next = this.tail() + 1;
  }

  tail(): number {
    const { head, payloads } = this.#memory;
    return head - 1 + payloads.length;
  }

  head(): number {
    return this.#memory.head;
  }

  append(batch: LogBatch, expectedTail: number): Promise<AppendOutcome> {
    const { position } = batch;
    if (this.#closed) return Promise.reject(new LogFailedError("Cannot append to the log: it is closed"));
    if (position !== this.#next || expectedTail !== position - 1) {
      return Promise.reject(
        new Error(
          `Cannot append position ${position} behind ${expectedTail} to the log: the next position is ${this.#next}`,
        ),
      );
    }
    this.#next += 1;
    const { promise, resolve, reject } = Promise.withResolvers<AppendOutcome>();
    this.#waiting.push({ batch, resolve, reject });
    if (this.#waiting.length === 1) this.#defer(() => this.#store());
    return promise;
  }

  async *read(from: number): AsyncIterable<LogBatch> {
    if (!Number.isSafeInteger(from) || from < 1) throw new Error(`Cannot read the log from position ${from}`);
    const to = this.tail();
    for (let position = from; position <= to; position++) {
      if (position < this.head()) throw new LogTrimmedError(position, this.head());
      const payload = this.#memory.payloads[position - this.head()];
      if (payload === undefined)
        throw new Error(`Cannot read position ${position} of the log: it ends at ${this.tail()}`);
      yield { position, payload: payload.slice() };
    }
  }

  trim(upTo: number): Promise<void> {
    if (upTo > this.tail()) {
      return Promise.reject(new Error(`Cannot trim the log up to ${upTo}: only ${this.tail()} is durable`));
    }
    const count = Math.max(0, upTo + 1 - this.head());
    for (const payload of this.#memory.payloads.splice(0, count)) this.#memory.usedBytes -= payload.length;
    this.#memory.head += count;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#store();
    this.#closed = true;
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** One group, like one sync: everything that was appended until now. */
  #store(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const memory = this.#memory;
    if (memory.epoch !== this.epoch) {
      this.#closed = true;
      for (const { resolve } of waiting) resolve("fenced");
      return;
    }
    let full = false;
    for (const { batch, resolve } of waiting) {
      full ||= memory.usedBytes + batch.payload.length > memory.capacityBytes;
      if (!full) {
        memory.payloads.push(batch.payload.slice());
        memory.usedBytes += batch.payload.length;
      }
      resolve(full ? "full" : "ok");
    }
    if (full) this.#next = this.tail() + 1;
  }
}
