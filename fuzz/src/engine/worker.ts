/** The thread that fuzzes one target. Whoever started it may end it at any time: for being stuck, or out of memory. */
import { parentPort, workerData } from "node:worker_threads";

import { findTarget } from "../targets.ts";
import { Attempts } from "./attempt.ts";
import { readCorpus } from "./corpus.ts";
import { Fuzzer, type Found, type Fuzzed } from "./fuzzer.ts";
import { Random, seedFor } from "./random.ts";
import { watchIn } from "./watch-memory.ts";

export type WorkerTask = {
  readonly target: string;
  readonly seed: number;
  readonly ms: number;
  /** Ends it earlier. */
  readonly runs: number;
  readonly memory: SharedArrayBuffer;
  /** Inputs that ended workers before this one. */
  readonly avoid: readonly Uint8Array[];
};

export type WorkerMessage =
  | { readonly kind: "found"; readonly found: Found }
  | { readonly kind: "done"; readonly fuzzed: Fuzzed };

const task = workerData as WorkerTask;
const target = findTarget(task.target);
const attempts = new Attempts(target, watchIn(task.memory));
using _stray = attempts.catchStray();
const deadline = performance.now() + task.ms;

const fuzzer = new Fuzzer({
  target,
  attempts,
  random: new Random(seedFor(task.seed, target.name)),
  corpus: readCorpus(target.name)
    .map(({ bytes }) => bytes)
    .filter((bytes) => !task.avoid.some((avoided) => Buffer.compare(avoided, bytes) === 0)),
  hasTime: (executions) => executions < task.runs && performance.now() < deadline,
  onFound: (found) => post({ kind: "found", found }),
});
post({ kind: "done", fuzzed: await fuzzer.run() });

function post(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}
