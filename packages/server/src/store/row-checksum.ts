/**
 * A row's own checksum. SQLite takes what a page says for what was written: a flipped bit in a value is a value. So every
 * row carries the CRC-32 of its table, its key, its columns and its value, and whoever reads it by a key checks it with the
 * key that was asked for. Then neither a changed row nor another one can pass for it.
 *
 * Signed, because SQLite keeps a smaller number in fewer bytes.
 */
import { crc32 } from "node:zlib";

import type { InvocationColumns, StoreTable } from "./store.ts";

const SEPARATOR = "\0";

export function rowChecksum(
  table: Exclude<StoreTable, "invocations" | "journal">,
  key: string,
  value: Uint8Array,
): number {
  return checksum(table + SEPARATOR + key, value);
}

export function chunkChecksum(id: string, first: number, value: Uint8Array): number {
  return checksum(`journal${SEPARATOR}${id}/${first}`, value);
}

export function invocationChecksum(id: string, columns: InvocationColumns, value: Uint8Array): number {
  const { status, service, handler, key, deployment } = columns;
  const { createdAt, modifiedAt, completedAt = "", expiresAt = "", size } = columns;
  const texts = [id, status, service, handler, key, deployment].join(SEPARATOR);
  const numbers = `${createdAt},${modifiedAt},${completedAt},${expiresAt},${size}`;
  return checksum(`invocations${SEPARATOR}${texts}${SEPARATOR}${numbers}`, value);
}

/** Half of a surrogate pair counts as U+FFFD, which is what the file gives back. */
function checksum(head: string, value: Uint8Array): number {
  return crc32(value, crc32(head + SEPARATOR)) | 0;
}
