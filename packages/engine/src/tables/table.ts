/**
 * One table in memory over the rows of the newest checkpoint.
 *
 * Reads fall through to the checkpoint store on a miss. Writes stay in memory until the next checkpoint takes them: `freeze`
 * marks what is dirty, `encodeFrozen` turns it into row writes slice by slice while the fold goes on, and `thaw` drops from
 * memory what is stored and no longer needed.
 *
 * Invariant: a row that changes after `freeze` and was not encoded yet is encoded first (copy on write), so what a
 * checkpoint writes is exactly the tables at one log position. That is why every change goes through `edit`, `insert` or
 * `delete`, and why a row got from `get` must not be written to.
 *
 * A row at rest is sealed: encoded once, at the end of the record that brought it to rest, and kept as the writes that the
 * next checkpoint takes as they are. It is a tenth of the row's size, and a few objects instead of a hundred for the garbage
 * collector to carry along until then. `get` decodes a copy; `edit` breaks the seal.
 */
import { assert, must } from "../assert.ts";
import { byCodeUnit } from "./key-order.ts";

export type RowWrite = {
  readonly table: string;
  readonly key: string;
  /** `undefined` deletes. */
  readonly value: Uint8Array | undefined;
};

/** Synchronous access to the rows of the newest checkpoint. */
export interface RowSource {
  get(table: string, key: string): Uint8Array | undefined;
  scan(
    table: string,
    from: string,
    to: string,
    limit: number,
  ): Array<readonly [key: string, value: Uint8Array]>;
}

export type TableOptions<Row, Write extends RowWrite> = {
  readonly name: string;
  readonly decode: (value: Uint8Array, key: string) => Row;
  /** Appends the writes that store this row (usually one). */
  readonly encode: (key: string, row: Row, writes: Write[]) => void;
  readonly encodeDelete: (key: string, writes: Write[]) => void;
  /** Rows that stay in memory although they are stored. */
  readonly isPinned?: (row: Row) => boolean;
  /** The row's writes are durable now. */
  readonly onStored?: (row: Row) => void;
  readonly sealing?: Sealing<Row, Write>;
};

/** How rows at rest become their writes, and rows again. */
export type Sealing<Row, Write extends RowWrite> = {
  /** Nothing is likely to change it soon, and `encode` may be called now. */
  readonly isAtRest: (row: Row) => boolean;
  /** The row that `encode` made these writes of: as it was before, or (`encoded`) as `encode` left it. */
  readonly unseal: (key: string, writes: readonly Write[], encoded: boolean) => Row;
};

/** What a turn may still do; counted down by whoever does it. */
export type TurnBudget = {
  /** Rows to be encoded. One that is sealed counts for a tenth. */
  rows: number;
  /** Bytes to be encoded; the row that crosses the limit is finished. */
  bytes: number;
};

const SEALED_ROW_COST = 0.1;

/** Rows that were read and not changed since the last checkpoint, and stay at hand: no more than this. */
const READ_ROWS_MAX = 5_000;
/**
 * A row whose seal was broken so often since the last freeze is not at rest, whatever it looks like, and stays as it is
 * until the next. Each seal costs what the whole row costs: a paused invocation that is sent a thousand signals would pay
 * for all of them with each.
 */
const SEALS_BROKEN_MAX = 3;

/** Rows read at a time by `all`. */
const PAGE_ROWS = 1_000;
/** Behind every key. */
const LAST_KEY = "\uffff\uffff";

type Slot<Row, Write> = {
  /** `undefined`: deleted, or sealed. */
  row: Row | undefined;
  sealed: readonly Write[] | undefined;
  /** Generation in which it became dirty; 0 when the store (or the frozen writes) has it as it is. */
  generation: number;
  /** The store may hold a row under this key, so that deleting needs a write. */
  stored: boolean;
  /** How often its seal was broken in generation `brokenIn`. */
  broken: number;
  brokenIn: number;
};

