/**
 * Recovery of a damaged log. An input is a list of decisions: which batches were written, into how many segments, and what
 * happened to the files then. As long as no checksum is forged, recovery must give back what was written, from its beginning
 * and unchanged, or say that the log is damaged. With forged checksums (a tenth of the damages) it must end all the same.
 */
import { hash } from "node:crypto";
import { crc32 } from "node:zlib";

import {
  decodeFrame,
  decodeHeader,
  decodeSegmentHeader,
  encodeFrame,
  encodeSegmentHeader,
  frameBytes,
  LogCorruptError,
  LogVersionError,
  readBatches,
  recoverLog,
  SEGMENT_HEADER_BYTES,
  segmentFileName,
  surveyLog,
  type LogBatch,
} from "@holdfast/server/parts";

import { ByteSource, sized } from "../engine/byte-source.ts";
import { refusedOr, require, type Target } from "../engine/target.ts";
import { readOnlyDisk } from "./read-only-disk.ts";

const SEGMENTS_MAX = 3;
const BATCHES_MAX = 4;
const SECTOR_BYTES = 512;
const NONCE_BYTES = 8;
const SOME_SECRET = Uint8Array.of(1, 2, 3, 4, 5, 6, 7);
const FRAME_HEADER_BYTES = 64;
const CRC_AT = { frame: 60, segment: 68 } as const;

type Written = { readonly files: Map<string, Uint8Array>; readonly batches: readonly LogBatch[] };

function write(source: ByteSource, secret: Uint8Array): Written {
  const files = new Map<string, Uint8Array>();
  const batches: LogBatch[] = [];
  const segments = 1 + source.below(SEGMENTS_MAX);
  for (let sequence = 1; sequence <= segments; sequence++) {
    const firstPosition = batches.length + 1;
    const own = Array.from({ length: source.below(BATCHES_MAX + 1) }, (_, index) => ({
      position: firstPosition + index,
      payload: source.bytes().slice(0, 2_000),
    }));
    const isSealed = source.byte() < 128;
    const name = segmentFileName({ sequence, firstPosition });
    files.set(name, segmentOf(sequence, firstPosition, own, isSealed, secret));
    batches.push(...own);
  }
  return { files, batches };
}

function segmentOf(
  sequence: number,
  firstPosition: number,
  batches: readonly LogBatch[],
  isSealed: boolean,
  secret: Uint8Array,
): Uint8Array {
  const size = batches.reduce((sum, { payload }) => sum + frameBytes(payload.length), SEGMENT_HEADER_BYTES);
  const capacity = size + 4 * SECTOR_BYTES;
  const nonce = Uint8Array.of(sequence, ...secret);
  const bytes = new Uint8Array(capacity);
  const durable = firstPosition - 1;
  const header = {
    sequence,
    previous: sequence - 1,
    firstPosition,
    epoch: sequence,
    durable,
    capacity,
    nonce,
  };
  bytes.set(encodeSegmentHeader(header, crc32));
  let offset = SEGMENT_HEADER_BYTES;
  for (const { position, payload } of batches) {
    bytes.set(payload, offset + FRAME_HEADER_BYTES);
    const frame = {
      kind: "batch",
      position,
      epoch: sequence,
      durable: position - 1,
      payloadBytes: payload.length,
    } as const;
    encodeFrame(bytes, offset, frame, nonce, crc32);
    offset += frameBytes(payload.length);
  }
  const position = durable + batches.length;
  const seal = { kind: "seal", position, epoch: sequence, durable: position, payloadBytes: 0 } as const;
  if (isSealed) encodeFrame(bytes, offset, seal, nonce, crc32);
  return bytes;
}

/** Returns whether a checksum was forged. */
function damage(files: Map<string, Uint8Array>, source: ByteSource): boolean {
  let isForged = false;
  while (!source.isEmpty) {
    const kind = source.byte();
    const name = [...files.keys()][source.below(Math.max(1, files.size))];
    const bytes = name === undefined ? undefined : files.get(name);
    if (name === undefined || bytes === undefined) return isForged;
    const sector = source.below(Math.max(1, Math.ceil(bytes.length / SECTOR_BYTES))) * SECTOR_BYTES;
    const at = Math.min(bytes.length, sector + source.below(SECTOR_BYTES));
    if (kind < 100) bytes.set(source.bytes().subarray(0, bytes.length - at), at);
    else if (kind < 140) bytes.fill(0, sector, sector + SECTOR_BYTES);
    else if (kind < 170)
      bytes.copyWithin(sector, source.below(8) * SECTOR_BYTES, source.below(8) * SECTOR_BYTES);
    else if (kind < 190) files.set(name, bytes.slice(0, at));
    else if (kind < 200) files.delete(name);
    else if (kind < 215) files.set(source.text().replaceAll("/", "_"), bytes.slice());
    else if (kind < 225) files.set("notes.txt", bytes);
    else {
      isForged = true;
      forge(bytes, sector, source);
    }
  }
  return isForged;
}

