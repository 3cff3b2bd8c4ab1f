/**
 * The engine's side of queries: starts the processes that run them, and hands out their answers. The engine's thread parses
 * nothing and reads nothing here; it passes on pieces of bytes.
 */
import { HoldfastError } from "@holdfast/protocol";

import { queryProgram, type QueryProgram } from "../query-program.ts";
import { QueryProcess } from "./query-process-handle.ts";
import { QueryRefusal, type QueryLimits, type QueryTask } from "./query-task.ts";

/** A process that has nothing to do is kept for so long: starting one takes a tenth of a second. */
const IDLE_MS = 30_000;

export type QueryHostOptions = {
  readonly limits: QueryLimits;
  /** Queries that run at a time. */
  readonly runningMax: number;
  /** Further queries that may wait for their turn. */
  readonly waitingMax: number;
  /** Default: this program's own. */
  readonly program?: QueryProgram;
  /** Default: half a minute. */
  readonly idleMs?: number;
};

export type QueryAnswer = { readonly chunks: readonly Uint8Array[]; readonly rows: number };

export class QueryHost {
  readonly #options: QueryHostOptions;
  readonly #program: QueryProgram;
  readonly #processes = new Set<QueryProcess>();
  readonly #idle: QueryProcess[] = [];
  readonly #turns: Array<() => void> = [];
  #running = 0;
  #isClosed = false;

  constructor(options: QueryHostOptions) {
    this.#options = options;
    this.#program = options.program ?? queryProgram();
  }

  get limits(): QueryLimits {
    return this.#options.limits;
  }

  /** Rejects with a QueryRefusal or a HoldfastError. Aborted by `signal`, the query is ended. */
  async run(task: Omit<QueryTask, "limits">, signal: AbortSignal): Promise<QueryAnswer> {
    await this.#turn(signal);
    try {
      signal.throwIfAborted();
      if (this.#isClosed) throw new HoldfastError("shutting-down");
      return await this.#run({ ...task, limits: this.limits }, signal);
    } finally {
      this.#running -= 1;
      this.#turns.shift()?.();
    }
  }

  /** Ends what runs. */
  close(): void {
    this.#isClosed = true;
    for (const process of this.#processes) process.kill();
    for (const next of this.#turns.splice(0)) next();
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { runningMax, waitingMax } = this.#options;
    if (this.#running < runningMax) {
      this.#running += 1;
      return;
    }
    if (this.#turns.length >= waitingMax) {
      const reason = `${runningMax} queries are running and ${waitingMax} are waiting`;
      throw new HoldfastError("overloaded", { reason, name: "query.waitingMax", limit: waitingMax });
    }
    await new Promise<void>((resolve, reject) => {
      const take = (): void => {
        signal.removeEventListener("abort", leave);
        this.#running += 1;
        resolve();
      };
      const leave = (): void => {
        this.#turns.splice(this.#turns.indexOf(take), 1);
        reject(signal.reason as Error);
      };
      this.#turns.push(take);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  async #run(task: QueryTask, signal: AbortSignal): Promise<QueryAnswer> {
    const process = this.#idle.pop() ?? this.#start();
    const stop = (): void => process.kill();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const answer = await process.run(task);
      this.#keep(process);
      return answer;
    } catch (error) {
      // One that was refused for its statement has done nothing to the process.
      if (error instanceof QueryRefusal && error.failure.kind === "invalid") this.#keep(process);
      else process.kill();
      throw error;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #start(): QueryProcess {
    const process: QueryProcess = new QueryProcess(this.#program, () => {
      this.#processes.delete(process);
      this.#forget(process);
    });
    this.#processes.add(process);
    return process;
  }

  /** It takes no more queries. */
  #forget(process: QueryProcess): void {
    const at = this.#idle.indexOf(process);
    if (at !== -1) this.#idle.splice(at, 1);
  }

  #keep(process: QueryProcess): void {
    if (this.#isClosed || !this.#processes.has(process)) return;
    this.#idle.push(process);
    process.killLater(this.#options.idleMs ?? IDLE_MS, () => this.#forget(process));
  }
}
