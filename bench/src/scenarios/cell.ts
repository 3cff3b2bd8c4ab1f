/** One line of the table: a scenario at a number of connections, and how it is measured for one contender. */
import type { Contender, ContenderName, RunningContender } from "../contenders/contender.ts";
import type { LoadGenerator } from "../load/load-generator.ts";
import type { Figures } from "../report/results.ts";
import type { Measurement } from "./measurement.ts";

export interface Cell {
  readonly scenario: string;
  readonly title: string;
  readonly connections: number;
  /** Of a measurement's value, e.g. "calls/s". */
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** Heavy ones are not repeated in every round. */
  readonly roundsMax?: number;
  /** Fewer still in a quick run. */
  readonly quickRoundsMax?: number;
  /** A contender that takes no part, with the reason. */
  readonly lacks?: (name: ContenderName, quick: boolean) => string | undefined;
  /** Whether its latencies are kept as a whole, for a plot. */
  readonly plotsLatency?: boolean;
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
  /** How many invocations shall sleep, when somebody said so. */
  readonly sleepers: number | undefined;
  readonly warmupMs: number;
  readonly durationMs: number;
  /** Unique to this measurement: keys begin with it. */
  readonly tag: string;
  /** What this contender was measured with in another cell, if it was. */
  figuresOf(scenario: string, connections: number): Figures | undefined;
}
