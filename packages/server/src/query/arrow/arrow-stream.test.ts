/** Arrow streams as a reader of somebody else takes them. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { tableFromIPC } from "@uwdata/flechette";
import fc from "fast-check";

import type { Cell } from "../cell.ts";
import type { ResultColumn, ResultType } from "../result-column.ts";
import { batchMessage, endOfStream, schemaMessage } from "./arrow-stream.ts";

const UINT64 = 2n ** 64n;

/** How values of each type are made, and what the reader gives back for them. */
const TYPES: Readonly<
  Record<
    ResultType,
    { readonly cell: fc.Arbitrary<Exclude<Cell, null>>; readonly read: (cell: Cell) => unknown }
  >
> = {
  text: { cell: fc.string({ unit: "binary" }).map((text) => text.toWellFormed()), read: (cell) => cell },
  integer: { cell: fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }), read: Number },
  unsigned: {
    cell: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    read: (cell) => ((cell as bigint) + UINT64) % UINT64,
  },
  whole: { cell: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), read: (cell) => cell },
  boolean: { cell: fc.constantFrom(0n, 1n), read: (cell) => cell === 1n },
  instant: {
    cell: fc.integer({ min: 0, max: 253_402_300_799_999 }).map((at) => new Date(at).toISOString()),
    read: (cell) => Date.parse(String(cell)),
  },
  duration: {
    cell: fc.nat({ max: 10 ** 12 }).map((ms) => `PT${ms / 1_000}S`),
    read: (cell) => BigInt(Math.round(Number(String(cell).slice(2, -1)) * 1_000)),
  },
  binary: { cell: fc.uint8Array({ maxLength: 20 }), read: (cell) => [...(cell as Uint8Array)] },
  float: { cell: fc.double({ noNaN: true }), read: (cell) => cell },
  integers: {
    cell: fc.array(fc.nat(), { maxLength: 4 }).map((list) => JSON.stringify(list)),
    read: (cell) => JSON.parse(String(cell)) as unknown,
  },
  texts: {
    cell: fc.array(fc.string(), { maxLength: 4 }).map((list) => JSON.stringify(list)),
    read: (cell) => JSON.parse(String(cell)) as unknown,
  },
};

function streamOf(
  columns: readonly ResultColumn[],
  batches: ReadonlyArray<ReadonlyArray<readonly Cell[]>>,
): Uint8Array {
  return Buffer.concat([
    schemaMessage(columns),
    ...batches.map((rows) => batchMessage(columns, rows)),
    endOfStream(),
  ]);
}

function readBack(value: unknown): unknown {
  return ArrayBuffer.isView(value) || Array.isArray(value) ? [...(value as Iterable<unknown>)] : value;
}

test("a reader of somebody else finds every name, type and value, whatever they are", () => {
  const column = fc
    .record({
      name: fc.string({ maxLength: 12 }).map((text) => text.toWellFormed()),
      type: fc.constantFrom(...(Object.keys(TYPES) as ResultType[])),
      rows: fc.nat({ max: 20 }),
    })
    .chain(({ name, type }) =>
      fc.record({
        name: fc.constant(name),
        type: fc.constant(type),
        cells: fc.array(fc.option(TYPES[type].cell), { minLength: 20, maxLength: 20 }),
      }),
    );
  const given = fc.record({
    columns: fc.uniqueArray(column, { maxLength: 6, selector: ({ name }) => name }),
    lengths: fc.array(fc.nat({ max: 7 }), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(given, ({ columns, lengths }) => {
      let at = 0;
      const rowAt = (index: number): Cell[] => columns.map(({ cells }) => cells[index] ?? null);
      const batches = lengths.map((length) => Array.from({ length }, () => rowAt(at++)));
      const table = tableFromIPC(streamOf(columns, batches), { useBigInt: true });
      assert.deepEqual(
        table.schema.fields.map(({ name }) => name),
        columns.map(({ name }) => name),
      );
      for (const [index, { type, cells }] of columns.entries()) {
        const expected = cells.slice(0, at).map((cell) => (cell === null ? null : TYPES[type].read(cell)));
        const found =
          lengths.length === 0 ? [] : [...(table.getChildAt(index) as Iterable<unknown>)].map(readBack);
        assert.deepEqual(found, expected, type);
      }
    }),
    { numRuns: 300 },
  );
});

test("the types are those of Restate's tables", () => {
  const columns = Object.keys(TYPES).map((type) => ({ name: type, type: type as ResultType }));
  const { schema } = tableFromIPC(streamOf(columns, [[columns.map(() => null)]]));
  const types = Object.fromEntries(
    schema.fields.map(({ name, type: { typeId, ...rest } }) => {
      const { bitWidth, signed, unit, timezone, precision } = rest as Readonly<Record<string, unknown>>;
      return [
        name,
        [typeId, bitWidth, signed, unit, timezone, precision].filter((each) => each !== undefined),
      ];
    }),
  );
  assert.deepEqual(types, {
    text: [5],
    integer: [2, 32, false],
    unsigned: [2, 64, false],
    whole: [2, 64, true],
    boolean: [6],
    instant: [10, 1, "UTC"],
    duration: [18, 1],
    binary: [4],
    float: [3, 2],
    integers: [12],
    texts: [12],
  });
});
