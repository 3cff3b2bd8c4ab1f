/**
 * What a store says of itself besides its rows: the log position that they reflect, the bytes of completed invocations, and
 * how many invocations there are of each kind. One checksum covers it all: the counts tell recovery how many running
 * invocations it has to find, so none of them may be missing.
 */
import { crc32 } from "node:zlib";

import type { InvocationCount } from "./store.ts";

export type StoreState = {
  readonly appliedPosition: number;
  readonly completedBytes: number;
  /** By service, handler and status, in the order of the file. */
  readonly counts: readonly InvocationCount[];
};

export type StateRow = Readonly<Record<string, unknown>>;

/** One statement, so that a commit of somebody else cannot come in between. */
const SELECT_STATE = (checksum: string): string => `
  SELECT applied_position, completed_bytes, ${checksum} AS checksum, service, handler, status, count
  FROM store LEFT JOIN invocation_counts ON TRUE ORDER BY service, handler, status`;

/** For a store of the present format. */
export const SELECT_SEALED_STATE = SELECT_STATE("store.checksum");
/** For one of a format without checksums. */
export const SELECT_UNSEALED_STATE = SELECT_STATE("NULL");

export function stateChecksum({ appliedPosition, completedBytes, counts }: StoreState): number {
  const kinds = counts.map(({ service, handler, status, count }) => [service, handler, status, count]);
  return crc32(JSON.stringify([appliedPosition, completedBytes, kinds])) | 0;
}

/** `undefined` when these rows are not what was written. */
export function stateOf(rows: readonly StateRow[]): StoreState | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const state: StoreState = {
    appliedPosition: Number(first["applied_position"]),
    completedBytes: Number(first["completed_bytes"]),
    counts: rows.flatMap((row) => (row["service"] === null ? [] : [countOf(row)])),
  };
  const { checksum } = first;
  return checksum === null || checksum === stateChecksum(state) ? state : undefined;
}

function countOf(row: StateRow): InvocationCount {
  return {
    service: String(row["service"]),
    handler: String(row["handler"]),
    status: String(row["status"]),
    count: Number(row["count"]),
  };
}
