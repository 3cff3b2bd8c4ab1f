import { once } from "node:events";
import type { Worker } from "node:worker_threads";

import { startWorker } from "../worker-source.ts";
import { packGroup } from "./frame-group.ts";
import { LogWriter } from "./log-writer.ts";
import { LogFailedError, type LogBatch } from "./log.ts";
import { MAILBOX_SLOTS, MailboxSender } from "./mailbox.ts";
import type { LogWriterOptions } from "./open-log-directory.ts";
import { describeFailure, WriterHost, type WriterReply, type WriterRequest } from "./writer-host.ts";

/** The way to the writer and back. Requests are answered in their order. */
export interface WriterLink {
  /** Whether `append` may be called. Changes with the answers. */
  readonly hasRoom: boolean;
  /** One request to append consecutive batches. Copies them. */
  append(batches: readonly LogBatch[]): void;
  post(request: ControlRequest): void;
  /** While something is awaited, the process stays alive for it. */
  hold(): void;
  release(): void;
  /** Requests before it are still answered. Returns when nothing is left running. */
  close(): Promise<void>;
}

export type ControlRequest = Exclude<WriterRequest, { readonly kind: "append" }>;

/**
 * What the thread says: a reply, or only how many requests were appended, when that is all there is to say. A number costs
 * a third of an object.
 */
export type WorkerMessage = WriterReply | number;

export type WorkerOptions = {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly minimumTail: number | undefined;
  readonly mailbox: SharedArrayBuffer;
};

/** The writer in a thread of its own: a slow disk stops nothing but the log. */
export class ThreadLink implements WriterLink {
  readonly #worker: Worker;
  readonly #mailbox = new MailboxSender();
  readonly #exited: Promise<unknown>;
  #isHeld = true;

  constructor(options: Omit<WorkerOptions, "mailbox">, onReply: (reply: WriterReply) => void) {
    const workerData: WorkerOptions = { ...options, mailbox: this.#mailbox.memory };
    this.#worker = startWorker("log-worker", {
      workerData,
      name: "holdfast-log",
      // Flags of the main program ("--input-type", "--test") are not meant for this one.
      execArgv: [],
    });
    this.#exited = once(this.#worker, "exit").catch(() => undefined);
    this.#worker.on("message", (message: WorkerMessage) => {
      const reply: WriterReply =
        typeof message === "number"
          ? { kind: "appended", groups: message, outcome: "ok", segments: undefined }
          : message;
      if (reply.kind === "appended") this.#mailbox.freed(reply.groups);
      onReply(reply);
    });
    this.#worker.on("error", (cause) => {
      const error = new LogFailedError(`The log's thread failed: ${String(cause)}`, { cause });
      onReply({ kind: "failed", failure: describeFailure(error) });
    });
    this.#worker.on("exit", () => {
      const error = new LogFailedError("The log's thread has ended");
      onReply({ kind: "failed", failure: describeFailure(error) });
    });
  }

  get hasRoom(): boolean {
    return this.#mailbox.hasRoom;
  }

  append(batches: readonly LogBatch[]): void {
    const group = this.#mailbox.send(batches);
    if (group !== undefined) {
      const request: WriterRequest = { kind: "append", group };
      this.#worker.postMessage(request, [group.bytes.buffer as ArrayBuffer]);
    }
    this.#mailbox.ring();
  }

  post(request: ControlRequest): void {
    this.#worker.postMessage(request);
    this.#mailbox.ring();
  }

  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    this.#worker.ref();
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#worker.unref();
  }

  async close(): Promise<void> {
    this.hold();
    this.post({ kind: "close" });
    await this.#exited;
  }
}

/** Runs a function later. Functions keep their order. */
export type Defer = (run: () => void) => void;

/** As many as the thread takes, so that both behave alike. */
const LOCAL_REQUESTS_MAX = MAILBOX_SLOTS;

/**
 * The writer in the caller's thread, for a disk that cannot cross threads, and for determinism: later, at a moment that
 * `defer` decides, once for the requests and once for the replies.
 */
export class LocalLink implements WriterLink {
  readonly #host: WriterHost | undefined;
  readonly #defer: Defer;
  #requests: WriterRequest[] = [];
  #unanswered = 0;

  constructor(options: LogWriterOptions, onReply: (reply: WriterReply) => void, defer: Defer | undefined) {
    this.#defer = defer ?? queueMicrotask;
    const tell = (reply: WriterReply): void => {
      if (reply.kind === "appended") this.#unanswered -= reply.groups;
      onReply(reply);
    };
    try {
      this.#host = new WriterHost(LogWriter.open(options), (reply) => {
        if (defer === undefined || reply.kind === "opened") tell(reply);
        else defer(() => tell(reply));
      });
    } catch (error) {
      onReply({ kind: "failed", failure: describeFailure(error) });
    }
  }

  get hasRoom(): boolean {
    return this.#unanswered < LOCAL_REQUESTS_MAX;
  }

  append(batches: readonly LogBatch[]): void {
    this.#unanswered += 1;
    this.#push({ kind: "append", group: packGroup(batches) });
  }

  post(request: ControlRequest): void {
    this.#push(request);
  }

  #push(request: WriterRequest): void {
    this.#requests.push(request);
    if (this.#requests.length === 1) this.#defer(() => this.#drain());
  }

  hold(): void {}

  release(): void {}

  async close(): Promise<void> {
    this.post({ kind: "close" });
    this.#drain();
  }

  #drain(): void {
    const requests = this.#requests;
    if (requests.length === 0) return;
    this.#requests = [];
    this.#host?.handle(requests);
    if (requests.every((request) => request.kind === "append")) this.#host?.prepare();
  }
}
