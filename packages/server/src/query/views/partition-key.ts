import { parseInvocationId, partitionKeyOf } from "@holdfast/protocol";

import type { ColumnOf } from "../view.ts";

/** Eight bytes as SQLite keeps them: signed. */
function signed(bytes: Uint8Array): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  return view.getBigInt64(0);
}

export function partitionKeyOfInvocation(id: string): bigint | undefined {
  const raw = parseInvocationId(id);
  return raw === undefined ? undefined : signed(raw);
}

/** `keyOf`: what the row is addressed by. */
export function partitionKeyColumn<Row>(keyOf: (row: Row) => string): ColumnOf<Row> {
  return {
    name: "partition_key",
    type: "unsigned",
    meaning: "hash of the key; for Restate's tools",
    read: (row) => signed(partitionKeyOf(keyOf(row))),
  };
}
