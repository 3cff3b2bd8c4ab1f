/** What an experiment is, and what it found. */
import type { EngineOptions } from "./process/engine-process.ts";
import { EngineProcess } from "./process/engine-process.ts";
import type { TemporaryDirectory } from "./process/temporary-directory.ts";
import type { Need } from "./tools.ts";
import type { Random } from "./workload/random.ts";
import type { Violation } from "./workload/violation.ts";

/** "short" takes seconds and runs inside `npm test`; "long" takes minutes and is what is published. */
export type Length = "short" | "long";

export type Scope = {
  readonly length: Length;
  readonly random: Random;
  /** Gone afterwards, with everything in it. */
  readonly directory: TemporaryDirectory;
  /** Progress, for whoever waits. */
  readonly say: (text: string) => void;
};

export type Experiment = {
  readonly name: string;
  /** What is tried, as the report says it. */
  readonly tries: string;
  /** Of the long form. */
  readonly minutes: number;
  readonly needs: readonly Need[];
  readonly run: (scope: Scope) => Promise<Finding>;
};

export type Finding = {
  /** How often it was tried. */
  readonly rounds: number;
  /** Faults that happened while something was at stake. */
  readonly faults: number;
  /** Acknowledgements that were found kept afterwards. */
  readonly verified: number;
  readonly violations: readonly Violation[];
  /** What else is worth knowing: figures, and the limits of what was tried. */
  readonly notes: readonly string[];
  /** Reasons why this run proves less than it claims: too little load, too few faults. Each makes it fail. */
  readonly vacuous: readonly string[];
};

/** Chooses by the length of the run. */
export function byLength<Value>(
  scope: Scope,
  values: { readonly short: Value; readonly long: Value },
): Value {
  return values[scope.length];
}

/** Starts an engine for as long as `work` takes. It is killed afterwards, as everything here is. */
export async function withEngine<Result>(
  options: EngineOptions,
  work: (engine: EngineProcess) => Promise<Result>,
): Promise<Result> {
  const engine = await EngineProcess.start(options);
  try {
    return await work(engine);
  } finally {
    await engine.kill();
  }
}

/** The gate against runs that prove nothing: `[is it fulfilled, what is missing]`. */
export function vacuous(...gates: ReadonlyArray<readonly [isFulfilled: boolean, missing: string]>): string[] {
  return gates.filter(([isFulfilled]) => !isFulfilled).map(([, missing]) => missing);
}
