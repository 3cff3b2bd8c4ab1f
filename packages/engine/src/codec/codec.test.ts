import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { AssertionFailedError } from "../assert.ts";
import {
  anyDeployment,
  anyInbox,
  anyInvocation,
  anyJournal,
  anyMeta,
  anyObject,
  anyRecord,
  anyText,
  anyTimer,
} from "../testing/any-rows.contract.ts";
import { BinaryReader, BinaryWriter, DecodeError } from "./binary.ts";
import { decodeInvocation, encodeInvocation } from "./invocation-codec.ts";
import { decodeChunk, encodeChunk } from "./journal-codec.ts";
import { decodeRecords, encodeRecord, RecordVersionError } from "./record-codec.ts";
import {
  decodeDeployment,
  decodeInbox,
  decodeMeta,
  decodeObject,
  decodeTimer,
  encodeDeployment,
  encodeInbox,
  encodeMeta,
  encodeObject,
  encodeTimer,
} from "./row-codec.ts";

/** A codec and the values it is for. */
type Codec<Value> = {
  readonly name: string;
  readonly any: fc.Arbitrary<Value>;
  readonly encode: (value: Value) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Value;
};

function codec<Value>(
  name: string,
  any: fc.Arbitrary<Value>,
  encode: (value: Value) => Uint8Array,
  decode: (bytes: Uint8Array) => Value,
): Codec<unknown> {
  return { name, any, encode, decode } as unknown as Codec<unknown>;
}

const CODECS: ReadonlyArray<Codec<unknown>> = [
  codec(
    "records",
    fc.array(anyRecord, { maxLength: 3 }),
    (records) => {
      const writer = new BinaryWriter();
      for (const record of records) encodeRecord(writer, record);
      return writer.take();
    },
    decodeRecords,
  ),
  codec("invocations", anyInvocation, encodeInvocation, decodeInvocation),
  codec("journal chunks", anyJournal, encodeChunk, decodeChunk),
  codec("objects", anyObject, encodeObject, decodeObject),
  codec("inbox entries", anyInbox, encodeInbox, decodeInbox),
  codec("timers", anyTimer, encodeTimer, decodeTimer),
  codec("deployments", anyDeployment, encodeDeployment, decodeDeployment),
  codec("meta rows", anyMeta, encodeMeta, decodeMeta),
];

for (const { name, any, encode, decode } of CODECS) {
  test(`${name} are read as they were written`, () => {
    fc.assert(
      fc.property(any, (value) => assert.deepEqual(decode(encode(value)), value)),
      { numRuns: 200 },
    );
  });

  test(`${name} are written as they were read`, () => {
    fc.assert(
      fc.property(any, (value) => {
        const bytes = encode(value);
        assert.deepEqual(encode(decode(bytes)), bytes);
      }),
      { numRuns: 50 },
    );
  });

  test(`${name} that are cut off, flipped or made up are refused with an error of their own, at once`, () => {
    const edit = fc.record({
      at: fc.nat(),
      byte: fc.nat(255),
      kind: fc.constantFrom("flip", "insert", "remove"),
    });
    fc.assert(
      fc.property(any, fc.array(edit, { minLength: 1, maxLength: 4 }), (value, edits) => {
        const bytes = [...encode(value)];
        for (const { at, byte, kind } of edits) {
          const index = bytes.length === 0 ? 0 : at % bytes.length;
          if (kind === "flip") bytes[index] = (bytes[index] ?? 0) ^ byte;
          else if (kind === "insert") bytes.splice(index, 0, byte);
          else bytes.splice(index, 1);
        }
        readsOrRefuses(decode, Uint8Array.from(bytes));
      }),
      { numRuns: 400, interruptAfterTimeLimit: 5_000 },
    );
    fc.assert(
      fc.property(any, fc.nat(), (value, at) => {
        const bytes = encode(value);
        readsOrRefuses(decode, bytes.subarray(0, bytes.length === 0 ? 0 : at % bytes.length));
      }),
      { numRuns: 100 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        readsOrRefuses(decode, bytes);
        readsOrRefuses(decode, Uint8Array.of(1, ...bytes));
      }),
      { numRuns: 300 },
    );
  });
}

