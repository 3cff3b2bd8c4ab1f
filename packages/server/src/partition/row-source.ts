/** The checkpoint store, as the engine's tables read it. */
import type { RowSource } from "@holdfast/engine";

import type { CheckpointStore, ScannedTable, StoreTable } from "../store/store.ts";

export function rowSource(store: CheckpointStore): RowSource {
  return {
    get: (table, key) => store.get(table as StoreTable, key),
    scan: (table, from, to, limit) => store.scan(table as ScannedTable, from, to, limit),
  };
}
