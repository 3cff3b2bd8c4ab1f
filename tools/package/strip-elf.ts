// What Linux executables carry for debuggers only: a seventh of Node's binary.

const MAGIC = 0x7f454c46;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;

/** Offsets in the header of a 64-bit ELF file, and in an entry of its program header table. */
const AT = {
  class: 4,
  byteOrder: 5,
  programHeaders: 32,
  sectionHeaders: 40,
  programHeaderBytes: 54,
  programHeaderCount: 56,
  sectionHeaderCount: 60,
  sectionNames: 62,
  segmentOffset: 8,
  segmentFileBytes: 32,
} as const;

/**
 * Cuts off everything behind the last byte that the loader maps, with the table of sections, which nothing needs to run.
 * Other formats come back unchanged.
 */
export function stripElf(binary: Buffer): Buffer {
  if (binary.readUInt32BE(0) !== MAGIC) return binary;
  if (binary[AT.class] !== CLASS_64 || binary[AT.byteOrder] !== LITTLE_ENDIAN) return binary;

  const table = Number(binary.readBigUInt64LE(AT.programHeaders));
  const entryBytes = binary.readUInt16LE(AT.programHeaderBytes);
  const count = binary.readUInt16LE(AT.programHeaderCount);
  let end = table + count * entryBytes;
  for (let entry = table; entry < table + count * entryBytes; entry += entryBytes) {
    const offset = binary.readBigUInt64LE(entry + AT.segmentOffset);
    const bytes = binary.readBigUInt64LE(entry + AT.segmentFileBytes);
    end = Math.max(end, Number(offset + bytes));
  }

  const stripped = Buffer.from(binary.subarray(0, end));
  stripped.writeBigUInt64LE(0n, AT.sectionHeaders);
  stripped.writeUInt16LE(0, AT.sectionHeaderCount);
  stripped.writeUInt16LE(0, AT.sectionNames);
  return stripped;
}
