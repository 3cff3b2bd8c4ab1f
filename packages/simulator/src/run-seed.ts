/** What one seed comes to: its plan, and the run of it (or of a part of it) under all observers. */
import { Invariants } from "./invariants/invariants.ts";
import { Markers } from "./markers.ts";
import { ModelMonitor } from "./model/model-monitor.ts";
import { VerbCoverage } from "./programs/coverage.ts";
import { generateProgram } from "./programs/generate.ts";
import type { Verb } from "./programs/verbs.ts";
import { createRandom } from "./random.ts";
import { run, type Observer, type RunResult } from "./run.ts";
import { Trace } from "./trace.ts";
import { drawPlan, type Plan } from "./world/plan.ts";

export type SeedResult = RunResult & {
  readonly seed: string;
  /** Of everything that happened. The same seed and plan have the same. */
  readonly traceHash: string;
  readonly trace: Trace;
  readonly coverage: VerbCoverage;
  readonly markers: ReadonlyMap<string, number>;
  /** How often each invariant was held against something. */
  readonly checks: ReadonlyMap<string, number>;
};

/** Longest a step may take: below the shortest time after which attempts are cut off. */
const STEP_MS_MAX = 20_000;

export function planOf(seed: string): Plan {
  const random = createRandom(seed);
  const isUnstable = random.fork("unstable").chance(0.1);
  return drawPlan(random.fork("plan"), (draw) =>
    generateProgram(draw, {
      nodesMax: draw.pick([4, 12, 30]),
      unstable: isUnstable,
      stepMsMax: STEP_MS_MAX,
      // Now and then more than a session's credit, once a few of them are in one journal.
      resultSizeMax: draw.chance(0.1) ? 500_000 : 20_000,
    }),
  );
}

/** All handlers are the SDK's; and unless they are made to, they do the same in each attempt. */
function impossibleIn({ operations }: Plan): string[] {
  const isUnstable = JSON.stringify(operations).includes('"kind":"unstable"');
  return ["protocol-violation", ...(isUnstable ? [] : ["journal-mismatch"])];
}

export async function runSeed(seed: string, plan: Plan = planOf(seed), traced = false): Promise<SeedResult> {
  const trace = new Trace(traced);
  const coverage = new VerbCoverage();
  let markers: Markers | undefined;
  const invariants = new Invariants({
    impossible: impossibleIn(plan),
    further: (fold, judge) => {
      markers = new Markers(coverage, fold.tables);
      return [markers, new ModelMonitor(judge, fold.tables)];
    },
  });
  const observers: Observer[] = [trace, invariants];
  const result = await run({
    seed,
    plan,
    observers,
    onVerb: (invocation, attempt, verb) => coverage.note(invocation, attempt, verb as Verb),
  });
  markers?.noteRun(result);
  return {
    ...result,
    seed,
    traceHash: trace.hash,
    trace,
    coverage,
    markers: markers?.counts ?? new Map(),
    checks: invariants.checks,
  };
}
