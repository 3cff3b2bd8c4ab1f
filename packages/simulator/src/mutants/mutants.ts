/** The seeded bugs by which the simulator itself is measured: each is one that somebody could have made. */
import type { Mutant } from "./mutant.ts";
import { foldMutants } from "./mutants-fold.ts";
import { logMutants } from "./mutants-log.ts";
import { sdkMutants } from "./mutants-sdk.ts";
import { serverMutants } from "./mutants-server.ts";

export const mutants: readonly Mutant[] = [...logMutants, ...serverMutants, ...foldMutants, ...sdkMutants];
