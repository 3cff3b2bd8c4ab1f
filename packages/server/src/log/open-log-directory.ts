import { join } from "node:path";

import { hasNoRoom, type Disk, type DiskFile } from "./disk.ts";
import { packGroup } from "./frame-group.ts";
import { alignUp, encodeFrame, frameBytes, SEAL_BYTES, type Crc32 } from "./frame.ts";
import { readBatches, type SegmentEntry } from "./log-reader.ts";
import type { LogBatch } from "./log.ts";
import { recoverLog, surveyLog, type Recovery, type TornTail } from "./recover.ts";
import { OPENING_BYTES, SEGMENT_HEADER_BYTES, type SegmentHeader } from "./segment.ts";
import { SpareSegment } from "./spare-segment.ts";

export type LogWriterOptions = {
  readonly disk: Disk;
  readonly directory: string;
  readonly segmentBytes: number;
  /** A position known to have been durable, usually the one that the checkpoint reflects. */
  readonly minimumTail: number | undefined;
  readonly crc32: Crc32;
  /** 8 random bytes, new ones at each call. */
  readonly nonce: () => Uint8Array;
};

export type ActiveSegment = {
  readonly file: DiskFile;
  readonly header: SegmentHeader;
  /** Where the next frame goes. */
  offset: number;
};

/** What opening found and did, for the server's log. */
export type LogOpenReport = {
  readonly directory: string;
  readonly epoch: number;
  readonly head: number;
  readonly tail: number;
  /** Bytes behind the last batch that a crash left; cut off. */
  readonly tornTail: TornTail | undefined;
  /** Batches for which nothing proved that they were durable, written again. */
  readonly rewrittenBatches: number;
  /** Files in the directory that are not the log's. */
  readonly ignoredFiles: readonly string[];
};

export type OpenedDirectory = {
  readonly segments: readonly SegmentEntry[];
  readonly active: ActiveSegment;
  readonly tail: number;
  readonly report: LogOpenReport;
};

/**
 * Recovers the log and starts a new segment in a new epoch, whatever state the directory is in: after a crash, after a clean
 * stop, at the first start.
 *
 * Crash argument: until the new segment has its name (phase 3) nothing but spare files has changed, so a crash repeats all
 * of it. When it has, the segment holds a durable copy of every batch that nothing vouched for, and its header vouches for
 * them from then on: recovery can no longer come to another end. Only then do files go that it replaces.
 *
 * The rewriting is not a formality. After a sync that failed, the kernel may show bytes that are not on the disk; a process
 * that read them, acted on them and lost power would have acted on nothing. And the old segment's remains stay behind a
 * position that is never read from it again, under a nonce that is never used again.
 */
export function openLogDirectory(options: LogWriterOptions): OpenedDirectory {
  const { disk, directory, crc32, minimumTail } = options;
  disk.makeDirectory(directory);

  // 1. What is there. Nothing is written when this throws.
  const survey = surveyLog(disk, directory, crc32);
  const recovery = recoverLog(survey, directory, minimumTail);

  // 2. What an earlier process was preparing is worth nothing.
  for (const fileName of survey.spares) disk.unlink(join(directory, fileName));

  // 3. The segment of the new epoch, with the unproven batches in it.
  const unproven = [...readUnproven(disk, directory, crc32, recovery)];
  const { active, fileName } = startSegment(options, recovery, unproven);

  // 4. What it replaces.
  const { firstPosition } = active.header;
  const older = recovery.segments.filter((segment) => segment.header.firstPosition < firstPosition);
  const replaced = recovery.segments.filter((segment) => segment.header.firstPosition >= firstPosition);
  const goneFiles = [...recovery.redundantFiles, ...replaced.map((segment) => segment.fileName)];
  for (const name of goneFiles) disk.unlink(join(directory, name));
  if (goneFiles.length > 0) disk.syncDirectory(directory);

  const kept = older.map((segment) => ({
    fileName: segment.fileName,
    firstPosition: segment.header.firstPosition,
  }));
  const segments = [...kept, { fileName, firstPosition }];
  const report: LogOpenReport = {
    directory,
    epoch: active.header.epoch,
    head: segments[0]?.firstPosition ?? firstPosition,
    tail: recovery.tail,
    tornTail: recovery.tornTail,
    rewrittenBatches: unproven.length,
    ignoredFiles: survey.ignoredFiles,
  };
  return { segments, active, tail: recovery.tail, report };
}

function readUnproven(disk: Disk, directory: string, crc32: Crc32, recovery: Recovery): Iterable<LogBatch> {
  const segments = recovery.segments.map(({ fileName, header }) => ({
    fileName,
    firstPosition: header.firstPosition,
  }));
  const head = segments[0]?.firstPosition ?? 1;
  const from = recovery.durable + 1;
  return readBatches({ disk, directory, crc32, segments, from, to: recovery.tail, head: () => head });
}

function startSegment(
  options: LogWriterOptions,
  recovery: Recovery,
  unproven: readonly LogBatch[],
): { active: ActiveSegment; fileName: string } {
  const { disk, directory, crc32, segmentBytes } = options;
  const epoch = recovery.epoch + 1;
  const firstPosition = recovery.durable + 1;
  const previous = recovery.segments.findLast((segment) => segment.header.firstPosition < firstPosition);
  const nonce = options.nonce();

  // 1. Frames of the rewritten batches, as of the new epoch.
  const frames = packFrames(unproven, epoch, nonce, crc32, recovery.durable);

  // 2. A file of zeros. Small: a process that restarts in a loop must not fill the disk.
  const needed = SEGMENT_HEADER_BYTES + frames.length + SEAL_BYTES;
  const wanted = Math.max(alignUp(Math.min(segmentBytes, OPENING_BYTES)), needed);
  const spare = createSpare(disk, directory, recovery.lastSequence + 1, { wanted, needed });

  // 3. Contents, sync, name. The header vouches for the rewritten batches: they are durable before the name is.
  const header = {
    previous: previous?.header.sequence ?? 0,
    firstPosition,
    epoch,
    durable: recovery.tail,
    nonce,
  };
  const promoted = spare.promote(header, frames, crc32);

  // 4. The name is durable: from here on the epoch has begun.
  disk.syncDirectory(directory);

  const active = {
    file: promoted.file,
    header: promoted.header,
    offset: SEGMENT_HEADER_BYTES + frames.length,
  };
  return { active, fileName: promoted.fileName };
}

/** On a full disk a smaller file will do: the server must be able to start, checkpoint and trim. */
function createSpare(
  disk: Disk,
  directory: string,
  sequence: number,
  size: { wanted: number; needed: number },
): SpareSegment {
  const spare = new SpareSegment(disk, directory, sequence);
  try {
    spare.fill(size.wanted);
  } catch (error) {
    if (hasNoRoom(error) && spare.filled >= size.needed) return spare;
    spare.discard();
    if (!hasNoRoom(error)) throw error;
    throw new Error(
      `Cannot open the log in ${directory}: the disk is full. At least ${size.needed} bytes must be free`,
      {
        cause: error,
      },
    );
  }
  return spare;
}

function packFrames(
  batches: readonly LogBatch[],
  epoch: number,
  nonce: Uint8Array,
  crc32: Crc32,
  durable: number,
): Uint8Array {
  if (batches.length === 0) return new Uint8Array(0);
  const { bytes } = packGroup(batches);
  let offset = 0;
  for (const { position, payload } of batches) {
    encodeFrame(
      bytes,
      offset,
      { kind: "batch", position, epoch, durable, payloadBytes: payload.length },
      nonce,
      crc32,
    );
    offset += frameBytes(payload.length);
  }
  return bytes;
}
