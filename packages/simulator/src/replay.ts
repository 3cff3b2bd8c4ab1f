/** One seed, or one plan, again: for whoever looks for the cause. */
import { readFileSync } from "node:fs";

import { failureOf } from "./batch/seed-report.ts";
import { runTrapped } from "./batch/worker.ts";
import { UsageError } from "./command-options.ts";
import { planOf, type SeedResult } from "./run-seed.ts";
import { describePlan, shrink } from "./shrink.ts";
import type { Plan } from "./world/plan.ts";

/** Runs that shrinking may take. */
const RUNS_MAX = 600;

export type ReplayOptions = {
  readonly seed?: string | undefined;
  /** A file with a seed and a plan, as `KeptPlan` has them. */
  readonly plan?: string | undefined;
  /** Prints what happened, and leaves nothing out. */
  readonly trace: boolean;
};

/** A plan that failed once, in a file of its own. */
export type KeptPlan = { readonly seed: string; readonly plan: Plan };

export async function replay(options: ReplayOptions): Promise<number> {
  const { seed, plan } = options.plan === undefined ? fromSeed(options.seed ?? "") : readPlan(options.plan);
  const result = await runTrapped(seed, plan, options.trace);
  for (const line of result.trace.lines) console.log(line);
  console.log(describeResult(result));
  if (result.failure === undefined) return 0;
  console.log(result.failure.stack);
  if (!options.trace) await showShrunk(seed, plan, result.failure);
  return 1;
}

function fromSeed(seed: string): KeptPlan {
  return { seed, plan: planOf(seed) };
}

/** Throws a `UsageError` when there is none. */
export function readPlan(file: string): KeptPlan {
  try {
    const kept = JSON.parse(readFileSync(file, "utf8")) as Partial<KeptPlan> | null;
    if (kept?.seed !== undefined && kept.plan !== undefined) return { seed: kept.seed, plan: kept.plan };
  } catch (error) {
    throw new UsageError(`There is no plan in "${file}": ${(error as Error).message}`);
  }
  throw new UsageError(`There is no plan in "${file}": it takes a "seed" and a "plan"`);
}

async function showShrunk(seed: string, plan: Plan, failure: Error): Promise<void> {
  const { id } = failureOf(seed, failure);
  const small = await shrink(plan, {
    runsMax: RUNS_MAX,
    fails: async (candidate) => {
      const again = await runTrapped(seed, candidate);
      return again.failure !== undefined && failureOf(seed, again.failure).id === id;
    },
  });
  const lines = describePlan(small);
  console.log(`\nThe smallest plan that fails likewise, ${lines.length} events:`);
  for (const line of lines) console.log(line);
  console.log(`\n${JSON.stringify({ seed, plan: small })}`);
}

function describeResult({ seed, events, virtualMs, traceHash, struck, failure }: SeedResult): string {
  const hours = (virtualMs / 3_600_000).toFixed(1);
  const faults = [...struck].map(([kind, count]) => `${count} ${kind}`).join(", ");
  const verdict = failure === undefined ? "all invariants held" : `FAILED ${failure.message}`;
  return `seed ${seed}: ${events} events, ${hours} simulated hours, trace ${traceHash}, faults: ${faults || "none"}\n${verdict}`;
}
