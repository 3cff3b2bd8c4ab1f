/** From the measurements of single rounds to one set of figures. */
import { Histogram } from "../load/histogram.ts";
import type { Latency, Measurement } from "../scenarios/measurement.ts";
import { median, spreadOf } from "./ratio.ts";
import type { Figures } from "./results.ts";

export type RoundMeasurement = Measurement & { readonly round: number };

export function combine(
  measurements: readonly RoundMeasurement[],
  keepsDistribution: boolean,
): Figures | undefined {
  const spread = spreadOf(measurements.map(({ value }) => value));
  if (spread === undefined) return undefined;
  return withoutUndefined({
    ...spread,
    rounds: measurements.length,
    latency: combineLatency(measurements, keepsDistribution),
    cpuMicrosPerOp: bothRoles(measurements, "cpuMicrosPerOp"),
    residentBytes: bothRoles(measurements, "residentBytes"),
    bytesPerOp: medianOf(measurements, ({ bytesPerOp }) => bytesPerOp),
    bytesPerStep: medianOf(measurements, ({ bytesPerStep }) => bytesPerStep),
    generatorCpuMicrosPerOp: medianOf(measurements, (each) => each.generatorCpuMicrosPerOp),
    generatorCpuShare: medianOf(measurements, (each) => each.generatorCpuShare),
    extra: combineExtra(measurements),
    measurements: measurements.map(withoutCounts),
  }) as Figures;
}

function medianOf(
  measurements: readonly Measurement[],
  pick: (measurement: Measurement) => number | undefined,
): number | undefined {
  const values = measurements.map(pick).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : median(values);
}

function bothRoles(
  measurements: readonly Measurement[],
  field: "cpuMicrosPerOp" | "residentBytes",
): { readonly server: number; readonly handlers: number } | undefined {
  const server = medianOf(measurements, (each) => each[field]?.server);
  const handlers = medianOf(measurements, (each) => each[field]?.handlers);
  return server === undefined || handlers === undefined ? undefined : { server, handlers };
}

/** Percentiles are medians over the rounds, the maximum is the largest of all, and the buckets are added up. */
function combineLatency(
  measurements: readonly Measurement[],
  keepsDistribution: boolean,
): Latency | undefined {
  const latencies = measurements.map(({ latency }) => latency).filter((latency) => latency !== undefined);
  if (latencies.length === 0) return undefined;
  const all = new Histogram();
  for (const { counts, max } of latencies) if (counts !== undefined) all.merge(Histogram.of(counts, max));
  return {
    p50: median(latencies.map(({ p50 }) => p50)),
    p99: median(latencies.map(({ p99 }) => p99)),
    p999: median(latencies.map(({ p999 }) => p999)),
    max: Math.max(...latencies.map(({ max }) => max)),
    ...(keepsDistribution ? { counts: all.counts() } : {}),
  };
}

function combineExtra(measurements: readonly Measurement[]): Readonly<Record<string, number>> | undefined {
  const names = new Set(measurements.flatMap(({ extra }) => Object.keys(extra ?? {})));
  if (names.size === 0) return undefined;
  return Object.fromEntries(
    [...names].map((name) => [name, medianOf(measurements, ({ extra }) => extra?.[name]) ?? 0]),
  );
}

/** The buckets are kept once for all rounds. */
function withoutCounts({ latency, ...rest }: RoundMeasurement): RoundMeasurement {
  if (latency === undefined) return rest;
  const { p50, p99, p999, max } = latency;
  return { ...rest, latency: { p50, p99, p999, max } };
}

function withoutUndefined(record: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
