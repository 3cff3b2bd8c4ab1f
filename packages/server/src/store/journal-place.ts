/**
 * Where a chunk of a journal lies: behind the number of its invocation's row, by the index of its first entry. Its key, as
 * everyone else knows it, is the invocation's id, a slash, and that index.
 */

/** Room for the index of an entry. The longest journal that can be allowed has a billion. */
export const PLACE_BITS = 30;

export type ChunkName = { readonly id: string; readonly first: number };

export function chunkName(key: string): ChunkName {
  const at = key.lastIndexOf("/");
  const first = Number(key.slice(at + 1));
  if (at > 0 && first >= 0 && first < 2 ** PLACE_BITS && Number.isSafeInteger(first))
    return { id: key.slice(0, at), first };
  throw new Error(`Not the key of a journal's chunk: ${key}`);
}

/** SQL for the place of a chunk, given its invocation's number and its index. Numbers are bound as floating point. */
export function placeOf(number: string, first: string): string {
  return `((CAST(${number} AS INTEGER) << ${PLACE_BITS}) | CAST(${first} AS INTEGER))`;
}
