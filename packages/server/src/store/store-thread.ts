import { once } from "node:events";
import type { Worker } from "node:worker_threads";

import { startWorker } from "../worker-source.ts";
import type { PackedWrites } from "./packed-writes.ts";
import type { StoreReply, StoreRequest, StoreWorkerOptions } from "./store-worker.ts";
import { StoreCorruptError } from "./store.ts";

type Waiting = { readonly resolve: () => void; readonly reject: (reason: Error) => void };

/** This side of the store's thread. It does not keep the process alive, except between `hold` and `release`. */
export class StoreThread {
  readonly #path: string;
  readonly #worker: Worker;
  /** One for each "commit" and "settle" without an answer. */
  readonly #waiting: Waiting[] = [];
  #hasEnded = false;

  constructor(options: StoreWorkerOptions) {
    this.#path = options.path;
    this.#worker = startWorker("store-worker", {
      workerData: options,
      name: "holdfast-store",
      // Flags of the main program ("--input-type", "--test") are not meant for this one.
      execArgv: [],
    });
    this.#worker.on("message", (reply: StoreReply) => this.#onReply(reply));
    this.#worker.on("error", (error) => this.#onEnded(`its thread failed: ${String(error)}`));
    this.#worker.on("exit", () => this.#onEnded("its thread has ended"));
  }

  /** After a failure of the thread itself; commits go to a new one then. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  hold(): void {
    this.#worker.ref();
  }

  release(): void {
    this.#worker.unref();
  }

  write(packed: PackedWrites): void {
    this.#post({ kind: "write", packed }, [packed.values.buffer]);
  }

  commit(appliedPosition: number): Promise<void> {
    return this.#ask({ kind: "commit", appliedPosition });
  }

  abandon(): void {
    this.#post({ kind: "abandon" });
  }

  /** Never rejects. */
  settle(): Promise<void> {
    return this.#ask({ kind: "settle" }).catch(() => undefined);
  }

  async close(): Promise<void> {
    if (this.#hasEnded) return;
    const exited = once(this.#worker, "exit");
    this.hold();
    this.#post({ kind: "close" });
    await exited;
  }

  #post(request: StoreRequest, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #ask(request: StoreRequest): Promise<void> {
    if (this.#hasEnded) return Promise.reject(this.#failure("its thread has ended"));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ resolve, reject });
    this.#post(request);
    return promise;
  }

  #onReply(reply: StoreReply): void {
    const waiting = this.#waiting.shift();
    if (reply.kind === "failed") {
      const { message, damage } = reply;
      waiting?.reject(damage === undefined ? this.#failure(message) : new StoreCorruptError(message, damage));
    } else waiting?.resolve();
  }

  #onEnded(reason: string): void {
    this.#hasEnded = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure(reason));
  }

  #failure(reason: string): Error {
    return new Error(`Cannot commit to the store ${this.#path}: ${reason}`);
  }
}
