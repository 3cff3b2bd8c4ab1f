/** The process that runs a share of a batch's seeds: every `step`th, beginning with `first`, until there are enough or time is up. */
import { planOf, runSeed, type SeedResult } from "../run-seed.ts";
import { setTraps } from "../traps.ts";
import {
  addSeed,
  emptyReport,
  failureOf,
  plainReport,
  type BatchReport,
  type PlainReport,
} from "./seed-report.ts";

export type Share = {
  /** Seeds are this and a number. */
  readonly base: string;
  readonly first: number;
  readonly step: number;
  /** Numbers up to this one, not included. */
  readonly end: number;
  readonly seconds: number;
  /** Failures after which it ends. */
  readonly failuresMax: number;
};

/** The first passing seed of a worker and one in so many after it are run twice; every failing one is. */
const REPEAT_EVERY = 100;

export async function runShare(
  share: Share,
  onFailure: (found: ReturnType<typeof failureOf>) => void,
): Promise<PlainReport> {
  const report = emptyReport();
  const cpu = (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  };
  let passed = 0;
  const realNow = performance.now.bind(performance);
  const deadline = realNow() + share.seconds * 1_000;
  for (let number = share.first; number < share.end && realNow() < deadline; number += share.step) {
    const seed = `${share.base}-${number}`;
    const before = cpu();
    const plan = planOf(seed);
    const result = await runTrapped(seed, plan);
    addSeed(report, result, plan.healAt, cpu() - before);
    const isFailed = result.failure !== undefined;
    if (isFailed) onFailure(failureOf(seed, result.failure));
    if (!isFailed) passed += 1;
    if (isFailed || passed % REPEAT_EVERY === 1) await repeat(report, result, onFailure);
    if (report.failures.length >= share.failuresMax) break;
  }
  return plainReport(report);
}

export async function runTrapped(seed: string, plan = planOf(seed), traced = false): Promise<SeedResult> {
  const release = setTraps();
  try {
    return await runSeed(seed, plan, traced);
  } finally {
    release();
  }
}

/** Runs a seed again: it must come to the same, event by event. */
async function repeat(
  report: BatchReport,
  first: SeedResult,
  onFailure: (found: ReturnType<typeof failureOf>) => void,
): Promise<void> {
  report.repeated += 1;
  const second = await runTrapped(first.seed);
  if (second.traceHash === first.traceHash) return;
  const what = `LOG-5: two runs of one seed differ: ${first.traceHash} and ${second.traceHash}`;
  const found = failureOf(first.seed, new Error(what));
  report.failures.push(found);
  onFailure(found);
}
