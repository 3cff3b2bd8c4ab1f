/** This side of a process that runs queries, one at a time. It does not keep this process alive. */
import { spawn, type ChildProcess } from "node:child_process";

import type { QueryProgram } from "../query-program.ts";
import { QueryRefusal, type QueryReply, type QueryTask } from "./query-task.ts";

/** The process ends a query by itself when its time is over. After so much longer, starting included, it is the process that hangs. */
const GRACE_MS = 30_000;

type Waiting = {
  readonly chunks: Uint8Array[];
  readonly resolve: (answer: { readonly chunks: readonly Uint8Array[]; readonly rows: number }) => void;
  readonly reject: (reason: Error) => void;
  readonly late: NodeJS.Timeout;
};

export class QueryProcess {
  readonly #child: ChildProcess;
  readonly #onEnded: () => void;
  #waiting: Waiting | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor({ file, args }: QueryProgram, onEnded: () => void) {
    this.#onEnded = onEnded;
    this.#child = spawn(file, args, {
      // What it prints is about its own end: there is nothing else.
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      serialization: "advanced",
      // None of this process's secrets; Windows needs to be told where it is.
      env: process.platform === "win32" ? { SystemRoot: process.env["SystemRoot"] } : {},
      windowsHide: true,
    });
    this.#child.on("message", (reply: QueryReply) => this.#onReply(reply));
    this.#child.on("error", (error) => this.#ended(`it cannot be started: ${error.message}`));
    this.#child.on("exit", (code, signal) => this.#ended(`it ended with ${signal ?? code}`));
    this.#child.unref();
    this.#child.channel?.unref();
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  run(task: QueryTask): Promise<{ readonly chunks: readonly Uint8Array[]; readonly rows: number }> {
    clearTimeout(this.#idleTimer);
    this.#child.channel?.ref();
    const { promise, resolve, reject } = Promise.withResolvers<{
      readonly chunks: readonly Uint8Array[];
      readonly rows: number;
    }>();
    const late = setTimeout(() => this.kill(), task.limits.timeMs + GRACE_MS);
    this.#waiting = { chunks: [], resolve, reject, late };
    this.#child.send(task, (error) => {
      if (error !== null) this.#ended(`it cannot be asked: ${error.message}`);
    });
    return promise;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Calls `killed` at once when it does so: it takes a moment until the process has ended. */
  killLater(ms: number, killed: () => void): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => {
      killed();
      this.kill();
    }, ms);
    this.#idleTimer.unref();
  }

  #onReply(reply: QueryReply): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    switch (reply.kind) {
      case "ready":
        return;
      case "chunk":
        waiting.chunks.push(reply.bytes);
        return;
      case "done":
        this.#settle();
        waiting.resolve({ chunks: waiting.chunks, rows: reply.rows });
        return;
      case "refused":
        this.#settle();
        waiting.reject(new QueryRefusal(reply.failure));
    }
  }

  #ended(reason: string): void {
    this.#onEnded();
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#settle();
    const message = `The process that runs queries has gone: ${reason}`;
    waiting.reject(new QueryRefusal({ kind: "failed", message }));
  }

  #settle(): void {
    clearTimeout(this.#waiting?.late);
    this.#waiting = undefined;
    this.#child.channel?.unref();
  }
}
