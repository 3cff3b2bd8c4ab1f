import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { hashBytes } from "./hash.ts";

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 37 + length) % 256);
}

describe("the hash of bytes", () => {
  it("is the same wherever the bytes lie", () => {
    for (let length = 0; length < 40; length++) {
      const bytes = bytesOf(length);
      const elsewhere = new Uint8Array(length + 8);
      for (let offset = 0; offset < 8; offset++) {
        elsewhere.fill(0xff).set(bytes, offset);
        assert.equal(hashBytes(elsewhere.subarray(offset, offset + length)), hashBytes(bytes));
      }
    }
  });

  it("is another for any other byte and any other length", () => {
    const seen = new Set<number>();
    let count = 0;
    for (let length = 0; length < 40; length++) {
      seen.add(hashBytes(bytesOf(length)));
      count += 1;
      for (let at = 0; at < length; at++) {
        for (const change of [1, 0x80]) {
          const changed = bytesOf(length);
          changed[at] = (changed[at] ?? 0) ^ change;
          seen.add(hashBytes(changed));
          count += 1;
        }
      }
    }
    assert.equal(seen.size, count);
  });

  it("stays what it is: it is compared with hashes that were stored", () => {
    assert.deepEqual(
      [hashBytes(new Uint8Array(0)), hashBytes(bytesOf(3)), hashBytes(bytesOf(64))],
      [5197456190800619, 8805591162578, 8589391040616242],
    );
  });
});