export class Table<Row, Write extends RowWrite = RowWrite> {
  readonly #options: TableOptions<Row, Write>;
  readonly #source: RowSource;
  readonly #slots = new Map<string, Slot<Row, Write>>();
  #dirty = new Set<string>();
  /** A record is being applied: whoever applies it may hold any row. */
  #isApplying = false;
  #readRows = 0;
  /** Rows changed by the record being applied, where rows are sealed. May name one twice. */
  readonly #touched: string[] = [];
  #generation = 1;
  /** Keys that wait for `encodeFrozen`, while a checkpoint is being taken. */
  #frozen: IterableIterator<string> | undefined;
  #frozenGeneration = 0;
  #frozenWrites: Write[] = [];
  /** Rows that wait for `thaw` since the checkpoint became durable, and how many there were. */
  #thawing: IterableIterator<[string, Slot<Row, Write>]> | undefined;
  #thawingCount = 0;

  constructor(source: RowSource, options: TableOptions<Row, Write>) {
    this.#source = source;
    this.#options = options;
  }

  /** Rows changed since the last freeze. */
  get dirtyCount(): number {
    return this.#dirty.size;
  }

  get loadedCount(): number {
    return this.#slots.size;
  }

  #slot(key: string): Slot<Row, Write> | undefined {
    const slot = this.#slots.get(key);
    if (slot !== undefined) return slot;
    const value = this.#source.get(this.#options.name, key);
    if (value === undefined) return undefined;
    this.#readRows += 1;
    if (this.#readRows > READ_ROWS_MAX && !this.#isApplying) this.#forgetReadRows();
    const row = this.#options.decode(value, key);
    const loaded = newSlot<Row, Write>(row, 0, true);
    this.#slots.set(key, loaded);
    return loaded;
  }

  /** Otherwise they would go with the next checkpoint, which may never come where nothing changes. */
  #forgetReadRows(): void {
    // What a checkpoint is storing is not in the store yet.
    if (this.#frozen !== undefined) return;
    const { isPinned } = this.#options;
    for (const [key, slot] of this.#slots) {
      if (slot.generation !== 0) continue;
      if (slot.row === undefined || isPinned === undefined || !isPinned(slot.row)) this.#slots.delete(key);
    }
    this.#readRows = 0;
  }

  /** The row, not to be changed. */
  get(key: string): Readonly<Row> | undefined {
    const slot = this.#slot(key);
    return slot === undefined ? undefined : this.#rowOf(key, slot);
  }

