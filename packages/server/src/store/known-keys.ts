/**
 * What the store is asked for most is what it does not have: whether there is an invocation of this idempotency key yet, an
 * object of this key. Such a look costs a walk through a tree whose pages the last commit has just changed. This keeps, for
 * the tables where that is so, a filter of their keys; what the filter does not know is not there.
 *
 * Filled a slice at a time after the store was opened; until then every look goes to the file. What is committed meanwhile
 * is added as well, and keys of deleted rows stay, so a filter always knows at least the keys that there are. One that has
 * been given far more keys than there were rows when it was filled is filled anew.
 */
import { KeyFilter } from "./key-filter.ts";
import type { RowWrite, StoreTable } from "./store.ts";

export type FilteredTable = Extract<StoreTable, "invocations" | "objects">;

const TABLES: readonly FilteredTable[] = ["invocations", "objects"];

/** Keys read at a time: about a millisecond. */
const SLICE_KEYS = 1_000;
/** Between two slices, ms: a start with a million keys is done with this within half a minute, unnoticed. */
const PAUSE_MS = 10;
/** Keys that a filter takes before it may be filled anew: 3 to 8 MB. Beyond that it may hold twice what there was. */
const KEYS_BEFORE_REFILL = 2_000_000;

/** The next keys of a table behind one of them, in order, at most so many. */
export type ReadKeys = (table: FilteredTable, after: string, limit: number) => readonly string[];

export type KnownKeysOptions = {
  readonly readKeys: ReadKeys;
  /** Keys could not be read. The file is asked for everything in this table from then on. */
  readonly onFailed?: (error: unknown) => void;
  readonly keysBeforeRefill?: number;
};

export class KnownKeys {
  readonly #options: KnownKeysOptions;
  readonly #tables = new Map<StoreTable, TableKeys>();

  constructor(options: KnownKeysOptions) {
    this.#options = options;
    for (const table of TABLES) this.#tables.set(table, new TableKeys(table, this.#options));
  }

  /** Whether the store cannot have this key. */
  lacks(table: StoreTable, key: string): boolean {
    return this.#tables.get(table)?.lacks(key) === true;
  }

  /** To be told before the rows can be seen. */
  add({ table, key, value }: RowWrite): void {
    if (value !== undefined) this.#tables.get(table)?.add(key);
  }

  /**
   * No commit is under way, and reads see the last one. Only now may a filter be filled anew: in the middle of a commit its
   * first rows have been added already and cannot be read yet, and would be in neither.
   */
  betweenCommits(): void {
    for (const keys of this.#tables.values()) keys.refillIfDue();
  }

  close(): void {
    for (const keys of this.#tables.values()) keys.close();
  }
}

class TableKeys {
  readonly #table: FilteredTable;
  readonly #options: KnownKeysOptions;
  #filter = new KeyFilter();
  #isComplete = false;
  #refillAt = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(table: FilteredTable, options: KnownKeysOptions) {
    this.#table = table;
    this.#options = options;
    this.#load("");
  }

  lacks(key: string): boolean {
    return this.#isComplete && !this.#filter.mayHold(stored(key));
  }

  add(key: string): void {
    this.#filter.add(stored(key));
  }

  /** Keys that are committed from here on are added to the new filter, and those before are read. */
  refillIfDue(): void {
    if (this.#filter.count < this.#refillAt) return;
    this.#filter = new KeyFilter();
    this.#isComplete = false;
    this.#refillAt = Number.POSITIVE_INFINITY;
    this.#loadSoon("");
  }

  #load(after: string): void {
    let keys: readonly string[];
    try {
      keys = this.#options.readKeys(this.#table, after, SLICE_KEYS);
    } catch (error) {
      // Whoever needs a row that cannot be read is told then. This is only a shortcut.
      this.#options.onFailed?.(error);
      return;
    }
    for (const key of keys) this.#filter.add(key);
    const last = keys.at(-1);
    if (last !== undefined && keys.length === SLICE_KEYS) {
      this.#loadSoon(last);
      return;
    }
    this.#isComplete = true;
    const { keysBeforeRefill = KEYS_BEFORE_REFILL } = this.#options;
    this.#refillAt = Math.max(keysBeforeRefill, 2 * this.#filter.count);
  }

  #loadSoon(after: string): void {
    this.#timer = setTimeout(() => this.#load(after), PAUSE_MS).unref();
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

/** As the file gives it back: half of a surrogate pair is stored as U+FFFD. */
function stored(key: string): string {
  return key.toWellFormed();
}
