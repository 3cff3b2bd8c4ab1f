import type { Contender, ContenderName } from "./contender.ts";
import { holdfast } from "./holdfast.ts";

const ALL: readonly Contender[] = [holdfast];

export function contendersNamed(names: readonly ContenderName[]): readonly Contender[] {
  return ALL.filter(({ name }) => names.includes(name));
}
