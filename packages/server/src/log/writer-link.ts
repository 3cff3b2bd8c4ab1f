import { once } from "node:events";
import type { Transferable, Worker } from "node:worker_threads";

import { startWorker } from "../worker-source.ts";
import { LogWriter } from "./log-writer.ts";
import { LogFailedError } from "./log.ts";
import type { LogWriterOptions } from "./open-log-directory.ts";
import { describeFailure, WriterHost, type WriterReply, type WriterRequest } from "./writer-host.ts";

/** The way to the writer and back. Requests are answered in their order. */
export interface WriterLink {
  post(request: WriterRequest): void;
  /** While something is awaited, the process stays alive for it. */
  hold(): void;
  release(): void;
  /** Requests before it are still answered. Returns when nothing is left running. */
  close(): Promise<void>;
}

export type WorkerOptions = {
  readonly directory: string;
  readonly segmentBytes: number;
  readonly minimumTail: number | undefined;
};

/** The writer in a thread of its own: a slow disk stops nothing but the log. */
export class ThreadLink implements WriterLink {
  readonly #worker: Worker;
  readonly #exited: Promise<unknown>;

  constructor(options: WorkerOptions, onReply: (reply: WriterReply) => void) {
    this.#worker = startWorker("log-worker", {
      workerData: options,
      name: "holdfast-log",
      // Flags of the main program ("--input-type", "--test") are not meant for this one.
      execArgv: [],
    });
    this.#exited = once(this.#worker, "exit").catch(() => undefined);
    this.#worker.on("message", onReply);
    this.#worker.on("error", (cause) => {
      const error = new LogFailedError(`The log's thread failed: ${String(cause)}`, { cause });
      onReply({ kind: "failed", failure: describeFailure(error) });
    });
    this.#worker.on("exit", () => {
      const error = new LogFailedError("The log's thread has ended");
      onReply({ kind: "failed", failure: describeFailure(error) });
    });
  }

  post(request: WriterRequest): void {
    const transfer: Transferable[] = request.kind === "append" ? [request.group.bytes.buffer] : [];
    this.#worker.postMessage(request, transfer);
  }

  hold(): void {
    this.#worker.ref();
  }

  release(): void {
    this.#worker.unref();
  }

  async close(): Promise<void> {
    this.#worker.ref();
    this.post({ kind: "close" });
    await this.#exited;
  }
}

/** The writer in the caller's thread, one microtask later: for a disk that cannot cross threads, and for determinism. */
export class LocalLink implements WriterLink {
  readonly #host: WriterHost | undefined;
  #requests: WriterRequest[] = [];

  constructor(options: LogWriterOptions, onReply: (reply: WriterReply) => void) {
    try {
      this.#host = new WriterHost(LogWriter.open(options), onReply);
    } catch (error) {
      onReply({ kind: "failed", failure: describeFailure(error) });
    }
  }

  post(request: WriterRequest): void {
    this.#requests.push(request);
    if (this.#requests.length === 1) queueMicrotask(() => this.#drain());
  }

  hold(): void {}

  release(): void {}

  async close(): Promise<void> {
    this.post({ kind: "close" });
    this.#drain();
  }

  #drain(): void {
    const requests = this.#requests;
    this.#requests = [];
    this.#host?.handle(requests);
    if (requests.every((request) => request.kind === "append")) this.#host?.prepare();
  }
}
