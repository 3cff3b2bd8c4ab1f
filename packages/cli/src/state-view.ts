import type { Output } from "./output/output.ts";

/** The table of entries, values on one line each. */
export function showEntries(entries: Readonly<Record<string, unknown>>, out: Output): void {
  const rows = Object.entries(entries).map(([name, value]) => [name, JSON.stringify(value)]);
  out.table([{ title: "NAME" }, { title: "VALUE", shrinks: true }], rows);
}
