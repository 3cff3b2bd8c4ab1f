import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { crc32 } from "node:zlib";

import fc from "fast-check";

import {
  alignUp,
  decodeFrame,
  decodeHeader,
  encodeFrame,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  frameBytes,
  type FrameHeader,
} from "./frame.ts";

const NONCE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

const header = fc.record<FrameHeader>({
  kind: fc.constantFrom("batch", "seal"),
  position: fc.maxSafeNat(),
  epoch: fc.maxSafeNat(),
  durable: fc.maxSafeNat(),
  payloadBytes: fc.constant(0),
});
const payload = fc.uint8Array({ maxLength: 1500 });

function encode(values: FrameHeader, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(frameBytes(content.length));
  bytes.set(content, FRAME_HEADER_BYTES);
  encodeFrame(bytes, 0, { ...values, payloadBytes: content.length }, NONCE, crc32);
  return bytes;
}

describe("a frame", () => {
  it("is read as it was written, wherever it lies", () => {
    fc.assert(
      fc.property(header, payload, fc.nat(5), (values, content, slot) => {
        const frame = encode(values, content);
        const bytes = new Uint8Array(slot * FRAME_ALIGNMENT + frame.length + 100).fill(0xaa);
        bytes.set(frame, slot * FRAME_ALIGNMENT);
        const result = decodeFrame(bytes, slot * FRAME_ALIGNMENT, NONCE, crc32);
        assert.ok(result.kind === "frame");
        assert.deepEqual(result.header, { ...values, payloadBytes: content.length });
        assert.deepEqual(result.payload, content);
      }),
    );
  });

  it("takes a multiple of the sector, padding included", () => {
    assert.equal(frameBytes(0), 512);
    assert.equal(frameBytes(444), 512);
    assert.equal(frameBytes(445), 1024);
    assert.equal(alignUp(0), 0);
    assert.equal(alignUp(513), 1024);
  });

  it("gives a result for any bytes, at any offset, and does not throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(400), (bytes, offset) => {
        assert.equal(decodeFrame(bytes, offset, NONCE, crc32).kind, "torn");
      }),
    );
  });

  it("gives a result for bytes that look like a frame", () => {
    fc.assert(
      fc.property(
        header,
        payload,
        fc.array(fc.tuple(fc.nat(), fc.nat(255))),
        fc.nat(),
        (values, content, edits, cut) => {
          const bytes = encode(values, content);
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          const part = bytes.subarray(0, cut % (bytes.length + 1));
          assert.ok(
            ["frame", "torn", "foreign", "unsupported"].includes(decodeFrame(part, 0, NONCE, crc32).kind),
          );
        },
      ),
    );
  });

  it("with one changed byte is never taken for a frame with other contents", () => {
    fc.assert(
      fc.property(header, payload, fc.integer({ min: 1, max: 255 }), (values, content, mask) => {
        const bytes = encode(values, content);
        const end = FRAME_HEADER_BYTES + content.length + 4;
        for (let at = 0; at < bytes.length; at++) {
          bytes[at] = (bytes[at] ?? 0) ^ mask;
          const kind = decodeFrame(bytes, 0, NONCE, crc32).kind;
          // Behind the frame lies padding, which means nothing.
          assert.equal(kind, at < end ? "torn" : "frame", `byte ${at}`);
          bytes[at] = (bytes[at] ?? 0) ^ mask;
        }
      }),
      { numRuns: 20 },
    );
  });

  it("cut off anywhere is torn", () => {
    const bytes = encode(
      { kind: "batch", position: 3, epoch: 1, durable: 2, payloadBytes: 0 },
      new Uint8Array(700),
    );
    for (let length = 0; length < FRAME_HEADER_BYTES + 700 + 4; length++) {
      assert.equal(decodeFrame(bytes.subarray(0, length), 0, NONCE, crc32).kind, "torn");
    }
  });

  it("of another segment is foreign, however intact", () => {
    const bytes = encode(
      { kind: "batch", position: 3, epoch: 1, durable: 2, payloadBytes: 0 },
      new Uint8Array(7),
    );
    assert.equal(decodeFrame(bytes, 0, NONCE.toReversed(), crc32).kind, "foreign");
  });

  it("of another version or kind is reported as such, not as damage", () => {
    for (const [at, value] of [
      [4, 2],
      [5, 9],
    ] as const) {
      const bytes = encode(
        { kind: "batch", position: 3, epoch: 1, durable: 2, payloadBytes: 0 },
        new Uint8Array(7),
      );
      bytes[at] = value;
      new DataView(bytes.buffer).setUint32(60, crc32(bytes.subarray(0, 60)), true);
      const version = at === 4 ? 2 : 1;
      assert.deepEqual(decodeHeader(bytes, 0, NONCE, crc32), { kind: "unsupported", version });
    }
  });

  it("that claims to be longer than what is there is torn before anything is allocated for it", () => {
    const bytes = encode(
      { kind: "batch", position: 3, epoch: 1, durable: 2, payloadBytes: 0 },
      new Uint8Array(7),
    );
    const view = new DataView(bytes.buffer);
    for (const length of [8, 444, 445, 0x4000_0000, 0xffff_ffff]) {
      view.setUint32(8, length, true);
      view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
      assert.equal(decodeFrame(bytes, 0, NONCE, crc32).kind, "torn");
    }
  });

  it("with a number that JavaScript cannot hold is torn", () => {
    for (const field of [16, 24, 32]) {
      const bytes = encode(
        { kind: "batch", position: 3, epoch: 1, durable: 2, payloadBytes: 0 },
        new Uint8Array(7),
      );
      new DataView(bytes.buffer).setUint32(field + 4, 0x0020_0000, true);
      new DataView(bytes.buffer).setUint32(60, crc32(bytes.subarray(0, 60)), true);
      assert.equal(decodeFrame(bytes, 0, NONCE, crc32).kind, "torn");
    }
  });
});
