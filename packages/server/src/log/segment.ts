import { FRAME_ALIGNMENT, NONCE_BYTES, SEAL_BYTES, getUint53, setUint53, type Crc32 } from "./frame.ts";

/**
 * The segment: one file of the log. Its first 512 bytes are the header below, then frames follow, then zeros up to its end.
 * Format 1, little-endian:
 *
 *     0  magic "HFSG"            32  epoch, 8 bytes
 *     4  version, 1 byte         40  durable position when the segment was made, 8 bytes
 *     5  zero, 1 byte            48  capacity: size of the file in bytes, 8 bytes
 *     6  header length, 2 bytes  56  nonce, 8 bytes
 *     8  sequence, 8 bytes       64  zero, 4 bytes
 *    16  previous, 8 bytes       68  crc32 of the header up to here
 *    24  first position, 8
 *
 * A file gets its segment name only when its header, and what it holds by then, are durable. So a segment file with a bad
 * header is damage, never an unfinished write.
 *
 * History: 1 = first version.
 */
export const SEGMENT_VERSION = 1;
export const SEGMENT_HEADER_BYTES: number = FRAME_ALIGNMENT;

/** The smallest segment: a header, one small frame and the room kept for a seal. */
export const SEGMENT_BYTES_MIN: number = SEGMENT_HEADER_BYTES + FRAME_ALIGNMENT + SEAL_BYTES;
export const SEGMENT_BYTES_DEFAULT: number = 64 * 1024 * 1024;

/** Size of the segment that an opened log starts with: filled while the server waits, and left behind at each restart. */
export const OPENING_BYTES: number = 1024 * 1024;

const MAGIC = 0x47534648;
const ENCODED_BYTES = 72;
const HEADER_BYTES_MAX = 512;

export type SegmentHeader = {
  /** Number of this file among all that the log ever made. */
  readonly sequence: number;
  /** Sequence of the segment that holds the positions before; 0 for the first of all. */
  readonly previous: number;
  readonly firstPosition: number;
  readonly epoch: number;
  /** Positions up to this one were durable, here or in earlier segments, before the file got its name. */
  readonly durable: number;
  readonly capacity: number;
  readonly nonce: Uint8Array;
};

export type SegmentHeaderResult =
  | { readonly kind: "header"; readonly header: SegmentHeader }
  | { readonly kind: "damaged" }
  | { readonly kind: "unsupported"; readonly version: number };

export function encodeSegmentHeader(header: SegmentHeader, crc32: Crc32): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, SEGMENT_VERSION);
  view.setUint16(6, ENCODED_BYTES, true);
  setUint53(view, 8, header.sequence);
  setUint53(view, 16, header.previous);
  setUint53(view, 24, header.firstPosition);
  setUint53(view, 32, header.epoch);
  setUint53(view, 40, header.durable);
  setUint53(view, 48, header.capacity);
  bytes.set(header.nonce, 56);
  view.setUint32(68, crc32(bytes.subarray(0, 68)), true);
  return bytes;
}

/** Any bytes give a result. */
export function decodeSegmentHeader(bytes: Uint8Array, crc32: Crc32): SegmentHeaderResult {
  if (bytes.length < ENCODED_BYTES) return { kind: "damaged" };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) return { kind: "damaged" };

  const headerBytes = view.getUint16(6, true);
  if (headerBytes < 16 || headerBytes > HEADER_BYTES_MAX || headerBytes > bytes.length)
    return { kind: "damaged" };
  const checksum = view.getUint32(headerBytes - 4, true);
  if (crc32(bytes.subarray(0, headerBytes - 4)) !== checksum) return { kind: "damaged" };

  const version = view.getUint8(4);
  if (version !== SEGMENT_VERSION || headerBytes !== ENCODED_BYTES) return { kind: "unsupported", version };

  const sequence = getUint53(view, 8);
  const previous = getUint53(view, 16);
  const firstPosition = getUint53(view, 24);
  const epoch = getUint53(view, 32);
  const durable = getUint53(view, 40);
  const capacity = getUint53(view, 48);
  if (sequence === undefined || previous === undefined || firstPosition === undefined)
    return { kind: "damaged" };
  if (epoch === undefined || durable === undefined || capacity === undefined) return { kind: "damaged" };
  const nonce = bytes.slice(56, 56 + NONCE_BYTES);
  return { kind: "header", header: { sequence, previous, firstPosition, epoch, durable, capacity, nonce } };
}

export type SegmentName = { readonly sequence: number; readonly firstPosition: number };

/** Sorts by first position, then by age. */
export function segmentFileName(name: SegmentName): string {
  return `${String(name.firstPosition).padStart(16, "0")}-${String(name.sequence).padStart(8, "0")}.segment`;
}

export function parseSegmentFileName(fileName: string): SegmentName | undefined {
  const match = /^(\d{16})-(\d{8,16})\.segment$/.exec(fileName);
  if (match === null) return undefined;
  const firstPosition = Number(match[1]);
  const sequence = Number(match[2]);
  if (!Number.isSafeInteger(firstPosition) || !Number.isSafeInteger(sequence)) return undefined;
  return { firstPosition, sequence };
}

/** A file on its way to become a segment. Worth nothing after a crash. */
export function spareFileName(sequence: number): string {
  return `${String(sequence).padStart(8, "0")}.spare`;
}

export function isSpareFileName(fileName: string): boolean {
  return /^\d{8,16}\.spare$/.test(fileName);
}
