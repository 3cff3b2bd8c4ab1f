import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";

import type { Disk } from "./disk.ts";
import { NONCE_BYTES, PAYLOAD_BYTES_MAX, alignUp } from "./frame.ts";
import { readBatches, type SegmentEntry } from "./log-reader.ts";
import {
  LogFailedError,
  LogTrimmedError,
  type AppendOutcome,
  type LogBatch,
  type PartitionLog,
} from "./log.ts";
import { NodeDisk } from "./node-disk.ts";
import type { LogOpenReport } from "./open-log-directory.ts";
import { SEGMENT_BYTES_DEFAULT, SEGMENT_BYTES_MIN } from "./segment.ts";
import { failureToError, type WriterReply } from "./writer-host.ts";
import { LocalLink, ThreadLink, type Defer, type WriterLink } from "./writer-link.ts";

/** Payload bytes in one request. A larger batch travels alone. */
const REQUEST_BYTES_MAX = 1024 * 1024;

export type EmbeddedLogOptions = {
  /** Directory of the log alone; made when it is not there. */
  readonly dir: string;
  readonly segmentBytes?: number;
  /** The position that the newest checkpoint reflects. The log must reach from there to here, or it is damaged. */
  readonly minimumTail?: number;
  /** Another disk. The writer then runs in this thread, since a disk cannot cross to another one. */
  readonly disk?: Disk;
  /** 8 bytes at each call; for reproducible files. Only together with `disk`. */
  readonly nonce?: () => Uint8Array;
  /** When the writer gets to what was asked of it, and its answers back. A microtask, unless told. Only together with `disk`. */
  readonly defer?: Defer;
};

type Outstanding = {
  readonly batch: LogBatch;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (reason: Error) => void;
};

type Waiting = { readonly resolve: () => void; readonly reject: (reason: Error) => void };

/** The log in a directory of segment files, written by a thread of its own. */
export class EmbeddedLog implements PartitionLog {
  readonly epoch: number;
  /** What opening found. */
  readonly report: LogOpenReport;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #link: WriterLink;
  #segments: readonly SegmentEntry[];
  #tail: number;

  /** Position that the next append must have. */
  #next: number;
  /** Appends that are not posted yet. */
  #gathered: Outstanding[] = [];
  /** Appends posted, one element for each request. */
  #posted: Outstanding[][] = [];
  /** Requests that were on their way when one before them found the disk full; they come back "full" as well. */
  #refused = 0;
  #flushScheduled = false;
  /** Told when nothing is on its way any more; while closing. */
  #whenIdle: (() => void) | undefined;

  /** Trims and seals, answered in their order. */
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;
  #failureListener: ((reason: Error) => void) | undefined;
  #closing: Promise<void> | undefined;

  /** Recovers the log and begins a new epoch. Fails with `LogCorruptError` or `LogVersionError`. */
  static async open(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
    const opened = Promise.withResolvers<EmbeddedLog>();
    let log: EmbeddedLog | undefined;
    const early: { link?: WriterLink; reply?: Extract<WriterReply, { kind: "opened" }> } = {};
    const onReply = (reply: WriterReply): void => {
      if (log !== undefined) log.#onReply(reply);
      else if (reply.kind === "failed") opened.reject(failureToError(reply.failure));
      else if (reply.kind === "opened") {
        early.reply = reply;
        start();
      }
    };
    // A link without a thread answers before it is returned.
    const start = (): void => {
      if (early.link === undefined || early.reply === undefined) return;
      log = new EmbeddedLog(options, early.link, early.reply);
      opened.resolve(log);
    };
    early.link = createLink(options, onReply);
    start();
    try {
      return await opened.promise;
    } catch (error) {
      await early.link.close();
      throw error;
    }
  }

  private constructor(
    options: EmbeddedLogOptions,
    link: WriterLink,
    opened: Extract<WriterReply, { kind: "opened" }>,
  ) {
    this.#disk = options.disk ?? new NodeDisk();
    this.#directory = options.dir;
    this.#link = link;
    this.#segments = opened.segments;
    this.#tail = opened.tail;
    this.#next = opened.tail + 1;
    this.epoch = opened.epoch;
    this.report = opened.report;
    this.#holdWhileBusy();
  }

  tail(): number {
    return this.#tail;
  }

  head(): number {
    return this.#segments[0]?.firstPosition ?? this.#tail + 1;
  }

  append(batch: LogBatch, expectedTail: number): Promise<AppendOutcome> {
    const refusal = this.#refusal(batch, expectedTail);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#next += 1;
    const { promise, resolve, reject } = Promise.withResolvers<AppendOutcome>();
    this.#gathered.push({ batch, resolve, reject });
    this.#scheduleFlush();
    return promise;
  }

  async *read(from: number): AsyncIterable<LogBatch> {
    if (!Number.isSafeInteger(from) || from < 1) throw new Error(`Cannot read the log from position ${from}`);
    const to = this.#tail;
    if (from < this.head()) throw new LogTrimmedError(from, this.head());
    const head = (): number => this.head();
    const { segments, disk, directory } = {
      segments: this.#segments,
      disk: this.#disk,
      directory: this.#directory,
    };
    yield* readBatches({ disk, directory, crc32, segments, from, to, head });
  }

  trim(upTo: number): Promise<void> {
    if (upTo > this.#tail) {
      return Promise.reject(new Error(`Cannot trim the log up to ${upTo}: only ${this.#tail} is durable`));
    }
    return this.#request({ kind: "trim", upTo });
  }

