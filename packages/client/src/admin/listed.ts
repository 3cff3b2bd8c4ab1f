import type { Page } from "@holdfast/protocol";

/** A list, bare or as a page. */
export type Listed<Item> = readonly Item[] | Page<Item>;

export function itemsOf<Item>(list: Listed<Item>): readonly Item[] {
  return "items" in list ? list.items : list;
}
