/** The rows of the checkpoint store, and how they travel to its thread. */
import { isDeepStrictEqual } from "node:util";

import { DecodeError } from "@holdfast/engine";
import * as engine from "@holdfast/engine/parts";
import {
  chunkName,
  packWrites,
  PLACE_BITS,
  sliceWrites,
  STORE_TABLES,
  unpackWrites,
  type RowWrite,
} from "@holdfast/server/parts";

import { ByteSource } from "../engine/byte-source.ts";
import { refusedOr, require, type Target } from "../engine/target.ts";

type Row = { readonly what: string; readonly check: (value: Uint8Array) => void };

function row<T>(what: string, decode: (value: Uint8Array) => T, encode: (value: T) => Uint8Array): Row {
  return {
    what,
    check(value) {
      const decoded = refusedOr([DecodeError], () => decode(value));
      if (decoded === undefined) return;
      const again = encode(decoded).slice();
      require(isDeepStrictEqual(
        decode(again),
        decoded,
      ), `${what} reads otherwise when written again`, decoded);
    },
  };
}

/** The first byte of an input says which. */
const rows: readonly Row[] = [
  row("an invocation", engine.decodeInvocation, engine.encodeInvocation),
  row("a chunk of a journal", engine.decodeChunk, engine.encodeChunk),
  row("an object", engine.decodeObject, engine.encodeObject),
  row("an inbox entry", engine.decodeInbox, engine.encodeInbox),
  row("a timer", engine.decodeTimer, engine.encodeTimer),
  row("a deployment", engine.decodeDeployment, engine.encodeDeployment),
  row("the meta row", engine.decodeMeta, engine.encodeMeta),
  { what: "a chunk's key", check: (value) => checkChunkKey(Buffer.from(value).toString("latin1")) },
  { what: "packed writes", check: checkPacked },
];

/** Decoding the key back gives the key, or another key of the same chunk: never one of another chunk. */
function checkChunkKey(key: string): void {
  let name: ReturnType<typeof chunkName>;
  try {
    name = chunkName(key);
  } catch (error) {
    require(error instanceof Error &&
      error.message.startsWith("Not the key"), "another error than expected", error);
    return;
  }
  require(name.id !== "" && key.startsWith(`${name.id}/`), "the id is not the beginning of the key", key);
  require(Number.isInteger(name.first) && name.first >= 0 && name.first < 2 ** PLACE_BITS, "no place", key);
}

function checkPacked(value: Uint8Array): void {
  const source = new ByteSource(value);
  const writes: RowWrite[] = [];
  while (!source.isEmpty && writes.length < 2_000) writes.push(writeOf(source));
  const back = [...sliceWrites(writes)].flatMap((slice) => [...unpackWrites(packWrites(slice))]);
  const same = back.every((write, index) => sameWrite(write, writes[index]));
  require(back.length === writes.length && same, "writes arrive otherwise than they were sent", writes);
}

function writeOf(source: ByteSource): RowWrite {
  const kind = source.byte();
  const table = STORE_TABLES[kind % STORE_TABLES.length] ?? "meta";
  const key = source.text();
  if (kind > 200) return { table, key, value: undefined };
  const content = source.bytes();
  if (table !== "invocations") return { table, key, value: content };
  const columns = {
    status: source.text(),
    service: source.text(),
    handler: "",
    key,
    deployment: "",
    createdAt: source.uint16(),
    modifiedAt: source.uint16(),
    completedAt: source.byte() < 128 ? undefined : source.uint16(),
    expiresAt: source.byte() < 128 ? undefined : source.uint16(),
    size: source.uint16(),
  };
  return { table, key, value: content, columns };
}

function sameWrite(a: RowWrite, b: RowWrite | undefined): boolean {
  const plain = (write: RowWrite | undefined): unknown => ({
    ...write,
    value: write?.value === undefined ? undefined : Buffer.from(write.value).toString("hex"),
  });
  return isDeepStrictEqual(plain(a), plain(b));
}

function run(input: Uint8Array): void {
  rows[(input[0] ?? 0) % rows.length]?.check(input.subarray(1));
}

const text = (value: string): number[] => [value.length, ...Buffer.from(value)];

const seeds: ReadonlyArray<readonly number[]> = [
  // An invocation that was just created, in the order of its fields.
  [
    0,
    1,
    ...text("inv_1"),
    ...text("S"),
    ...text("h"),
    ...text("k"),
    1,
    0,
    0,
    0,
    7,
    0,
    1,
    1,
    2,
    0,
    0,
    0,
    1,
    ...text("dp"),
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    1,
    1,
    9,
    1,
    0,
  ],
  [1, 2, 2, 0x80, 8, 5, 1, 2 | (2 << 2), ...text("dp_1"), 2, 1, 2, 0x81, 8, 1, 1, 1 | (1 << 2), 1, 9],
  [1, 1, 1, 0x80, 8, 5, 1, 0, ...text("dp_1"), ...text("handler"), 2, 1, 2],
  [
    2,
    1,
    1,
    ...text("inv_1"),
    0,
    3,
    3,
    1,
    ...text("n"),
    1,
    49,
    4,
    0,
    1,
    ...text("go"),
    1,
    2,
    0x84,
    4,
    ...text("no"),
    0,
    9,
    1,
    ...text("i"),
    3,
  ],
  [3, 1, ...text("inv_1")],
  [4, 1, 2, ...text("inv_1"), 7],
  [
    5,
    1,
    ...text("dp_1"),
    ...text("http://a"),
    ...text("{}"),
    9,
    ...text("{}"),
    ...text("{}"),
    ...text("{}"),
    0,
  ],
  [6, 1, 9, 8, 7, ...text("{}")],
  [7, ...Buffer.from("inv_1abc/000000012")],
  [8, 1, 1, 0, 107, 2, 0, 1, 2, 3],
];

export const storeRows: Target = {
  name: "store-rows",
  decodes: "rows of every table of the checkpoint store, keys of journal chunks, packed writes",
  seeds: () => seeds.map((seed) => Uint8Array.from(seed)),
  tokens: [
    "\xff\xff\xff\xff\xff\xff\xff\x0f",
    "\x80\x80\x80\x80\x10",
    "\x01\x02",
    "\x02dp",
    "{}",
    "/",
    "-1",
    "1e9",
    "\xed\xa0\x80",
  ],
  run,
};