  onFailed(listener: (reason: Error) => void): void {
    this.#failureListener = listener;
    if (this.#failure !== undefined) listener(this.#failure);
  }

  /** Writes the idle seal now. Without a thread nothing else does it. */
  seal(): Promise<void> {
    return this.#request({ kind: "seal" });
  }

  /** Appends made before it are still carried out. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#flush();
    if (!this.#isIdle) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await this.#link.close();
  }

  get #isIdle(): boolean {
    return this.#posted.length === 0 && this.#gathered.length === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #refusal(batch: LogBatch, expectedTail: number): Error | undefined {
    if (this.#closing !== undefined) return new LogFailedError("Cannot append to the log: it is closed");
    if (this.#failure !== undefined) return this.#failure;
    const { position, payload } = batch;
    if (position !== this.#next || expectedTail !== position - 1) {
      return new Error(
        `Cannot append position ${position} behind ${expectedTail} to the log: the next position is ${this.#next}`,
      );
    }
    if (payload.length > PAYLOAD_BYTES_MAX) {
      return new Error(
        `Cannot append ${payload.length} bytes to the log: a batch has at most ${PAYLOAD_BYTES_MAX}`,
      );
    }
    return undefined;
  }

  #request(request: { kind: "trim"; upTo: number } | { kind: "seal" }): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#closing !== undefined)
      return Promise.reject(new LogFailedError(`Cannot ${request.kind} the log: it is closed`));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ resolve, reject });
    this.#flush();
    this.#link.post(request);
    this.#holdWhileBusy();
    return promise;
  }

  /** A microtask later, so that appends made in one turn travel together. */
  #scheduleFlush(): void {
    if (this.#flushScheduled || !this.#link.hasRoom) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  /** Beyond what the link takes batches gather here, so that the next request carries more. */
  #flush(): void {
    while (this.#gathered.length > 0 && this.#link.hasRoom) {
      const appends = this.#takeGathered();
      this.#posted.push(appends);
      this.#link.append(appends.map(({ batch }) => batch));
    }
    this.#holdWhileBusy();
  }

  #takeGathered(): Outstanding[] {
    let bytes = 0;
    let count = 0;
    for (const { batch } of this.#gathered) {
      bytes += batch.payload.length;
      if (count > 0 && bytes > REQUEST_BYTES_MAX) break;
      count += 1;
    }
    if (count === this.#gathered.length) {
      const all = this.#gathered;
      this.#gathered = [];
      return all;
    }
    return this.#gathered.splice(0, count);
  }

  #onReply(reply: WriterReply): void {
    switch (reply.kind) {
      case "appended":
        this.#onAppended(reply);
        return;
      case "trimmed":
        this.#onTrimmed(reply);
        break;
      case "sealed":
        this.#waiting.shift()?.resolve();
        break;
      case "failed":
        this.#onFailed(failureToError(reply.failure));
        break;
      case "opened":
        throw new Error("Cannot open the log twice");
    }
    this.#holdWhileBusy();
  }

  #onAppended(reply: Extract<WriterReply, { kind: "appended" }>): void {
    if (reply.segments !== undefined) this.#segments = reply.segments;
    if (this.#refused > 0) {
      this.#refused -= reply.groups;
      return;
    }
    if (reply.outcome === "full") {
      this.#onFull(reply.groups);
      return;
    }
    const answered = this.#posted.splice(0, reply.groups);
    this.#tail = answered.at(-1)?.at(-1)?.batch.position ?? this.#tail;
    this.#flush();
    for (const appends of answered) {
      for (const append of appends) append.resolve("ok");
    }
  }

  #onTrimmed(reply: Extract<WriterReply, { kind: "trimmed" }>): void {
    this.#segments = reply.segments;
    const waiting = this.#waiting.shift();
    if (reply.failure === undefined) waiting?.resolve();
    else waiting?.reject(failureToError(reply.failure));
  }

  /** Whatever was appended behind it cannot be stored either. The caller starts again at the next position. */
  #onFull(groups: number): void {
    this.#refused = this.#posted.length - groups;
    this.#next = this.#tail + 1;
    for (const append of this.#takeAll()) append.resolve("full");
    this.#holdWhileBusy();
  }

  #onFailed(failure: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    for (const append of this.#takeAll()) append.reject(failure);
    for (const waiting of this.#waiting.splice(0)) waiting.reject(failure);
    this.#failureListener?.(failure);
  }

  #takeAll(): Outstanding[] {
    const all = [...this.#posted.flat(), ...this.#gathered];
    this.#posted = [];
    this.#gathered = [];
    return all;
  }

  /** An idle log does not keep a process alive, one that owes an answer does. */
  #holdWhileBusy(): void {
    if (this.#closing !== undefined) {
      if (this.#isIdle) this.#whenIdle?.();
      return;
    }
    if (this.#posted.length > 0 || this.#gathered.length > 0 || this.#waiting.length > 0) this.#link.hold();
    else this.#link.release();
  }
}

function createLink(options: EmbeddedLogOptions, onReply: (reply: WriterReply) => void): WriterLink {
  const { dir: directory, minimumTail, disk } = options;
  const segmentBytes = alignUp(options.segmentBytes ?? SEGMENT_BYTES_DEFAULT);
  if (segmentBytes < SEGMENT_BYTES_MIN) {
    throw new Error(
      `Cannot make log segments of ${segmentBytes} bytes: at least ${SEGMENT_BYTES_MIN} are needed`,
    );
  }
  if (disk === undefined) return new ThreadLink({ directory, segmentBytes, minimumTail }, onReply);
  const nonce = options.nonce ?? ((): Uint8Array => randomBytes(NONCE_BYTES));
  return new LocalLink({ disk, directory, segmentBytes, minimumTail, crc32, nonce }, onReply, options.defer);
}
