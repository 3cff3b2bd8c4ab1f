/** The buffers of one column of a record batch. */
import type { Cell } from "../cell.ts";
import type { ResultType } from "../result-column.ts";

export type ColumnBuffers = {
  /** Length and number of nulls, of the column and of what is in its lists. */
  readonly nodes: ReadonlyArray<{ readonly length: number; readonly nulls: number }>;
  readonly buffers: readonly Uint8Array[];
};

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

export function columnBuffers(type: ResultType, cells: readonly Cell[]): ColumnBuffers {
  const nulls = cells.filter((cell) => cell === null).length;
  const validity = nulls === 0 ? NOTHING : bitmap(cells.length, (index) => cells[index] !== null);
  const node = { length: cells.length, nulls };
  if (type === "integers" || type === "texts") {
    const lists = cells.map((cell) => (cell === null ? [] : (JSON.parse(String(cell)) as unknown[])));
    const elements = lists.flat().map((element) => elementCell(element));
    const inner = columnBuffers(type === "integers" ? "integer" : "text", elements);
    const offsets = offsetsOf(lists.map(({ length }) => length));
    return { nodes: [node, ...inner.nodes], buffers: [validity, offsets, ...inner.buffers] };
  }
  return { nodes: [node], buffers: [validity, ...valueBuffers(type, cells)] };
}

function elementCell(element: unknown): Cell {
  return typeof element === "number" ? BigInt(element) : String(element);
}

function valueBuffers(
  type: Exclude<ResultType, "integers" | "texts">,
  cells: readonly Cell[],
): readonly Uint8Array[] {
  switch (type) {
    case "text":
      return bytesBuffers(cells.map((cell) => (cell === null ? NOTHING : encoder.encode(textOf(cell)))));
    case "binary":
      return bytesBuffers(cells.map((cell) => (cell instanceof Uint8Array ? cell : NOTHING)));
    case "boolean":
      return [bitmap(cells.length, (index) => cells[index] === 1n)];
    case "integer":
      return [bytesOf(Uint32Array.from(cells, (cell) => Number(cell ?? 0)))];
    case "float":
      return [bytesOf(Float64Array.from(cells, (cell) => Number(cell ?? 0)))];
    case "whole":
    case "unsigned":
      return [bytesOf(BigInt64Array.from(cells, (cell) => (typeof cell === "bigint" ? cell : 0n)))];
    case "instant":
      return [
        bytesOf(BigInt64Array.from(cells, (cell) => BigInt(cell === null ? 0 : Date.parse(String(cell))))),
      ];
    case "duration":
      return [
        bytesOf(BigInt64Array.from(cells, (cell) => BigInt(cell === null ? 0 : durationMs(String(cell))))),
      ];
  }
}

export function textOf(cell: Exclude<Cell, null>): string {
  return cell instanceof Uint8Array ? Buffer.from(cell).toString("hex") : String(cell);
}

/** The counterpart of `durationCell`. */
function durationMs(text: string): number {
  return Math.round(Number(text.slice(2, -1)) * 1_000);
}

function bytesBuffers(values: readonly Uint8Array[]): readonly Uint8Array[] {
  return [offsetsOf(values.map(({ length }) => length)), Buffer.concat(values)];
}

function offsetsOf(lengths: readonly number[]): Uint8Array {
  const offsets = new Int32Array(lengths.length + 1);
  for (const [index, length] of lengths.entries()) offsets[index + 1] = (offsets[index] ?? 0) + length;
  return bytesOf(offsets);
}

function bitmap(length: number, isSet: (index: number) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(length / 8));
  for (let index = 0; index < length; index++) {
    if (isSet(index)) bits[index >> 3] = (bits[index >> 3] ?? 0) | (1 << (index & 7));
  }
  return bits;
}

/** In the byte order of this machine, which is little-endian wherever Node runs. */
function bytesOf(numbers: {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}) {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
