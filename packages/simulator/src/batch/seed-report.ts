/** What a batch of seeds came to: it adds up, over seeds and over processes. */
import { VerbCoverage, type CoverageCounts } from "../programs/coverage.ts";
import type { SeedResult } from "../run-seed.ts";

export type FoundFailure = {
  readonly seed: string;
  readonly message: string;
  /** The invariant, or what else went wrong: by this two failures count as the same. */
  readonly id: string;
};

export type BatchReport = {
  seeds: number;
  virtualMs: number;
  /** The part of it before everything was healed: what comes after is mostly idle. */
  busyMs: number;
  cpuMs: number;
  events: number;
  /** Seeds that were run twice, to see whether both runs are the same. */
  repeated: number;
  failures: FoundFailure[];
  markers: Record<string, number>;
  checks: Record<string, number>;
  faults: Record<string, number>;
  readonly coverage: VerbCoverage;
};

/** A report as one process hands it to another. */
export type PlainReport = Omit<BatchReport, "coverage"> & { readonly coverage: CoverageCounts };

export function emptyReport(): BatchReport {
  return {
    seeds: 0,
    virtualMs: 0,
    busyMs: 0,
    cpuMs: 0,
    events: 0,
    repeated: 0,
    failures: [],
    markers: {},
    checks: {},
    faults: {},
    coverage: new VerbCoverage(),
  };
}

/** `healAt`: when everything was healed, ms. */
export function addSeed(report: BatchReport, result: SeedResult, healAt: number, cpuMs: number): void {
  report.seeds += 1;
  report.virtualMs += result.virtualMs;
  report.busyMs += Math.min(healAt, result.virtualMs);
  report.cpuMs += cpuMs;
  report.events += result.events;
  addCounts(report.markers, result.markers);
  addCounts(report.checks, result.checks);
  addCounts(report.faults, result.struck);
  report.coverage.merge(result.coverage);
  if (result.failure !== undefined) report.failures.push(failureOf(result.seed, result.failure));
}

export function failureOf(seed: string, failure: Error): FoundFailure {
  const id = /^([A-Z]{2,5}-\d+)/.exec(failure.message)?.[1] ?? failure.name;
  return { seed, id, message: failure.message };
}

export function plainReport(report: BatchReport): PlainReport {
  return { ...report, coverage: report.coverage.counts() };
}

/** Takes in what another process came to. */
export function addReports(into: BatchReport, other: PlainReport): void {
  into.seeds += other.seeds;
  into.virtualMs += other.virtualMs;
  into.busyMs += other.busyMs;
  into.cpuMs += other.cpuMs;
  into.events += other.events;
  into.repeated += other.repeated;
  into.failures.push(...other.failures);
  for (const name of ["markers", "checks", "faults"] as const)
    addCounts(into[name], new Map(Object.entries(other[name])));
  into.coverage.merge(VerbCoverage.of(other.coverage));
}

function addCounts(into: Record<string, number>, counts: ReadonlyMap<string, number>): void {
  for (const [name, count] of counts) into[name] = (into[name] ?? 0) + count;
}
