import { byCodeUnit } from "../tables/key-order.ts";
/** A checkpoint store in memory: what the tables read, and what a checkpoint's writes are put into. */
import type { RowSource, RowWrite } from "../tables/table.ts";

export class MemoryRows implements RowSource {
  readonly #tables = new Map<string, Map<string, Uint8Array>>();

  get(table: string, key: string): Uint8Array | undefined {
    return this.#tables.get(table)?.get(key);
  }

  scan(table: string, from: string, to: string, limit: number): Array<readonly [string, Uint8Array]> {
    return this.keys(table)
      .filter((key) => key >= from && key < to)
      .slice(0, limit)
      .map((key) => [key, this.#tables.get(table)?.get(key) as Uint8Array] as const);
  }

  /** In key order. */
  keys(table: string): string[] {
    return [...(this.#tables.get(table)?.keys() ?? [])].sort(byCodeUnit);
  }

  /** Puts a checkpoint in place, in the order of its writes. */
  commit(writes: readonly RowWrite[]): void {
    for (const { table, key, value } of writes) {
      let rows = this.#tables.get(table);
      if (rows === undefined) {
        rows = new Map();
        this.#tables.set(table, rows);
      }
      if (value === undefined) rows.delete(key);
      else rows.set(key, value);
    }
  }
}
