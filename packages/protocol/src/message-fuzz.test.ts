import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { anyMessage } from "./message-arbitrary.contract.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { MessageType } from "./message.ts";
import { ProtocolError } from "./protocol-error.ts";

const anyType = fc.oneof(fc.constantFrom(...Object.values(MessageType)), fc.nat(0xffff));

test("any bytes give a message or a ProtocolError", () => {
  fc.assert(
    fc.property(anyType, fc.uint8Array({ maxLength: 200 }), (type, body) => decodesOrRefuses(type, body)),
    { numRuns: 2000 },
  );
});

test("bytes that look like fields give a message or a ProtocolError", () => {
  const field = fc
    .tuple(
      fc.constantFrom(1, 2, 3, 4, 5, 6, 10, 11, 12, 14, 15, 16, 17),
      fc.constantFrom(0, 1, 2, 5),
      fc.uint8Array({ maxLength: 12 }),
    )
    .map(([number, wireType, content]) => fieldBytes(number, wireType, content));
  const body = fc.array(field, { maxLength: 8 }).map((fields) => Uint8Array.from(fields.flat()));
  fc.assert(
    fc.property(anyType, body, (type, bytes) => decodesOrRefuses(type, bytes)),
    { numRuns: 2000 },
  );
});

test("messages with flipped, inserted and missing bytes give a message or a ProtocolError", () => {
  const edit = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom("flip", "insert", "remove"),
    byte: fc.nat(255),
  });
  fc.assert(
    fc.property(anyMessage, fc.array(edit, { minLength: 1, maxLength: 4 }), (message, edits) => {
      const bytes = [...encodeMessage(message)];
      for (const { at, byte, kind } of edits) {
        const index = bytes.length === 0 ? 0 : at % bytes.length;
        if (kind === "flip") bytes[index] = (bytes[index] ?? 0) ^ byte;
        else if (kind === "insert") bytes.splice(index, 0, byte);
        else bytes.splice(index, 1);
      }
      decodesOrRefuses(message.type, Uint8Array.from(bytes));
    }),
    { numRuns: 2000 },
  );
});

test("a message cut off anywhere gives a message or a ProtocolError", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const body = encodeMessage(message);
      for (let length = 0; length < body.length; length++)
        decodesOrRefuses(message.type, body.subarray(0, length));
    }),
  );
});

/** What is decoded must be a message we can encode again, and that stays what it is. */
function decodesOrRefuses(type: number, body: Uint8Array): void {
  try {
    const message = decodeMessage(type, body);
    assert.equal(message.type, type);
    assert.deepEqual(decodeMessage(type, encodeMessage(message)), message);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

function fieldBytes(number: number, wireType: number, content: Uint8Array): number[] {
  const tag =
    number >= 16 ? [((number << 3) & 127) | wireType | 128, number >> 4] : [(number << 3) | wireType];
  switch (wireType) {
    case 0:
      return [...tag, content.length];
    case 2:
      return [...tag, content.length, ...content];
    default:
      return [...tag, ...new Uint8Array(wireType === 1 ? 8 : 4)];
  }
}
