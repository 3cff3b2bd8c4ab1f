import type { HistogramCounts } from "../load/histogram.ts";

/** What one contender was measured with in one round. */
export interface Measurement {
  readonly value: number;
  readonly operations?: number;
  readonly latency?: Latency;
  /** Processor time per operation, µs. */
  readonly cpuMicrosPerOp?: { readonly server: number; readonly handlers: number };
  readonly residentBytes?: { readonly server: number; readonly handlers: number };
  readonly bytesPerOp?: number;
  readonly bytesPerStep?: number;
  readonly generatorCpuMicrosPerOp?: number;
  /** Share of one processor that the generator used. */
  readonly generatorCpuShare?: number;
  /** What is particular to a scenario, by name. */
  readonly extra?: Readonly<Record<string, number>>;
}

export interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** For plots: buckets of load/histogram.ts. */
  readonly counts?: HistogramCounts;
}
