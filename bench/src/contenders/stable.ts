/** The contenders of a run: each is started when it is first needed, runs through all rounds, and is stopped at the end. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { Contender, ContenderName, RunningContender } from "./contender.ts";

export class Stable {
  readonly #directory: string;
  readonly #running = new Map<ContenderName, Promise<RunningContender>>();
  #started = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  running(contender: Contender): Promise<RunningContender> {
    let running = this.#running.get(contender.name);
    if (running === undefined) {
      running = this.#start(contender);
      this.#running.set(contender.name, running);
    }
    return running;
  }

  /** Runs `work` with one more instance on an empty directory, which is gone afterwards. */
  async withFresh<Result>(
    contender: Contender,
    work: (fresh: () => Promise<RunningContender>) => Promise<Result>,
  ): Promise<Result> {
    const started: RunningContender[] = [];
    try {
      return await work(async () => {
        const running = await this.#start(contender);
        started.push(running);
        return running;
      });
    } finally {
      for (const running of started) await stopAndDelete(running);
    }
  }

  /** A contender that failed once is not asked again to run. */
  async stop(): Promise<void> {
    for (const starting of this.#running.values()) {
      const running = await starting.catch(() => {
        // It was reported when it failed to start.
      });
      if (running !== undefined) await stopAndDelete(running);
    }
  }

  #start(contender: Contender): Promise<RunningContender> {
    this.#started += 1;
    const directory = join(this.#directory, `${contender.name}-${this.#started}`);
    mkdirSync(directory, { recursive: true });
    return contender.start(directory);
  }
}

async function stopAndDelete(running: RunningContender): Promise<void> {
  await running.stop();
  rmSync(running.dataDirectory, { recursive: true, force: true });
}
