/** What a batch says of itself, and whether it may count as a proof of anything. */
import { MARKERS } from "../markers.ts";
import type { BatchReport } from "./seed-report.ts";

/** From so many seeds on, every marker must have been reached, every invariant checked, and the pairs covered. */
export const SEEDS_FOR_COVERAGE = 250;
const PAIR_PERCENT_MIN = 95;
const SPEED_MIN = 100;
const HOUR_MS = 3_600_000;

/** What there is to say, and what it is. */
export type Summary = ReadonlyArray<readonly [name: string, what: string]>;

export function summaryOf(report: BatchReport, base: string): Summary {
  const coverage = report.coverage.report();
  const unreached = missing(report);
  const checks = Object.values(report.checks).reduce((sum, count) => sum + count, 0);
  const faults = Object.values(report.faults).reduce((sum, count) => sum + count, 0);
  const verbs = coverage.verbsSeen + coverage.verbsMissing.length;
  const pairs = `${coverage.pairsSeen} of ${coverage.pairs}: ${coverage.percent.toFixed(1)} %`;
  const speed = `${Math.round(speedOf(report))} hours per CPU hour`;
  const busySpeed = report.cpuMs === 0 ? 0 : Math.round(report.busyMs / report.cpuMs);
  return [
    ["seeds", `${report.seeds} of base ${base}, ${report.repeated} of them run twice`],
    ["simulated", `${hours(report.virtualMs)} hours in ${hours(report.cpuMs)} CPU hours: ${speed}`],
    ["until healed", `${hours(report.busyMs)} of these hours: ${busySpeed} per CPU hour`],
    ["events", `${report.events}, ${Math.round(report.events / (report.cpuMs / 1_000))} per CPU second`],
    ["faults", `${faults}: ${counts(report.faults)}`],
    ["checks", `${checks} of ${Object.keys(report.checks).length} invariants`],
    ["markers", `${MARKERS.length - unreached.length} of ${MARKERS.length} reached`],
    ...(unreached.length === 0 ? [] : [["not reached", unreached.join("; ")] as const]),
    ["verbs", `${coverage.verbsSeen} of ${verbs}`],
    ["pairs", pairs],
    ...(report.seeds < SEEDS_FOR_COVERAGE ? [["not judged", unjudged(report)] as const] : []),
    ["violations", String(report.failures.length)],
  ];
}

/** Why the batch fails. A batch in which too little happened fails, too. */
export function problemsOf(report: BatchReport): string[] {
  const problems = report.failures.map(({ seed, message }) => `seed ${seed}: ${message}`);
  if (report.seeds === 0) problems.push("no seed was run");
  if (speedOf(report) < SPEED_MIN)
    problems.push(`${Math.round(speedOf(report))} simulated hours per CPU hour are less than ${SPEED_MIN}`);
  if (report.seeds < SEEDS_FOR_COVERAGE) return problems;
  const missed = missing(report);
  if (missed.length > 0) problems.push(`markers that no run reached: ${missed.join("; ")}`);
  const unchecked = Object.entries(report.checks).filter(([, count]) => count === 0);
  if (unchecked.length > 0)
    problems.push(`invariants that were never checked: ${unchecked.map(([id]) => id).join(", ")}`);
  const coverage = report.coverage.report();
  if (coverage.percent < PAIR_PERCENT_MIN)
    problems.push(`only ${coverage.percent.toFixed(1)} % of the pairs of verbs were covered`);
  if (coverage.verbsMissing.length > 0)
    problems.push(`verbs never used: ${coverage.verbsMissing.join(", ")}`);
  if (coverage.messagesMissing.length > 0)
    problems.push(`journal messages never recorded: ${coverage.messagesMissing.join(", ")}`);
  return problems;
}

function unjudged({ seeds }: BatchReport): string {
  return `coverage, because ${seeds} seeds are less than ${SEEDS_FOR_COVERAGE}`;
}

function missing({ markers }: BatchReport): string[] {
  return MARKERS.filter((marker) => (markers[marker] ?? 0) === 0);
}

function speedOf({ virtualMs, cpuMs }: BatchReport): number {
  return cpuMs === 0 ? 0 : virtualMs / cpuMs;
}

function hours(ms: number): string {
  const value = ms / HOUR_MS;
  return value < 10 ? value.toFixed(3) : String(Math.round(value));
}

function counts(of: Readonly<Record<string, number>>): string {
  return Object.entries(of)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(", ");
}
