/**
 * A result as an Arrow IPC stream: a message with the schema, one for each batch of rows, and a mark at the end. Format:
 * https://arrow.apache.org/docs/format/Columnar.html, metadata version 5.
 */
import type { Cell } from "../cell.ts";
import type { ResultColumn, ResultType } from "../result-column.ts";
import { columnBuffers } from "./arrow-column.ts";
import { FlatBuilder, type FlatField, type Place } from "./flat-builder.ts";

export const ARROW_STREAM_TYPE = "application/vnd.apache.arrow.stream";

const METADATA_VERSION_5 = 4;
const HEADER_SCHEMA = 1;
const HEADER_RECORD_BATCH = 3;
const TYPE = {
  int: 2,
  float: 3,
  binary: 4,
  text: 5,
  boolean: 6,
  timestamp: 10,
  list: 12,
  duration: 18,
} as const;
const UNIT_MILLISECOND = 1;
const PRECISION_DOUBLE = 2;
const ALIGNMENT = 8;
/** Begins every message. */
const CONTINUATION = 0xffffffff;

export function schemaMessage(columns: readonly ResultColumn[]): Uint8Array {
  const builder = new FlatBuilder();
  const fields = columns.map(({ name, type }) => fieldOf(builder, name, type));
  const schema = builder.table([undefined, reference(builder.places(fields))]);
  return message(builder, { type: HEADER_SCHEMA, header: schema }, []);
}

export function batchMessage(
  columns: readonly ResultColumn[],
  rows: ReadonlyArray<readonly Cell[]>,
): Uint8Array {
  const parts = columns.map(({ type }, index) =>
    columnBuffers(
      type,
      rows.map((row) => row[index] ?? null),
    ),
  );
  const buffers = parts.flatMap((part) => part.buffers);
  let offset = 0;
  const places = buffers.map(({ length }) => {
    const place = [BigInt(offset), BigInt(length)];
    offset += padded(length);
    return place;
  });
  const nodes = parts.flatMap((part) => part.nodes);
  const builder = new FlatBuilder();
  const nodeList = builder.structs(nodes.map(({ length, nulls }) => [BigInt(length), BigInt(nulls)]));
  const bufferList = builder.structs(places);
  const batch = builder.table([
    { kind: "int64", value: BigInt(rows.length) },
    reference(nodeList),
    reference(bufferList),
  ]);
  return message(builder, { type: HEADER_RECORD_BATCH, header: batch }, buffers);
}

export function endOfStream(): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setUint32(0, CONTINUATION, true);
  return bytes;
}

function message(
  builder: FlatBuilder,
  { type, header }: { readonly type: number; readonly header: Place },
  body: readonly Uint8Array[],
): Uint8Array {
  const bodyBytes = body.reduce((sum, { length }) => sum + padded(length), 0);
  const root = builder.table([
    { kind: "int16", value: METADATA_VERSION_5 },
    { kind: "uint8", value: type },
    reference(header),
    { kind: "int64", value: BigInt(bodyBytes) },
  ]);
  const metadata = builder.finish(root);
  const metadataBytes = padded(metadata.length);
  const bytes = new Uint8Array(8 + metadataBytes + bodyBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, CONTINUATION, true);
  view.setInt32(4, metadataBytes, true);
  bytes.set(metadata, 8);
  let at = 8 + metadataBytes;
  for (const buffer of body) {
    bytes.set(buffer, at);
    at += padded(buffer.length);
  }
  return bytes;
}

function fieldOf(builder: FlatBuilder, name: string, type: ResultType): Place {
  const children = type === "integers" ? "integer" : type === "texts" ? "text" : undefined;
  const child = children === undefined ? undefined : builder.places([fieldOf(builder, "item", children)]);
  const { number, table } = typeOf(builder, type);
  return builder.table([
    reference(builder.string(name)),
    { kind: "bool", value: true },
    { kind: "uint8", value: number },
    reference(table),
    undefined,
    child === undefined ? reference(builder.places([])) : reference(child),
  ]);
}

function typeOf(builder: FlatBuilder, type: ResultType): { readonly number: number; readonly table: Place } {
  const int = (bits: number, isSigned: boolean): Place =>
    builder.table([
      { kind: "int32", value: bits },
      { kind: "bool", value: isSigned },
    ]);
  switch (type) {
    case "text":
      return { number: TYPE.text, table: builder.table([]) };
    case "binary":
      return { number: TYPE.binary, table: builder.table([]) };
    case "boolean":
      return { number: TYPE.boolean, table: builder.table([]) };
    case "integer":
      return { number: TYPE.int, table: int(32, false) };
    case "unsigned":
      return { number: TYPE.int, table: int(64, false) };
    case "whole":
      return { number: TYPE.int, table: int(64, true) };
    case "float":
      return { number: TYPE.float, table: builder.table([{ kind: "int16", value: PRECISION_DOUBLE }]) };
    case "instant": {
      const zone = builder.string("UTC");
      return {
        number: TYPE.timestamp,
        table: builder.table([{ kind: "int16", value: UNIT_MILLISECOND }, reference(zone)]),
      };
    }
    case "duration":
      return { number: TYPE.duration, table: builder.table([{ kind: "int16", value: UNIT_MILLISECOND }]) };
    case "integers":
    case "texts":
      return { number: TYPE.list, table: builder.table([]) };
  }
}

function reference(place: Place): FlatField {
  return { kind: "place", value: place };
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
