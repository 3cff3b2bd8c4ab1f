/** The order of keys and names wherever the engine sorts: by UTF-16 code units, the same on every machine and in the store. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
