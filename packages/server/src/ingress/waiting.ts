/** Requests that wait for an invocation to complete. */
import { HoldfastError, type Result } from "@holdfast/protocol";

import type { HttpResponse } from "../http/exchange.ts";
import type { EngineAccess } from "../partition/engine-access.ts";

/** Counts the waiting requests and frees those whose client hung up. */
export class WaitingRoom {
  readonly #engine: EngineAccess;
  readonly #max: number;
  #waiting = 0;

  constructor(engine: EngineAccess, max: number) {
    this.#engine = engine;
    this.#max = max;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Throws `overloaded` when too many wait already. Before anything is started. */
  requirePlace(): void {
    if (this.#waiting < this.#max) return;
    throw new HoldfastError("overloaded", {
      reason: `${this.#max} requests wait for results, the limit ingress.waitingCallsMax`,
      name: "ingress.waitingCallsMax",
      limit: this.#max,
    });
  }

  /**
   * Calls `completed` once when the invocation completes, unless the response is closed or the wait is ended before. The
   * invocation itself goes on in any case. Returns how to end the wait.
   */
  wait(res: HttpResponse, id: string, completed: (result: Result) => void): () => void {
    this.#waiting += 1;
    // Let go of when the wait is over. A map that listeners come and go in keeps old ones alive until the next full
    // collection, and through this one the whole request.
    let listener: ((result: Result) => void) | undefined = completed;
    const unsubscribe = this.#engine.onCompleted(id, (result) => {
      const present = listener;
      end();
      present?.(result);
    });
    const end = (): void => {
      if (listener === undefined) return;
      listener = undefined;
      this.#waiting -= 1;
      unsubscribe();
    };
    res.on("close", end);
    return end;
  }
}
