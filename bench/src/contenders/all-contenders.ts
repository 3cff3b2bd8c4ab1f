import type { Contender, ContenderName } from "./contender.ts";
import { holdfast } from "./holdfast.ts";
import { restate, restateTuned } from "./restate.ts";

const ALL: readonly Contender[] = [holdfast, restate, restateTuned];

export function contendersNamed(names: readonly ContenderName[]): readonly Contender[] {
  return ALL.filter(({ name }) => names.includes(name));
}
