/** A batch of seeds over several processes. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import {
  addReports,
  emptyReport,
  type BatchReport,
  type FoundFailure,
  type PlainReport,
} from "./seed-report.ts";
import type { Share } from "./worker.ts";

export type BatchOptions = {
  /** Program that runs a share; see `main.ts`. */
  readonly main: string;
  readonly base: string;
  /** Number of the first seed. Default: 0. */
  readonly first?: number;
  /** Numbers up to this one, not included. */
  readonly seeds: number;
  readonly seconds: number;
  readonly jobs: number;
  readonly failuresMax: number;
  /** A bug that is put into the product first. */
  readonly mutant?: string;
  readonly onFailure: (found: FoundFailure) => void;
};

/** A line that a worker prints. */
export type WorkerLine = { readonly failure: FoundFailure } | { readonly report: PlainReport };

export async function runBatch(options: BatchOptions): Promise<BatchReport> {
  const { first = 0 } = options;
  const shares = Array.from({ length: options.jobs }, (_, job): Share => ({
    base: options.base,
    first: first + job,
    step: options.jobs,
    end: options.seeds,
    seconds: options.seconds,
    failuresMax: options.failuresMax,
  }));
  const whole = emptyReport();
  for (const report of await Promise.all(shares.map((share) => runWorker(share, options))))
    addReports(whole, report);
  return whole;
}

function runWorker(share: Share, { main, mutant, onFailure }: BatchOptions): Promise<PlainReport> {
  const args = [
    main,
    "--worker",
    JSON.stringify(share),
    ...(mutant === undefined ? [] : ["--mutant", mutant]),
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const stop = (): void => void child.kill("SIGKILL");
  process.once("exit", stop);
  let report: PlainReport | undefined;
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as WorkerLine;
    if ("failure" in line) onFailure(line.failure);
    else ({ report } = line);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("exit", stop);
      if (report !== undefined) resolve(report);
      else reject(new Error(`A worker ended with ${signal ?? `exit code ${code}`} and without a report`));
    });
  });
}
