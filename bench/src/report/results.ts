/** The form of the results, as they are written to a file and read again. */
import type { ContenderName } from "../contenders/contender.ts";
import type { Floor } from "../machine/floor.ts";
import type { Machine } from "../machine/machine.ts";
import type { Measurement } from "../scenarios/measurement.ts";
import type { Spread } from "./ratio.ts";

export interface Results {
  readonly machine: Machine;
  readonly node: string;
  readonly date: string;
  readonly quick: boolean;
  readonly rounds: number;
  readonly durationMs: number;
  readonly floor: Floor;
  readonly generator: GeneratorCeiling;
  readonly contenders: Readonly<Record<string, ContenderRecord>>;
  readonly scenarios: readonly ScenarioRecord[];
}

/** What the load generator can do when the server costs nothing. */
export interface GeneratorCeiling {
  readonly connections: number;
  readonly perSecond: number;
  /** Share of one processor. */
  readonly cpuShare: number;
  readonly cpuMicrosPerOp: number;
}

export interface ContenderRecord {
  readonly version: string;
  readonly present: boolean;
  readonly reason?: string;
  readonly settings: Readonly<Record<string, string>>;
}

export interface ScenarioRecord {
  readonly name: string;
  readonly title: string;
  readonly connections: number;
  readonly unit: string;
  readonly better: "higher" | "lower";
  /** How long measuring it took, for all contenders. */
  readonly seconds: number;
  readonly holdfast?: Outcome;
  readonly peers: Readonly<Partial<Record<ContenderName, Outcome>>>;
  readonly ratio: Readonly<Partial<Record<ContenderName, Spread>>>;
  readonly goals: readonly GoalRecord[];
}

/** Figures, or why there are none. */
export type Outcome = Figures | { readonly absent: string } | { readonly failed: string };

/** Beside the value everything is the median over the rounds. */
export interface Figures extends Spread, Omit<Measurement, "value" | "operations"> {
  readonly rounds: number;
  readonly measurements: ReadonlyArray<Measurement & { readonly round: number }>;
}

export interface GoalRecord {
  readonly text: string;
  readonly met: boolean;
  readonly value: number;
}

export function figuresOf(outcome: Outcome | undefined): Figures | undefined {
  return outcome !== undefined && "median" in outcome ? outcome : undefined;
}