  /** The row if it is in memory; never reads the store. */
  peek(key: string): Readonly<Row> | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#rowOf(key, slot);
  }

  /** The row, to be changed while the current record is applied. */
  edit(key: string): Row {
    const slot = must(this.#slot(key), `${this.#options.name}: no row ${key} to edit`);
    this.#touch(key, slot);
    if (this.#options.sealing !== undefined) this.#touched.push(key);
    return must(slot.row, `${this.#options.name}: row ${key} was deleted`);
  }

  /** What is sealed stays so: a copy is made for each reader. */
  #rowOf(key: string, slot: Slot<Row, Write>): Row | undefined {
    const { sealed } = slot;
    return sealed === undefined ? slot.row : this.#unsealed(key, sealed, slot.generation === 0);
  }

  #unsealed(key: string, writes: readonly Write[], encoded: boolean): Row {
    const { sealing, name } = this.#options;
    return must(sealing, `${name}: row ${key} is sealed`).unseal(key, writes, encoded);
  }

  /** Makes a row dirty that is about to change: the seal is broken, and a checkpoint in progress gets it as it was. */
  #touch(key: string, slot: Slot<Row, Write>): void {
    if (slot.generation !== 0 && slot.generation === this.#frozenGeneration) this.#encode(key, slot);
    if (slot.sealed !== undefined) {
      slot.row = this.#unsealed(key, slot.sealed, slot.generation === 0);
      slot.sealed = undefined;
      slot.broken = slot.brokenIn === this.#generation ? slot.broken + 1 : 1;
      slot.brokenIn = this.#generation;
    }
    if (slot.generation === this.#generation) return;
    slot.generation = this.#generation;
    this.#dirty.add(key);
  }

  /** A record is going to be applied. */
  begin(): void {
    this.#isApplying = true;
  }

  /** The record has been applied: nobody holds its rows any more, and those that came to rest are sealed. */
  end(): void {
    this.#isApplying = false;
    const { sealing } = this.#options;
    if (sealing === undefined || this.#touched.length === 0) return;
    for (const key of this.#touched) {
      const slot = this.#slots.get(key);
      if (slot?.row === undefined || !sealing.isAtRest(slot.row)) continue;
      if (slot.brokenIn === this.#generation && slot.broken >= SEALS_BROKEN_MAX) continue;
      const writes: Write[] = [];
      this.#options.encode(key, slot.row, writes);
      slot.sealed = writes;
      slot.row = undefined;
    }
    this.#touched.length = 0;
  }

  /** Adds a row under a key that has none. `fresh`: the caller knows that the store has none either (a new random id). */
  insert(key: string, row: Row, fresh = false): void {
    const slot = fresh ? this.#slots.get(key) : this.#slot(key);
    if (this.#options.sealing !== undefined) this.#touched.push(key);
    if (slot !== undefined) {
      assert(!exists(slot), `${this.#options.name}: row ${key} exists`);
      this.#touch(key, slot);
      slot.row = row;
      return;
    }
    this.#slots.set(key, newSlot<Row, Write>(row, this.#generation, false));
    this.#dirty.add(key);
  }

  /** Removes a row; harmless when there is none. */
  delete(key: string): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) {
      this.#slots.set(key, newSlot<Row, Write>(undefined, this.#generation, true));
      this.#dirty.add(key);
      return;
    }
    if (!slot.stored && slot.generation === this.#generation) {
      this.#slots.delete(key);
      this.#dirty.delete(key);
      return;
    }
    this.#touch(key, slot);
    slot.row = undefined;
  }

  /** Rows with `from <= key < to` in key order, memory and store together, at most `limit`. */
  scan(from: string, to: string, limit: number): Array<readonly [key: string, row: Readonly<Row>]> {
    const inMemory: string[] = [];
    // Rows deleted in memory may hide as many stored ones; ask for that many more.
    let hidden = 0;
    for (const [key, slot] of this.#slots) {
      if (key < from || key >= to) continue;
      if (exists(slot)) inMemory.push(key);
      else hidden++;
    }
    const stored = this.#source.scan(this.#options.name, from, to, limit + hidden);
    // What lies behind a full answer of the store comes too late to be among the first.
    const last = stored.length < limit + hidden ? undefined : stored.at(-1)?.[0];
    const merged = new Map<string, Uint8Array | undefined>();
    for (const key of inMemory) if (last === undefined || key <= last) merged.set(key, undefined);
    for (const [key, value] of stored) if (!this.#slots.has(key)) merged.set(key, value);
    const rows: Array<readonly [string, Readonly<Row>]> = [];
    for (const key of [...merged.keys()].sort(byCodeUnit).slice(0, limit)) {
      const value = merged.get(key);
      const row = value === undefined ? this.peek(key) : this.#options.decode(value, key);
      rows.push([key, must(row, "merged row")]);
    }
    return rows;
  }

  /**
   * Every row in memory, deleted ones as `undefined`: what hides the store's rows. Sealed rows are decoded, which takes
   * time where there are many; `isWanted` may pass some by, from the last of their writes.
   */
  *loaded(
    isWanted: (sealed: Write) => boolean = () => true,
  ): IterableIterator<readonly [string, Readonly<Row> | undefined]> {
    for (const [key, slot] of this.#slots) {
      const write = slot.sealed?.at(-1);
      if (write === undefined || isWanted(write)) yield [key, this.#rowOf(key, slot)];
    }
  }

  /** Every row, memory and store together, in no order. For checks and exports: reads the store page by page. */
  *all(): IterableIterator<readonly [key: string, row: Readonly<Row>]> {
    // Whoever asks may read further rows meanwhile, and rows that were read may be forgotten.
    const seen = new Set<string>();
    for (const [key, row] of this.loaded()) {
      seen.add(key);
      if (row !== undefined) yield [key, row];
    }
    let from = "";
    for (;;) {
      const page = this.#source.scan(this.#options.name, from, LAST_KEY, PAGE_ROWS);
      for (const [key, value] of page) {
        if (!seen.has(key)) yield [key, this.peek(key) ?? this.#options.decode(value, key)];
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) return;
      from = `${last[0]}\u0000`;
    }
  }

  /** Begins a checkpoint: what is dirty now will be written, what changes from now on belongs to the next. */
  freeze(): void {
    assert(this.#frozen === undefined, `${this.#options.name}: frozen twice`);
    this.#frozen = this.#dirty.values();
    this.#frozenGeneration = this.#generation;
    this.#frozenWrites = [];
    this.#generation += 1;
    this.#dirty = new Set();
  }

  /** Encodes frozen rows until the budget is used up. True when all are done. */
  encodeFrozen(budget: TurnBudget): boolean {
    const keys = must(this.#frozen, `${this.#options.name}: not frozen`);
    while (budget.rows > 0 && budget.bytes > 0) {
      const next = keys.next();
      if (next.done === true) return true;
      const slot = this.#slots.get(next.value);
      if (slot === undefined || slot.generation !== this.#frozenGeneration) continue;
      if (slot.sealed === undefined) {
        this.#encode(next.value, slot);
        budget.rows -= 1;
        budget.bytes -= this.#frozenWrites.at(-1)?.value?.length ?? 0;
      } else {
        this.#encode(next.value, slot);
        budget.rows -= SEALED_ROW_COST;
      }
    }
    return false;
  }

  #encode(key: string, slot: Slot<Row, Write>): void {
    if (slot.sealed !== undefined) for (const write of slot.sealed) this.#frozenWrites.push(write);
    else if (slot.row === undefined) this.#options.encodeDelete(key, this.#frozenWrites);
    else this.#options.encode(key, slot.row, this.#frozenWrites);
    slot.generation = 0;
    slot.stored = true;
  }

  /** All writes of the checkpoint, once everything is encoded. */
  frozenWrites(): Write[] {
    return this.#frozenWrites;
  }

  /** The checkpoint is durable: forget up to `limit` stored rows that nothing needs at hand. True when all are done. */
  thaw(limit = Number.POSITIVE_INFINITY): boolean {
    if (this.#frozen === undefined) return true;
    const slots = this.#thawing ?? this.#beginThaw();
    const { isPinned, onStored } = this.#options;
    for (let left = limit; this.#thawingCount > 0; left--) {
      if (left <= 0) return false;
      // What is added meanwhile comes last, and is none of the checkpoint's.
      this.#thawingCount -= 1;
      const next = slots.next();
      if (next.done === true) break;
      const [key, slot] = next.value;
      if (slot.row !== undefined && onStored !== undefined) onStored(slot.row);
      if (slot.generation !== 0) continue;
      if (slot.row !== undefined && isPinned !== undefined && isPinned(slot.row)) continue;
      this.#slots.delete(key);
    }
    this.#thawing = undefined;
    this.#frozen = undefined;
    this.#readRows = 0;
    return true;
  }

  #beginThaw(): IterableIterator<[string, Slot<Row, Write>]> {
    this.#frozenGeneration = 0;
    this.#frozenWrites = [];
    this.#thawingCount = this.#slots.size;
    this.#thawing = this.#slots.entries();
    return this.#thawing;
  }
}

function exists<Row, Write>(slot: Slot<Row, Write>): boolean {
  return slot.row !== undefined || slot.sealed !== undefined;
}

function newSlot<Row, Write>(row: Row | undefined, generation: number, stored: boolean): Slot<Row, Write> {
  return { row, sealed: undefined, generation, stored, broken: 0, brokenIn: 0 };
}
