import type { FinishedTest } from "./event-reporter.ts";

/** What a phase of the test run found. Nothing that ran is uncounted: a static check counts as one test. */
export interface PhaseReport {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** How much was looked at, so that a check of nothing is noticed: "214 files". */
  readonly extent: string;
  /** One printable text per failure. */
  readonly failures: readonly string[];
  /** Lines worth reading even on success. */
  readonly notes?: string;
  /** One by one, where the phase runs tests. */
  readonly tests?: readonly FinishedTest[];
}

export function checkPassed(extent: string, notes?: string): PhaseReport {
  return {
    passed: 1,
    failed: 0,
    skipped: 0,
    extent,
    failures: [],
    ...(notes === undefined ? {} : { notes }),
  };
}

export function checkFailed(extent: string, failure: string): PhaseReport {
  return { passed: 0, failed: 1, skipped: 0, extent, failures: [failure] };
}

export function checkSkipped(reason: string): PhaseReport {
  return { passed: 0, failed: 0, skipped: 1, extent: reason, failures: [] };
}