function readsOrRefuses(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    decode(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof RecordVersionError)) throw error;
  }
}

test("a count larger than what follows is refused before anything is made of it", () => {
  const bytes = new BinaryWriter();
  for (const field of [1, 4, 0]) bytes.byte(field); // Version, timers-fired, at.
  bytes.uint(Number.MAX_SAFE_INTEGER);
  assert.throws(() => decodeRecords(bytes.take()), DecodeError);
});

test("records and rows of a newer format are refused, not guessed at", () => {
  assert.throws(() => decodeRecords(Uint8Array.of(2, 0, 0)), RecordVersionError);
  assert.throws(() => decodeRecords(Uint8Array.of(1, 200, 0)), RecordVersionError);
  for (const { name, decode } of CODECS.slice(1)) {
    assert.throws(() => decode(Uint8Array.of(2)), DecodeError, name);
  }
});

test("a record that cannot be written leaves nothing of itself behind", () => {
  const writer = new BinaryWriter();
  const good = { at: 1, body: { kind: "cancel", id: "a" } } as const;
  encodeRecord(writer, good);
  const bad = { at: 2, body: { kind: "reschedule", id: "b", startAt: Number.NaN } } as const;
  assert.throws(() => encodeRecord(writer, bad), AssertionFailedError);
  encodeRecord(writer, good);
  assert.deepEqual(decodeRecords(writer.take()), [good, good]);
});

test("a row that cannot be written leaves nothing of itself behind", () => {
  const bad = { now: 1, nextTimerSeq: -1, epoch: 0, settingsJson: "" };
  assert.throws(() => encodeMeta(bad), AssertionFailedError);
  const good = { ...bad, nextTimerSeq: 1 };
  assert.deepEqual(decodeMeta(encodeMeta(good)), good);
  const [row] = fc.sample(anyInvocation, { numRuns: 1, seed: 1 });
  assert.ok(row !== undefined);
  assert.throws(() => encodeInvocation({ ...row, attempt: -1 }), AssertionFailedError);
  assert.deepEqual(decodeInvocation(encodeInvocation(row)), row);
});

test("a number that is no whole one is refused instead of rounded", () => {
  const writer = new BinaryWriter();
  for (const value of [0.5, 2 ** 31 + 0.5, Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 53]) {
    assert.throws(() => writer.uint(value), AssertionFailedError, String(value));
  }
});

test("any text and any whole number come back, wherever the writer has to grow", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(anyText, fc.maxSafeNat()), { maxLength: 300 }), (values) => {
      const writer = new BinaryWriter();
      for (const value of values) {
        if (typeof value === "string") writer.string(value);
        else writer.uint(value);
      }
      const reader = new BinaryReader(writer.take());
      for (const value of values)
        assert.equal(typeof value === "string" ? reader.string() : reader.uint(), value);
      assert.ok(reader.done);
    }),
    { numRuns: 50 },
  );
});

test("what is taken from a shared block stays as it was, whatever is written later", () => {
  const writer = new BinaryWriter();
  const sizes = fc.array(fc.oneof(fc.nat(40), fc.nat(20_000)), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const pieces = lengths.map((length, index) => {
        writer.raw(new Uint8Array(length).fill(index));
        return writer.takeShared();
      });
      for (const [index, piece] of pieces.entries())
        assert.deepEqual(piece, new Uint8Array(lengths[index] ?? 0).fill(index));
    }),
    { numRuns: 50 },
  );
});

test("a row that has a state key twice is refused: what it counts would not be what it holds", () => {
  const key = (text: string): number[] => [text.length, ...Buffer.from(text), 1, 7];
  const row = (...keys: readonly string[]): Uint8Array =>
    Uint8Array.of(1, 0, 0, 0, 0, keys.length, ...keys.flatMap(key), 1, 0, 0);
  assert.equal(decodeObject(row("a", "b")).stateBytes, 4);
  assert.throws(() => decodeObject(row("a", "a")), DecodeError);
});