/** A header with other fields and a checksum that fits. */
function forge(bytes: Uint8Array, sector: number, source: ByteSource): void {
  const end = CRC_AT[sector === 0 ? "segment" : "frame"];
  if (sector + end + 4 > bytes.length) return;
  const at = sector + source.below(end);
  bytes.set(source.bytes().subarray(0, sector + end - at), at);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(sector + end, crc32(bytes.subarray(sector, sector + end)), true);
}

function run(input: Uint8Array): void {
  const source = new ByteSource(input);
  if (source.below(4) === 0) checkHeaders(source.rest());
  // A segment's nonce is random: no input may hold a whole frame that fits it.
  const secret = hash("sha1", input, "buffer").subarray(0, NONCE_BYTES - 1);
  const { files, batches } = write(source, secret);
  const isForged = damage(files, source);
  const disk = readOnlyDisk(files);
  const read = refusedOr([LogCorruptError, LogVersionError], () => {
    const recovery = recoverLog(surveyLog(disk, "log", crc32), "log", undefined);
    const segments = recovery.segments.map(({ fileName, header }) => ({
      fileName,
      firstPosition: header.firstPosition,
    }));
    const from = segments[0]?.firstPosition ?? 1;
    const options = { disk, directory: "log", crc32, segments, from, to: recovery.tail, head: () => from };
    return [...readBatches(options)];
  });
  if (read === undefined || isForged) return;
  for (const { position, payload } of read) {
    const written = batches[position - 1]?.payload;
    require(written !== undefined &&
      Buffer.compare(written, payload) === 0, "a batch that was never written", position);
  }
}

/** Any bytes give a result. */
function checkHeaders(bytes: Uint8Array): void {
  const nonce = bytes.slice(40, 48);
  decodeSegmentHeader(bytes, crc32);
  decodeHeader(bytes, 0, nonce, crc32);
  decodeFrame(bytes, 0, nonce, crc32);
}

const oneSegment = [Uint8Array.of(1, 0, 3), sized("first"), sized("second"), sized(""), Uint8Array.of(0)];
const threeSegments = [
  [Uint8Array.of(1, 2, 1), sized("a"), Uint8Array.of(0, 2), sized("b"), sized("c"), Uint8Array.of(255, 1)],
  [sized("d"), Uint8Array.of(255)],
].flat();

export const logRecovery: Target = {
  name: "log-recovery",
  decodes: "frames, segment headers, scan and recovery of segment files",
  seeds: () => [
    Buffer.concat(oneSegment),
    Buffer.concat(threeSegments),
    Buffer.concat([...oneSegment, Uint8Array.of(0, 0, 2, 3), sized("x")]),
    Buffer.concat([...oneSegment, Uint8Array.of(110, 0, 2, 0)]),
    Buffer.concat([...threeSegments, Uint8Array.of(195, 1, 0, 0)]),
    Buffer.concat([...threeSegments, Uint8Array.of(180, 2, 1, 9)]),
    Buffer.concat([...oneSegment, Uint8Array.of(230, 0, 1, 0, 8), sized("\xff\xff\xff\x3f")]),
    Buffer.concat([...oneSegment, Uint8Array.of(230, 0, 0, 0, 48), sized("\x00\x00\x00\x00")]),
    segmentOf(1, 1, [{ position: 1, payload: Uint8Array.of(1) }], true, SOME_SECRET).subarray(0, 1_100),
  ],
  tokens: [
    "HFFR",
    "HFSG",
    "\xff\xff\xff\xff",
    "\x00\x00\x00\x00",
    "0000000000000001-00000001.segment",
    "00000009.spare",
    "\x40\x00",
    "\x48\x00",
  ],
  run,
};
