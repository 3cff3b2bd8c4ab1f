/**
 * The frame: how one batch lies in a segment file. Format 1, all numbers little-endian.
 *
 *     0  magic "HFFR"            24  epoch, 8 bytes
 *     4  version, 1 byte         32  durable position known when written, 8 bytes
 *     5  kind, 1 byte            40  segment nonce, 8 bytes
 *     6  header length, 2 bytes  48  zero, 8 bytes
 *     8  payload length, 4       56  zero, 4 bytes
 *    12  zero, 4 bytes           60  crc32 of the header up to here
 *    16  position, 8 bytes       64  payload, crc32 of header and payload, zeros up to the next multiple of 512
 *
 * Magic, version, kind, header length and a checksum in the header's last four bytes stay so in every later version.
 *
 * The header has a checksum of its own so that a damaged length is noticed before anything is done with it. The nonce ties
 * a frame to its segment file, so no byte of an older file can pass for one of this. The durable position is what tells an
 * unfinished write from damage (recover.ts). A frame begins at a multiple of 512 so that a sector holding an acknowledged
 * frame is never written again: whatever a power cut does to the write in flight, it does to other sectors.
 *
 * History: 1 = first version.
 */
export const FRAME_VERSION = 1;
export const FRAME_HEADER_BYTES = 64;
export const FRAME_TRAILER_BYTES = 4;
export const FRAME_ALIGNMENT = 512;
export const NONCE_BYTES = 8;

/** Keeps the length of a frame within an unsigned 32-bit number and a single buffer. */
export const PAYLOAD_BYTES_MAX: number = 1024 * 1024 * 1024;

const MAGIC = 0x52464648;
const KIND_BATCH = 1;
const KIND_SEAL = 2;
const HEADER_BYTES_MAX = 512;

/** Injected: zlib's in production. */
export type Crc32 = (bytes: Uint8Array, value?: number) => number;

export type FrameHeader = {
  /** A seal has no payload and no position of its own: it repeats the position of the batch before it. */
  readonly kind: "batch" | "seal";
  readonly position: number;
  readonly epoch: number;
  /** Every position up to this one was durable when the frame was written. */
  readonly durable: number;
  readonly payloadBytes: number;
};

export type HeaderResult =
  | { readonly kind: "header"; readonly header: FrameHeader }
  /** Not a frame: never written, half written or damaged. */
  | { readonly kind: "torn" }
  /** Intact, but of another segment file. */
  | { readonly kind: "foreign" }
  /** Intact, but of a format this program does not know. */
  | { readonly kind: "unsupported"; readonly version: number };

export type FrameResult =
  | { readonly kind: "frame"; readonly header: FrameHeader; readonly payload: Uint8Array }
  | Exclude<HeaderResult, { kind: "header" }>;

/** Bytes a frame takes in the file, padding included. */
export function frameBytes(payloadBytes: number): number {
  return alignUp(FRAME_HEADER_BYTES + payloadBytes + FRAME_TRAILER_BYTES);
}

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}

export const SEAL_BYTES: number = frameBytes(0);

/**
 * Completes a frame in place: the payload is already at `offset + FRAME_HEADER_BYTES` and the padding is already zero; this
 * writes header and checksums around it.
 */
export function encodeFrame(
  into: Uint8Array,
  offset: number,
  header: FrameHeader,
  nonce: Uint8Array,
  crc32: Crc32,
): void {
  const view = new DataView(into.buffer, into.byteOffset + offset, FRAME_HEADER_BYTES);
  view.setUint32(0, MAGIC, true);
  view.setUint8(4, FRAME_VERSION);
  view.setUint8(5, header.kind === "batch" ? KIND_BATCH : KIND_SEAL);
  view.setUint16(6, FRAME_HEADER_BYTES, true);
  view.setUint32(8, header.payloadBytes, true);
  view.setUint32(12, 0, true);
  setUint53(view, 16, header.position);
  setUint53(view, 24, header.epoch);
  setUint53(view, 32, header.durable);
  into.set(nonce, offset + 40);
  into.fill(0, offset + 48, offset + 60);
  view.setUint32(60, crc32(into.subarray(offset, offset + 60)), true);

  const end = offset + FRAME_HEADER_BYTES + header.payloadBytes;
  const checksum = crc32(into.subarray(offset, end));
  into[end] = checksum;
  into[end + 1] = checksum >>> 8;
  into[end + 2] = checksum >>> 16;
  into[end + 3] = checksum >>> 24;
}

/** Reads the header of the frame that would begin at `offset`. Any bytes give a result; nothing is allocated by a length. */
export function decodeHeader(
  bytes: Uint8Array,
  offset: number,
  nonce: Uint8Array,
  crc32: Crc32,
): HeaderResult {
  if (bytes.length - offset < FRAME_HEADER_BYTES) return { kind: "torn" };
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset);
  if (view.getUint32(0, true) !== MAGIC) return { kind: "torn" };

  const headerBytes = view.getUint16(6, true);
  if (headerBytes < 16 || headerBytes > HEADER_BYTES_MAX || headerBytes > view.byteLength)
    return { kind: "torn" };
  const checksum = view.getUint32(headerBytes - 4, true);
  if (crc32(bytes.subarray(offset, offset + headerBytes - 4)) !== checksum) return { kind: "torn" };

  const version = view.getUint8(4);
  const kind = view.getUint8(5);
  const known = kind === KIND_BATCH || kind === KIND_SEAL;
  if (version !== FRAME_VERSION || headerBytes !== FRAME_HEADER_BYTES || !known)
    return { kind: "unsupported", version };

  if (!sameNonce(bytes, offset + 40, nonce)) return { kind: "foreign" };
  const payloadBytes = view.getUint32(8, true);
  const position = getUint53(view, 16);
  const epoch = getUint53(view, 24);
  const durable = getUint53(view, 32);
  if (position === undefined || epoch === undefined || durable === undefined) return { kind: "torn" };
  if (payloadBytes > PAYLOAD_BYTES_MAX) return { kind: "torn" };
  return {
    kind: "header",
    header: { kind: kind === KIND_BATCH ? "batch" : "seal", position, epoch, durable, payloadBytes },
  };
}

/** Reads the whole frame that would begin at `offset`. The payload is a view into `bytes`. */
export function decodeFrame(bytes: Uint8Array, offset: number, nonce: Uint8Array, crc32: Crc32): FrameResult {
  const result = decodeHeader(bytes, offset, nonce, crc32);
  if (result.kind !== "header") return result;

  const { header } = result;
  const start = offset + FRAME_HEADER_BYTES;
  const end = start + header.payloadBytes;
  if (end + FRAME_TRAILER_BYTES > bytes.length) return { kind: "torn" };
  const checksum = new DataView(bytes.buffer, bytes.byteOffset + end, FRAME_TRAILER_BYTES).getUint32(0, true);
  if (crc32(bytes.subarray(offset, end)) !== checksum) return { kind: "torn" };
  return { kind: "frame", header, payload: bytes.subarray(start, end) };
}

export function setUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** `undefined` for a number that JavaScript cannot hold exactly: nothing writes one. */
export function getUint53(view: DataView, offset: number): number | undefined {
  const value = view.getUint32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true);
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}

function sameNonce(bytes: Uint8Array, offset: number, nonce: Uint8Array): boolean {
  for (let index = 0; index < NONCE_BYTES; index++) {
    if (bytes[offset + index] !== nonce[index]) return false;
  }
  return true;
}
