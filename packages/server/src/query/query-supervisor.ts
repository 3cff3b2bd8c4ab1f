/**
 * The process that runs queries. SQLite cannot be interrupted from outside while it computes, and neither can its thread: so
 * it has a process of its own, which this thread watches and ends. Whatever a statement does, it takes no more than a
 * process of low priority and bounded memory, for a bounded time; and when the engine goes away, so does this.
 */
import { setPriority } from "node:os";
import type { Worker } from "node:worker_threads";

import { startWorker } from "../worker-source.ts";
import type { QueryFailure, QueryLimits, QueryReply, QueryTask } from "./query-task.ts";

/** How often the memory is looked at, ms. Between two looks a statement can take some tens of megabytes more. */
const LOOK_MS = 20;
/** Of the process's memory that JavaScript's values may take: as much again goes to what is about them, and to SQLite. */
const HEAP_SHARE = 3 / 8;
const MIB = 1024 * 1024;
/** Behind everyone who serves callers. */
const LOW_PRIORITY = 10;

/** Serves until the process that started this one lets go of it. */
export function superviseQueries(): void {
  if (process.send === undefined) throw new Error("Cannot run queries: nobody is there to ask them");
  setPriority(LOW_PRIORITY);
  const supervisor = new Supervisor((reply, sent) => process.send?.(reply, undefined, undefined, sent));
  process.on("message", (task: QueryTask) => supervisor.start(task));
  process.on("disconnect", die);
}

/** At once, whatever the thread does: ending in an orderly way would wait for it. */
function die(): void {
  process.kill(process.pid, "SIGKILL");
}

class Supervisor {
  readonly #send: (reply: QueryReply, sent: () => void) => void;
  /** The thread has started: what that takes is not the query's time. */
  readonly #ready = Promise.withResolvers<void>();
  #worker: Worker | undefined;
  #stopWatching: (() => void) | undefined;

  constructor(send: (reply: QueryReply, sent: () => void) => void) {
    this.#send = send;
  }

  /** One at a time: the next comes when the one before is answered. */
  start(task: QueryTask): void {
    this.#worker ??= this.#startWorker(task.limits);
    void this.#ready.promise.then(() => {
      this.#watch(task);
      this.#worker?.postMessage(task);
    });
  }

  #startWorker({ memoryBytesMax }: QueryLimits): Worker {
    const worker = startWorker("query-worker", {
      name: "holdfast-query",
      execArgv: [],
      // Otherwise what can be thrown away would be left lying about until the whole process is too large.
      resourceLimits: { maxOldGenerationSizeMb: Math.floor((memoryBytesMax * HEAP_SHARE) / MIB) },
    });
    worker.on("message", (reply: QueryReply) => this.#onReply(reply));
    worker.on("error", (error: Error) => this.#refuse(failureOf(error, memoryBytesMax)));
    return worker;
  }

  #onReply(reply: QueryReply): void {
    if (reply.kind === "ready") {
      this.#ready.resolve();
      return;
    }
    if (reply.kind !== "chunk") this.#stopWatching?.();
    this.#send(reply, () => undefined);
  }

  #watch({ limits }: QueryTask): void {
    const { timeMs, memoryBytesMax } = limits;
    const late = setTimeout(() => {
      this.#refuse({ kind: "limit", what: "The query", name: "query.timeLimit", limit: timeMs });
    }, timeMs);
    const look = setInterval(() => {
      if (process.memoryUsage.rss() <= memoryBytesMax) return;
      this.#refuse(memoryFailure(memoryBytesMax));
    }, LOOK_MS);
    this.#stopWatching = (): void => {
      clearTimeout(late);
      clearInterval(look);
    };
  }

  /** Says why and ends: the thread is beyond help. */
  #refuse(failure: QueryFailure): void {
    this.#stopWatching?.();
    this.#send({ kind: "refused", failure }, die);
  }
}

function failureOf(error: Error, memoryBytesMax: number): QueryFailure {
  if ("code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY") return memoryFailure(memoryBytesMax);
  return { kind: "failed", message: String(error) };
}

function memoryFailure(limit: number): QueryFailure {
  return { kind: "limit", what: "The memory of the query", name: "query.memoryBytesMax", limit };
}
