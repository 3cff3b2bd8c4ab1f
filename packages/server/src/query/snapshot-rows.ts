import type { Invocation, Tables } from "@holdfast/engine";

import type { ReadJournal } from "./journal-reader.ts";

/** What the columns of views are read from: the engine's rows as of one commit. */
export interface SnapshotRows {
  readonly tables: Tables;
  /** By the number that the store gave it. */
  invocation(number: number): Readonly<Invocation>;
  journal(number: number): ReadJournal;
}
