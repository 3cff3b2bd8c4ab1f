/**
 * What the store is asked for most is what it does not have: whether there is an invocation of this idempotency key yet, an
 * object of this key. Such a look costs a walk through a tree whose pages the last commit has just changed. This keeps, for
 * the tables where that is so, a filter of their keys; what the filter does not know is not there.
 *
 * Filled a slice at a time after the store was opened; until then every look goes to the file. What is committed meanwhile
 * is added as well, and keys of deleted rows stay, so a filter always knows at least the keys that there are.
 */
import { KeyFilter } from "./key-filter.ts";
import type { RowWrite, StoreTable } from "./store.ts";

export type FilteredTable = Extract<StoreTable, "invocations" | "objects">;

const TABLES: readonly FilteredTable[] = ["invocations", "objects"];

/** Keys read at a time: about a millisecond. */
const SLICE_KEYS = 1_000;
/** Between two slices, ms: a start with a million keys is done with this within half a minute, unnoticed. */
const PAUSE_MS = 10;

/** The next keys of a table behind one of them, in order, at most so many. */
export type ReadKeys = (table: FilteredTable, after: string, limit: number) => readonly string[];

export class KnownKeys {
  readonly #readKeys: ReadKeys;
  readonly #filters = new Map<StoreTable, KeyFilter>();
  /** Those of `#filters` that know all keys. */
  readonly #complete = new Map<StoreTable, KeyFilter>();
  #timer: NodeJS.Timeout | undefined;

  constructor(readKeys: ReadKeys) {
    this.#readKeys = readKeys;
    for (const table of TABLES) this.#filters.set(table, new KeyFilter());
    this.#load([...TABLES], "");
  }

  /** Whether the store cannot have this key. */
  lacks(table: StoreTable, key: string): boolean {
    return this.#complete.get(table)?.mayHold(key) === false;
  }

  /** To be told before the rows can be seen. */
  add({ table, key, value }: RowWrite): void {
    if (value !== undefined) this.#filters.get(table)?.add(key);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #load(tables: FilteredTable[], after: string): void {
    const [table] = tables;
    if (table === undefined) return;
    const keys = this.#readKeys(table, after, SLICE_KEYS);
    const filter = this.#filters.get(table);
    for (const key of keys) filter?.add(key);
    const last = keys.at(-1);
    if (last !== undefined && keys.length === SLICE_KEYS) {
      this.#timer = setTimeout(() => this.#load(tables, last), PAUSE_MS).unref();
      return;
    }
    if (filter !== undefined) this.#complete.set(table, filter);
    this.#load(tables.slice(1), "");
  }
}
