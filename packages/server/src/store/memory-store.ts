import { compare, matches } from "./invocation-order.ts";
import type {
  CheckpointStore,
  InvocationColumns,
  InvocationCount,
  InvocationHit,
  InvocationQuery,
  RowWrite,
  ScannedTable,
  StoreTable,
} from "./store.ts";

type Row = { readonly value: Uint8Array; readonly columns: InvocationColumns | undefined };

/** What a memory store leaves behind: a store opened on it again sees the last commit, like after a crash. */
export class StoreMemory {
  appliedPosition = 0;
  readonly tables = new Map<StoreTable, Map<string, Row>>();
}

export type MemoryStoreOptions = {
  readonly memory?: StoreMemory;
  /** How a commit takes its time. A microtask unless told otherwise; a test passes its own scheduler. */
  readonly defer?: (run: () => void) => void;
};

/** The store for tests and the test engine: the whole contract, without a file. */
export class MemoryStore implements CheckpointStore {
  readonly #memory: StoreMemory;
  readonly #defer: (run: () => void) => void;
  /** Keys of a table in order, until it changes. */
  readonly #sortedKeys = new Map<StoreTable, readonly string[]>();
  #committing = false;
  #closed = false;

  static open(options: MemoryStoreOptions = {}): Promise<MemoryStore> {
    return Promise.resolve(new MemoryStore(options));
  }

  private constructor(options: MemoryStoreOptions) {
    this.#memory = options.memory ?? new StoreMemory();
    this.#defer = options.defer ?? queueMicrotask;
  }

  appliedPosition(): number {
    return this.#memory.appliedPosition;
  }

  get(table: StoreTable, key: string): Uint8Array | undefined {
    return this.#memory.tables.get(table)?.get(key)?.value.slice();
  }

  scan(
    table: ScannedTable,
    from: string,
    to: string,
    limit: number,
  ): Array<readonly [key: string, value: Uint8Array]> {
    const keys = this.#keys(table);
    const rows: Array<readonly [string, Uint8Array]> = [];
    for (let index = lowerBound(keys, from); index < keys.length && rows.length < limit; index++) {
      const key = keys[index];
      if (key === undefined || key >= to) break;
      const value = this.get(table, key);
      if (value !== undefined) rows.push([key, value]);
    }
    return rows;
  }

  findInvocations(query: InvocationQuery): InvocationHit[] {
    const hits = this.#invocations().filter((hit) => matches(query, hit));
    hits.sort((a, b) => compare(query, a, b));
    return hits.slice(0, Math.max(0, query.limit)).map((hit) => ({ ...hit, value: hit.value.slice() }));
  }

  countInvocations(): InvocationCount[] {
    const counts = new Map<string, InvocationCount>();
    for (const { columns } of this.#invocations()) {
      const { service, handler, status } = columns;
      const key = JSON.stringify([service, handler, status]);
      counts.set(key, { service, handler, status, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    return [...counts.values()].sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  }

  completedBytes(): number {
    let bytes = 0;
    for (const { columns } of this.#invocations()) {
      if (columns.completedAt !== undefined) bytes += columns.size;
    }
    return bytes;
  }

  commit(writes: readonly RowWrite[], appliedPosition: number): Promise<void> {
    const refusal = this.#refusal(writes, appliedPosition);
    if (refusal !== undefined) return Promise.reject(refusal);
    this.#committing = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#defer(() => {
      for (const write of writes) this.#write(write);
      this.#memory.appliedPosition = appliedPosition;
      this.#committing = false;
      resolve();
    });
    return promise;
  }

  close(): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #refusal(writes: readonly RowWrite[], appliedPosition: number): Error | undefined {
    if (this.#closed) return new Error("Cannot commit to the store: it is closed");
    if (this.#committing) return new Error("Cannot commit to the store: another commit is under way");
    if (appliedPosition < this.#memory.appliedPosition) {
      return new Error(
        `Cannot commit position ${appliedPosition} to the store: it already reflects ${this.#memory.appliedPosition}`,
      );
    }
    const incomplete = writes.find(
      ({ table, value, columns }) => table === "invocations" && value !== undefined && columns === undefined,
    );
    if (incomplete === undefined) return undefined;
    return new Error(`Cannot store invocation ${incomplete.key}: its columns are missing`);
  }

  #write({ table, key, value, columns }: RowWrite): void {
    const rows = this.#memory.tables.get(table) ?? new Map<string, Row>();
    this.#memory.tables.set(table, rows);
    if (value === undefined ? rows.has(key) : !rows.has(key)) this.#sortedKeys.delete(table);
    if (value === undefined) rows.delete(key);
    else rows.set(key, { value: value.slice(), columns });
  }

  #keys(table: StoreTable): readonly string[] {
    const known = this.#sortedKeys.get(table);
    if (known !== undefined) return known;
    const keys = [...(this.#memory.tables.get(table)?.keys() ?? [])].sort();
    this.#sortedKeys.set(table, keys);
    return keys;
  }

  #invocations(): InvocationHit[] {
    const hits: InvocationHit[] = [];
    for (const [id, { value, columns }] of this.#memory.tables.get("invocations") ?? []) {
      if (columns !== undefined) hits.push({ id, value, columns });
    }
    return hits;
  }
}

function sortKey({ service, handler, status }: InvocationCount): string {
  return `${service}\u0000${handler}\u0000${status}`;
}

function lowerBound(keys: readonly string[], from: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? "") < from) low = middle + 1;
    else high = middle;
  }
  return low;
}
