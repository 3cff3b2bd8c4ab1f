import { seededRandom } from "@holdfast/server/parts";

import type { Experiment, Finding, Length } from "./experiment.ts";
import { TemporaryDirectory } from "./process/temporary-directory.ts";
import { missing } from "./tools.ts";

/** An experiment that was tried, or that could not be. */
export type Result = {
  readonly name: string;
  readonly tries: string;
  readonly seconds: number;
} & (
  | { readonly kind: "tried"; readonly finding: Finding }
  | { readonly kind: "skipped"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string }
);

export type RunOptions = {
  readonly length: Length;
  readonly seed: number;
  readonly say: (text: string) => void;
};

export async function runExperiment(experiment: Experiment, options: RunOptions): Promise<Result> {
  const { name, tries, needs } = experiment;
  const begun = performance.now();
  const seconds = (): number => (performance.now() - begun) / 1_000;
  const lacking = missing(needs);
  if (lacking !== undefined) return { kind: "skipped", name, tries, seconds: 0, reason: lacking };
  using directory = new TemporaryDirectory();
  // A generator for each experiment: one that draws more often does not change what the others do.
  const random = seededRandom(options.seed ^ hashOf(name));
  try {
    const finding = await experiment.run({ length: options.length, random, directory, say: options.say });
    return { kind: "tried", name, tries, seconds: seconds(), finding };
  } catch (error) {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { kind: "failed", name, tries, seconds: seconds(), reason };
  }
}

/** Why a run that ended is no success; empty when it is one. */
export function complaintsOf(result: Result): readonly string[] {
  switch (result.kind) {
    case "skipped":
      return [];
    case "failed":
      return [`${result.name} could not be carried out: ${result.reason}`];
    case "tried":
      return [
        ...result.finding.violations.map(({ kind, text }) => `${result.name}: ${kind}: ${text}`),
        ...result.finding.vacuous.map((text) => `${result.name} proves nothing: ${text}`),
      ];
  }
}

/** It broke no promise, and too little happened for that to mean anything. */
export function provesNothing(result: Result): boolean {
  if (result.kind !== "tried") return false;
  const { violations, vacuous } = result.finding;
  return violations.length === 0 && vacuous.length > 0;
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return hash >>> 0;
}
