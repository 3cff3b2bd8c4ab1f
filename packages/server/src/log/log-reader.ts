import { join } from "node:path";

import { errorCode, preadAll, type Disk, type DiskFile } from "./disk.ts";
import { frameBytes, type Crc32 } from "./frame.ts";
import { LogTrimmedError, type LogBatch } from "./log.ts";
import { corrupt } from "./recover.ts";
import { SegmentCursor } from "./segment-scan.ts";
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from "./segment.ts";

/** A segment as readers know it. Its last position is the one before the next segment's first. */
export type SegmentEntry = { readonly fileName: string; readonly firstPosition: number };

export type ReadOptions = {
  readonly disk: Disk;
  readonly directory: string;
  readonly crc32: Crc32;
  /** Oldest first, as of the start of the read. */
  readonly segments: readonly SegmentEntry[];
  readonly from: number;
  /** The last position to read; must be durable. */
  readonly to: number;
  /** Asked when a file has gone: the oldest position there is by now. */
  readonly head: () => number;
};

/** Yields the batches `from` to `to`, checked again as they are read. Every payload is a copy of its own. */
export function* readBatches(options: ReadOptions): Generator<LogBatch, void, undefined> {
  const { disk, directory, crc32, segments, from, to } = options;
  for (const [index, entry] of segments.entries()) {
    const lastPosition = Math.min(to, (segments[index + 1]?.firstPosition ?? Infinity) - 1);
    if (lastPosition < from || lastPosition < entry.firstPosition) continue;

    const path = join(directory, entry.fileName);
    const file = openSegment(disk, path, from, options.head);
    try {
      yield* readSegment({ file, path, crc32, from, lastPosition });
    } finally {
      file.close();
    }
  }
}

function openSegment(disk: Disk, path: string, from: number, head: () => number): DiskFile {
  try {
    return disk.open(path, "read");
  } catch (error) {
    if (errorCode(error) === "ENOENT" && head() > from) throw new LogTrimmedError(from, head());
    throw error;
  }
}

type SegmentRead = {
  readonly file: DiskFile;
  readonly path: string;
  readonly crc32: Crc32;
  readonly from: number;
  readonly lastPosition: number;
};

function* readSegment(read: SegmentRead): Generator<LogBatch, void, undefined> {
  const { file, path, crc32, from, lastPosition } = read;
  const header = readHeader(file, path, crc32, from);
  const cursor = new SegmentCursor(file, header.capacity);
  let position = header.firstPosition - 1;
  let offset = SEGMENT_HEADER_BYTES;
  while (position < lastPosition) {
    const result = cursor.frame(offset, header.nonce, crc32);
    const expected = result.kind === "frame" && result.header.kind === "seal" ? position : position + 1;
    if (result.kind !== "frame" || result.header.position !== expected) {
      throw damaged(path, offset, position + 1);
    }
    offset += frameBytes(result.header.payloadBytes);
    if (result.header.kind === "seal") continue;
    position = expected;
    if (position >= from) yield { position, payload: result.payload.slice() };
  }
}

function readHeader(file: DiskFile, path: string, crc32: Crc32, from: number): SegmentHeader {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const length = preadAll(file, bytes, 0);
  const result = decodeSegmentHeader(bytes.subarray(0, length), crc32);
  if (result.kind !== "header") throw damaged(path, 0, from);
  return result.header;
}

function damaged(file: string, offset: number, position: number): Error {
  const witness = "it was read or written since this process opened the log";
  return corrupt("a batch cannot be read", { file, offset, position, witness });
}
