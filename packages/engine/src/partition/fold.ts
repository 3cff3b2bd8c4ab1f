/** What every step of the fold works on. */
import type { Effect } from "../effect.ts";
import type { Tables } from "../tables/tables.ts";

export type Fold = {
  readonly tables: Tables;
  /** Time of the record being applied. */
  at: number;
  /** Effects of the record being applied, in order. */
  effects: Effect[];
};

/** A command that cannot be applied. The attempt fails with it, and nothing of the command or behind it is recorded. */
export type Refusal = { readonly code: string; readonly message: string };
