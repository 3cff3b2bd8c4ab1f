import type { Contender, ContenderName } from "./contender.ts";
import { dbosOn } from "./dbos.ts";
import { holdfast, holdfastRestateSdk } from "./holdfast.ts";
import { restate, restateTuned } from "./restate.ts";

/** In the order of the table. `postgres` is the address of the PostgreSQL that shall be used, if there is one. */
export function contendersNamed(
  names: readonly ContenderName[],
  postgres: string | undefined,
): readonly Contender[] {
  return [holdfast, holdfastRestateSdk, restate, restateTuned, dbosOn(postgres)].filter(({ name }) =>
    names.includes(name),
  );
}
