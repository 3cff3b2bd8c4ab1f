import { preadAll, type DiskFile } from "./disk.ts";
import {
  decodeFrame,
  decodeHeader,
  FRAME_ALIGNMENT,
  FRAME_HEADER_BYTES,
  frameBytes,
  type Crc32,
  type FrameHeader,
  type FrameResult,
} from "./frame.ts";
import { SEGMENT_HEADER_BYTES, type SegmentHeader } from "./segment.ts";

/** Large enough that reading is cheap, small enough that a start does not need a segment's worth of memory. */
const WINDOW_BYTES = 1024 * 1024;
const ZEROS = new Uint8Array(64 * 1024);

/** Reads a file forward through a window. A view is valid until the next call. */
export class SegmentCursor {
  readonly #file: DiskFile;
  readonly #capacity: number;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;
  #length = 0;

  /** `capacity` is the size of the file: nothing longer is ever allocated. */
  constructor(file: DiskFile, capacity: number) {
    this.#file = file;
    this.#capacity = capacity;
  }

  /** The bytes from `offset`, fewer than `length` where the file ends. */
  view(offset: number, length: number): Uint8Array {
    const wanted = Math.max(0, Math.min(length, this.#capacity - offset));
    if (offset < this.#start || offset + wanted > this.#start + this.#length) this.#load(offset, wanted);
    const from = offset - this.#start;
    return this.#window.subarray(from, Math.min(from + wanted, this.#length));
  }

  /** The frame at `offset`. Its length is checked against the file before its body is looked at. */
  frame(offset: number, nonce: Uint8Array, crc32: Crc32): FrameResult {
    const result = decodeHeader(this.view(offset, FRAME_ALIGNMENT), 0, nonce, crc32);
    if (result.kind !== "header") return result;
    const length = frameBytes(result.header.payloadBytes);
    if (offset + length > this.#capacity) return { kind: "torn" };
    return decodeFrame(this.view(offset, length), 0, nonce, crc32);
  }

  #load(offset: number, wanted: number): void {
    const length = Math.min(Math.max(wanted, WINDOW_BYTES), this.#capacity - offset);
    if (this.#window.length < length) this.#window = new Uint8Array(length);
    this.#start = offset;
    this.#length = preadAll(this.#file, this.#window.subarray(0, length), offset);
  }
}

/** A frame behind a place that cannot be read: proof that what it calls durable had been there. */
export type LaterFrame = { readonly offset: number; readonly position: number; readonly durable: number };

export type SegmentScan = {
  /** Position of the last batch of the intact run from the beginning; `firstPosition - 1` when there is none. */
  readonly lastPosition: number;
  /** Where the intact run ends. */
  readonly endOffset: number;
  /** The largest durable position that a frame of the run states; 0 when none does. */
  readonly durable: number;
  /** Nothing but zeros behind the run. */
  readonly blankBehind: boolean;
  /** Of the intact frames behind the run, the one that states the largest durable position. */
  readonly laterFrame: LaterFrame | undefined;
  /** The run ends at a frame of this unknown version. */
  readonly unsupportedVersion: number | undefined;
};

/** Reads a whole segment file. Total: whatever its bytes are, there is a result. */
export function scanSegment(file: DiskFile, segment: SegmentHeader, crc32: Crc32): SegmentScan {
  const cursor = new SegmentCursor(file, segment.capacity);
  let lastPosition = segment.firstPosition - 1;
  let endOffset = SEGMENT_HEADER_BYTES;
  let durable = 0;
  let unsupportedVersion: number | undefined;

  for (;;) {
    const result = cursor.frame(endOffset, segment.nonce, crc32);
    if (result.kind === "unsupported") unsupportedVersion = result.version;
    if (result.kind !== "frame") break;
    if (!continues(result.header, segment, lastPosition)) break;
    lastPosition = result.header.position;
    durable = Math.max(durable, result.header.durable);
    endOffset += frameBytes(result.header.payloadBytes);
  }

  const behind = scanBehind(cursor, endOffset, segment, crc32);
  return { lastPosition, endOffset, durable, unsupportedVersion, ...behind };
}

function continues(frame: FrameHeader, segment: SegmentHeader, lastPosition: number): boolean {
  if (frame.epoch !== segment.epoch) return false;
  if (frame.kind === "seal") return frame.position === lastPosition && frame.durable <= frame.position;
  return frame.position === lastPosition + 1 && frame.durable < frame.position;
}

/**
 * What lies behind the intact run. Frames begin at multiples of 512, and only those of this segment's nonce count, so the
 * content of a payload cannot pass for a frame.
 */
function scanBehind(
  cursor: SegmentCursor,
  from: number,
  segment: SegmentHeader,
  crc32: Crc32,
): Pick<SegmentScan, "blankBehind" | "laterFrame"> {
  let blankBehind = true;
  let laterFrame: LaterFrame | undefined;
  for (let start = from; start < segment.capacity; start += ZEROS.length) {
    if (isBlank(cursor.view(start, ZEROS.length))) continue;
    blankBehind = false;

    const end = Math.min(start + ZEROS.length, segment.capacity);
    for (let offset = start; offset < end; offset += FRAME_ALIGNMENT) {
      const result = decodeHeader(cursor.view(offset, FRAME_HEADER_BYTES), 0, segment.nonce, crc32);
      if (result.kind !== "header" || result.header.epoch !== segment.epoch) continue;
      const { position, durable } = result.header;
      if (laterFrame === undefined || durable > laterFrame.durable)
        laterFrame = { offset, position, durable };
    }
  }
  return { blankBehind, laterFrame };
}

function isBlank(bytes: Uint8Array): boolean {
  return Buffer.compare(bytes, ZEROS.subarray(0, bytes.length)) === 0;
}
