/** The benchmark's end of the load generator. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Child } from "../process/child.ts";
import type { LoadCommand, LoadEvent, LoadPlan, LoadResult } from "./plan.ts";

const PROGRAM = fileURLToPath(new URL("main.ts", import.meta.url));

export interface LoadListener {
  /** The warm-up is over. */
  readonly onMeasuring?: () => void;
  /** The measured part is over; requests may still be under way. */
  readonly onMeasured?: () => void;
}

interface Running {
  readonly listener: LoadListener;
  readonly resolve: (result: LoadResult) => void;
  readonly reject: (error: Error) => void;
}

export class LoadGenerator {
  readonly #child: Child;
  readonly #running = new Map<number, Running>();
  #lastId = 0;

  constructor(directory: string) {
    this.#child = new Child({
      command: process.execPath,
      args: [PROGRAM],
      logFile: join(directory, "load-generator.log"),
      hasChannel: true,
    });
    this.#child.onMessage((message) => this.#take(message as LoadEvent));
    this.#child.onEnd(() => {
      for (const { reject } of this.#running.values())
        reject(this.#child.failure("the load generator ended"));
    });
  }

  run(plan: LoadPlan, listener: LoadListener = {}): Promise<LoadResult> {
    const { promise, resolve, reject } = Promise.withResolvers<LoadResult>();
    this.#lastId += 1;
    this.#running.set(this.#lastId, { listener, resolve, reject });
    this.#child.send({ id: this.#lastId, plan } satisfies LoadCommand);
    return promise;
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  #take(event: LoadEvent): void {
    const running = this.#running.get(event.id);
    if (running === undefined) return;
    switch (event.kind) {
      case "measuring":
        running.listener.onMeasuring?.();
        return;
      case "measured":
        running.listener.onMeasured?.();
        return;
      case "done":
        this.#running.delete(event.id);
        running.resolve(event.result);
        return;
      case "failed":
        this.#running.delete(event.id);
        running.reject(new Error(event.message));
    }
  }
}
