import type { InvocationColumns, RowWrite, StoreTable } from "./store.ts";

/**
 * Some writes of a commit on their way to the store's thread. Flat arrays, because cloning thousands of small objects would
 * hold up the thread that serves callers; the values lie in one buffer that changes hands, copied once. (They cannot change
 * hands themselves: the tables in memory still answer from them.)
 */
export type PackedWrites = {
  /** Index into `STORE_TABLES`, one for each write. */
  readonly tables: Uint8Array<ArrayBuffer>;
  readonly keys: readonly string[];
  /** Bytes of the value, -1 for a row that is deleted. */
  readonly lengths: Int32Array<ArrayBuffer>;
  readonly values: Uint8Array<ArrayBuffer>;
  /** For each invocation row written: `TEXTS` strings and `NUMBERS` numbers; NaN stands for `undefined`. */
  readonly texts: readonly string[];
  readonly numbers: Float64Array<ArrayBuffer>;
};

export const STORE_TABLES: readonly StoreTable[] = [
  "invocations",
  "journal",
  "objects",
  "inbox",
  "promises",
  "timers",
  "deployments",
  "meta",
];

const TEXTS = 5;
const NUMBERS = 5;

/** A slice of this many writes or bytes is packed without a pause. */
const SLICE_WRITES_MAX = 512;
const SLICE_BYTES_MAX = 1024 * 1024;

/** Cuts the writes into slices, in order. */
export function* sliceWrites(writes: readonly RowWrite[]): Generator<RowWrite[], void, undefined> {
  let slice: RowWrite[] = [];
  let bytes = 0;
  for (const write of writes) {
    slice.push(write);
    bytes += write.value?.length ?? 0;
    if (slice.length < SLICE_WRITES_MAX && bytes < SLICE_BYTES_MAX) continue;
    yield slice;
    slice = [];
    bytes = 0;
  }
  if (slice.length > 0) yield slice;
}

export function packWrites(writes: readonly RowWrite[]): PackedWrites {
  let bytes = 0;
  for (const { value } of writes) bytes += value?.length ?? 0;
  const values = new Uint8Array(bytes);
  const tables = new Uint8Array(writes.length);
  const lengths = new Int32Array(writes.length);
  const keys: string[] = [];
  const texts: string[] = [];
  const numbers: number[] = [];

  let offset = 0;
  for (const [index, { table, key, value, columns }] of writes.entries()) {
    tables[index] = STORE_TABLES.indexOf(table);
    lengths[index] = value?.length ?? -1;
    keys.push(key);
    if (value === undefined) continue;
    values.set(value, offset);
    offset += value.length;
    if (table === "invocations" && columns !== undefined) packColumns(columns, texts, numbers);
  }
  return { tables, keys, lengths, values, texts, numbers: Float64Array.from(numbers) };
}

/** The writes again; the values are views into the buffer. */
export function* unpackWrites(packed: PackedWrites): Generator<RowWrite, void, undefined> {
  let offset = 0;
  let row = 0;
  for (const [index, key] of packed.keys.entries()) {
    const table = STORE_TABLES[packed.tables[index] ?? -1];
    const length = packed.lengths[index];
    if (table === undefined || length === undefined)
      throw new Error(`Cannot unpack write ${index} of the store`);
    if (length < 0) {
      yield { table, key, value: undefined };
      continue;
    }
    const value = packed.values.subarray(offset, offset + length);
    offset += length;
    if (table === "invocations") yield { table, key, value, columns: unpackColumns(packed, row++) };
    else yield { table, key, value };
  }
}

function packColumns(columns: InvocationColumns, texts: string[], numbers: number[]): void {
  const { status, service, handler, key, deployment } = columns;
  const { createdAt, modifiedAt, completedAt, expiresAt, size } = columns;
  texts.push(status, service, handler, key, deployment);
  numbers.push(createdAt, modifiedAt, completedAt ?? Number.NaN, expiresAt ?? Number.NaN, size);
}

function unpackColumns(packed: PackedWrites, row: number): InvocationColumns {
  const [status = "", service = "", handler = "", key = "", deployment = ""] = packed.texts.slice(
    row * TEXTS,
    (row + 1) * TEXTS,
  );
  const [createdAt = 0, modifiedAt = 0, completedAt = 0, expiresAt = 0, size = 0] = packed.numbers.subarray(
    row * NUMBERS,
    (row + 1) * NUMBERS,
  );
  return {
    status,
    service,
    handler,
    key,
    deployment,
    createdAt,
    modifiedAt,
    completedAt: Number.isNaN(completedAt) ? undefined : completedAt,
    expiresAt: Number.isNaN(expiresAt) ? undefined : expiresAt,
    size,
  };
}
