/** What a command of the journal works on. */
import type { Fold } from "../partition/fold.ts";
import type { Invocation } from "../tables/rows.ts";

export type CommandScope = {
  readonly fold: Fold;
  readonly row: Invocation;
  /** Invocation ids that the proposer resolved or made up for the commands that need one, in their order. */
  readonly ids: readonly string[];
  nextId: number;
};
