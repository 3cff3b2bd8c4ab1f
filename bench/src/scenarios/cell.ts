/** One line of the table: a scenario at a number of connections, and how it is measured for one contender. */
import type { Contender, ContenderName, RunningContender } from "../contenders/contender.ts";
import type { HistogramCounts } from "../load/histogram.ts";
import type { LoadGenerator } from "../load/load-generator.ts";

export interface Cell {
  readonly scenario: string;
  readonly title: string;
  readonly connections: number;
  /** Of a measurement's value, e.g. "calls/s". */
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** Heavy ones are not repeated in every round. */
  readonly roundsMax?: number;
  /** A contender that takes no part, with the reason. */
  readonly lacks?: (name: ContenderName) => string | undefined;
  measure(stage: Stage): Promise<Measurement>;
}

/** What a measurement may use. */
export interface Stage {
  readonly contender: Contender;
  /** The contender as it has been running since the beginning of the benchmark. */
  running(): Promise<RunningContender>;
  /** One more, with an empty data directory, which is stopped and deleted after this measurement. */
  fresh(): Promise<RunningContender>;
  readonly directory: string;
  readonly load: LoadGenerator;
  readonly quick: boolean;
  readonly warmupMs: number;
  readonly durationMs: number;
  /** Unique to this measurement: keys begin with it. */
  readonly tag: string;
  /** The value that this contender had in another cell, if it was measured. */
  valueOf(scenario: string, connections: number): number | undefined;
}

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
