/** `npm run sim`: fresh seeds on all processors, and what they came to. */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";

import { writeSection } from "../../../../tools/document-section.ts";
import { numberOption } from "../command-options.ts";
import { runBatch } from "./batch.ts";
import { problemsOf, summaryOf, type Summary } from "./summary.ts";

export const MAIN: string = fileURLToPath(new URL("../main.ts", import.meta.url));
const MINUTES = 1;
const JOBS_MAX = 2;
const FAILURES_MAX = 5;
const NAME_WIDTH = 14;

export type SimulateOptions = {
  readonly seeds?: string | undefined;
  readonly minutes?: string | undefined;
  readonly jobs?: string | undefined;
  readonly base?: string | undefined;
  /** Puts the figures into docs/reliability.md. */
  readonly write: boolean;
};

export async function simulate(options: SimulateOptions): Promise<number> {
  const seeds = numberOption(options.seeds, "--seeds", Number.MAX_SAFE_INTEGER);
  const minutes = numberOption(options.minutes, "--minutes", options.seeds === undefined ? MINUTES : 24 * 60);
  const jobs = numberOption(options.jobs, "--jobs", Math.min(JOBS_MAX, availableParallelism()));
  // Fresh ones each time; with the base they can all be had again.
  const base = options.base ?? Date.now().toString(36);
  const report = await runBatch({
    main: MAIN,
    base,
    seeds,
    seconds: minutes * 60,
    jobs,
    failuresMax: FAILURES_MAX,
    onFailure: ({ seed, message }) => {
      console.log(`FAILED ${message}\n  again: npm run sim -- --seed ${seed}`);
    },
  });
  const summary = summaryOf(report, base);
  for (const [name, what] of summary) console.log(`${name.padEnd(NAME_WIDTH)}${what}`);
  if (options.write) writeSection("simulator", tableOf(summary));
  const problems = problemsOf(report);
  for (const problem of problems) console.log(`PROBLEM ${problem}`);
  return problems.length > 0 ? 1 : 0;
}

function tableOf(summary: Summary): string {
  return ["| | |", "|---|---|", ...summary.map(([name, what]) => `| ${name} | ${what} |`)].join("\n");
}
