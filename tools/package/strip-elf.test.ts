import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { stripElf } from "./strip-elf.ts";

const HEADER_BYTES = 64;
const ENTRY_BYTES = 56;
const SEGMENT_END = 1_000;

/** A header, two segments of which the first ends last, then bytes that no segment holds. */
function elf(): Buffer {
  const file = Buffer.alloc(SEGMENT_END + 500, 0xee);
  file.fill(0, 0, HEADER_BYTES + 2 * ENTRY_BYTES);
  file.write("\x7fELF\x02\x01", "latin1");
  file.writeBigUInt64LE(BigInt(HEADER_BYTES), 32);
  file.writeBigUInt64LE(1_200n, 40);
  file.writeUInt16LE(ENTRY_BYTES, 54);
  file.writeUInt16LE(2, 56);
  file.writeUInt16LE(42, 60);
  file.writeUInt16LE(41, 62);
  for (const [index, [offset, bytes]] of [[400, SEGMENT_END - 400] as const, [200, 100] as const].entries()) {
    const entry = HEADER_BYTES + index * ENTRY_BYTES;
    file.writeBigUInt64LE(BigInt(offset), entry + 8);
    file.writeBigUInt64LE(BigInt(bytes), entry + 32);
  }
  return file;
}

describe("stripElf", () => {
  it("keeps what is mapped and drops the rest with the table that names it", () => {
    const file = elf();
    const stripped = stripElf(file);
    assert.equal(stripped.length, SEGMENT_END);
    assert.equal(stripped.readBigUInt64LE(40), 0n);
    assert.deepEqual([stripped.readUInt16LE(60), stripped.readUInt16LE(62)], [0, 0]);
    assert.deepEqual(stripped.subarray(64), file.subarray(64, SEGMENT_END));
    assert.equal(file.readUInt16LE(60), 42, "the original is left alone");
  });

  it("leaves other formats alone", () => {
    const machO = Buffer.from("cffaedfe0c000001", "hex");
    assert.equal(stripElf(machO), machO);
    const elf32 = elf();
    elf32[4] = 1;
    assert.equal(stripElf(elf32), elf32);
  });
});
