/** Runs a target in a worker, and looks after it: what hangs or eats all memory is found as well. */
import { Worker } from "node:worker_threads";

import { writeCorpus, writeFinding } from "./corpus.ts";
import type { Fuzzed } from "./fuzzer.ts";
import { watchMemory, Watcher } from "./watch-memory.ts";
import type { WorkerMessage, WorkerTask } from "./worker.ts";

/** Nothing that a decoder does with a few kilobytes takes a thousandth of this. */
const HANG_MS = 10_000;
const LOOK_MS = 500;
const HEAP_MB_MAX = 768;
/** As in the main thread of Node, where decoders run in production. */
const STACK_MB = 1;
const RESTARTS_MAX = 5;

export type TargetReport = Omit<Fuzzed, "corpus"> & { readonly name: string; readonly corpusFiles: number };

export type SuperviseOptions = {
  readonly target: string;
  readonly seed: number;
  readonly ms: number;
  readonly runs: number;
  readonly writesCorpus: boolean;
  /** A finding: the file it was saved as, and what was wrong. */
  readonly onFinding: (file: string, text: string) => void;
};

type Ending = { readonly fuzzed: Fuzzed } | { readonly lostTo: Uint8Array };

export async function supervise(options: SuperviseOptions): Promise<TargetReport> {
  const deadline = performance.now() + options.ms;
  /** Inputs that workers were lost to: the next one must not begin with them. */
  const lostTo: Uint8Array[] = [];
  for (;;) {
    const ms = Math.max(0, deadline - performance.now());
    const ending = await runWorker({ ...options, ms, seed: options.seed + lostTo.length }, lostTo);
    if ("fuzzed" in ending) {
      const { fuzzed } = ending;
      if (options.writesCorpus) writeCorpus(options.target, fuzzed.corpus);
      const { executions, blocks, corpus } = fuzzed;
      const findings = fuzzed.findings + lostTo.length;
      return { name: options.target, executions, blocks, findings, corpusFiles: corpus.length };
    }
    lostTo.push(ending.lostTo);
    if (lostTo.length > RESTARTS_MAX)
      return { name: options.target, executions: 0, blocks: 0, findings: lostTo.length, corpusFiles: 0 };
  }
}

function runWorker(options: SuperviseOptions, avoid: readonly Uint8Array[]): Promise<Ending> {
  const { target, seed, ms, runs, onFinding } = options;
  const memory = watchMemory();
  const watcher = new Watcher(memory);
  const workerData: WorkerTask = { target, seed, ms, runs, memory, avoid };
  const worker = new Worker(new URL("worker.ts", import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX, stackSizeMb: STACK_MB },
  });
  return new Promise((resolve) => {
    const lose = (why: string): void => {
      clearInterval(timer);
      const input = watcher.input();
      onFinding(writeFinding(target, input), why);
      void worker.terminate().then(() => resolve({ lostTo: input }));
    };
    const timer = setInterval(() => {
      if (watcher.runningMs(performance.now()) > HANG_MS) lose(`an input ran for more than ${HANG_MS} ms`);
    }, LOOK_MS);
    worker.on("message", (message: WorkerMessage) => {
      if (message.kind === "found") onFinding(writeFinding(target, message.found.input), message.found.text);
      else {
        clearInterval(timer);
        void worker.terminate().then(() => resolve({ fuzzed: message.fuzzed }));
      }
    });
    worker.on("error", (error: Error) => lose(error.stack ?? error.message));
  });
}
