import { join } from "node:path";

import { errorCode, preadAll, type Disk } from "./disk.ts";
import type { Crc32 } from "./frame.ts";
import { LogCorruptError, LogVersionError, type LogCorruptionReport } from "./log.ts";
import { scanSegment, type SegmentScan } from "./segment-scan.ts";
import {
  decodeSegmentHeader,
  isSpareFileName,
  parseSegmentFileName,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from "./segment.ts";

/*
 * Recovery reads all segment files and decides what the log holds. It writes nothing.
 *
 * The one question that matters is what a place that cannot be read means. Either it is a write that a crash interrupted:
 * nobody was told that it is durable, and the log ends before it. Or it was durable and is damaged now: somebody may have
 * acted on it, and cutting the log there would silently take back what was acknowledged. The bytes themselves look the same.
 * The difference is a witness, something that could only be written after the place had been durable:
 *
 * - a later intact frame, batch or seal, that states a durable position at or behind the place;
 * - a later segment file: a segment gets its name only when everything before it is durable;
 * - the header of the segment itself, for batches that were rewritten into it when the log was opened;
 * - the checkpoint: `minimumTail` is a position that it contains, and only durable batches are applied.
 *
 * With a witness it is damage: stop, change nothing, report. Without one it is a torn tail. A group's frames are written
 * together and reach the disk in any order, so an intact frame behind a torn one proves nothing by itself: its durable
 * position is the one from before the group.
 */

export type SurveyedSegment = {
  readonly fileName: string;
  readonly contents:
    | { readonly kind: "scanned"; readonly header: SegmentHeader; readonly scan: SegmentScan }
    | { readonly kind: "damaged"; readonly reason: string }
    | { readonly kind: "unsupported"; readonly version: number };
};

export type LogSurvey = {
  /** In the order in which they were made. */
  readonly segments: readonly SurveyedSegment[];
  readonly spares: readonly string[];
  /** Files that are not the log's. Left alone. */
  readonly ignoredFiles: readonly string[];
};

export type RecoveredSegment = {
  readonly fileName: string;
  readonly header: SegmentHeader;
  /** Last position that is read from this segment; later ones may have been rewritten into the next. */
  readonly lastPosition: number;
};

export type TornTail = { readonly file: string; readonly offset: number; readonly position: number };

export type Recovery = {
  /** The last epoch; 0 when there is no log yet. */
  readonly epoch: number;
  readonly tail: number;
  /** Up to here a witness says that the batches are durable; those between it and the tail only look so. */
  readonly durable: number;
  readonly segments: readonly RecoveredSegment[];
  /** Segment files whose every batch is also in a later one. */
  readonly redundantFiles: readonly string[];
  readonly lastSequence: number;
  readonly tornTail: TornTail | undefined;
};

export function surveyLog(disk: Disk, directory: string, crc32: Crc32): LogSurvey {
  const names = disk.list(directory).toSorted();
  const segments: Array<SurveyedSegment & { sequence: number }> = [];
  const spares: string[] = [];
  const ignoredFiles: string[] = [];
  for (const fileName of names) {
    const name = parseSegmentFileName(fileName);
    if (name !== undefined) {
      segments.push({
        fileName,
        sequence: name.sequence,
        contents: surveySegment(disk, directory, fileName, crc32),
      });
    } else if (isSpareFileName(fileName)) {
      spares.push(fileName);
    } else {
      ignoredFiles.push(fileName);
    }
  }
  segments.sort((a, b) => a.sequence - b.sequence);
  return { segments, spares, ignoredFiles };
}

function surveySegment(
  disk: Disk,
  directory: string,
  fileName: string,
  crc32: Crc32,
): SurveyedSegment["contents"] {
  const file = disk.open(join(directory, fileName), "read");
  try {
    const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
    const length = preadAll(file, bytes, 0);
    const result = decodeSegmentHeader(bytes.subarray(0, length), crc32);
    if (result.kind === "unsupported") return result;
    if (result.kind === "damaged")
      return { kind: "damaged", reason: "its header does not match its checksum" };

    const { header } = result;
    const name = parseSegmentFileName(fileName);
    if (name?.sequence !== header.sequence || name.firstPosition !== header.firstPosition) {
      return { kind: "damaged", reason: "its header is that of another file" };
    }
    if (file.size() < header.capacity) {
      return { kind: "damaged", reason: `it has ${file.size()} bytes but was made with ${header.capacity}` };
    }
    return { kind: "scanned", header, scan: scanSegment(file, header, crc32) };
  } catch (error) {
    // A sector that the drive cannot read any more.
    if (errorCode(error) === "EIO") return { kind: "damaged", reason: "the disk cannot read it" };
    throw error;
  } finally {
    file.close();
  }
}

/**
 * Decides what the log holds, or throws `LogCorruptError` or `LogVersionError`.
 * `minimumTail`: a position that the caller knows to have been durable, usually the one its checkpoint reflects.
 */
export function recoverLog(survey: LogSurvey, directory: string, minimumTail: number | undefined): Recovery {
  const scanned = survey.segments.map((segment) => requireScanned(segment, directory));
  const { kept, redundantFiles } = dropSuperseded(scanned);
  requireChain(kept, directory);
  requireHead(kept, directory, minimumTail);

  const last = kept.at(-1);
  if (last === undefined) {
    return {
      epoch: 0,
      tail: 0,
      durable: 0,
      segments: [],
      redundantFiles,
      lastSequence: 0,
      tornTail: undefined,
    };
  }
  requireTail(last, directory, minimumTail);

  const tail = last.scan.lastPosition;
  const durable = Math.max(last.header.durable, last.scan.durable, minimumTail ?? 0);
  const segments = kept.map((segment, index) => {
    const next = kept[index + 1];
    const lastPosition = next === undefined ? tail : next.header.firstPosition - 1;
    return { fileName: segment.fileName, header: segment.header, lastPosition };
  });
  const tornTail = last.scan.blankBehind
    ? undefined
    : { file: join(directory, last.fileName), offset: last.scan.endOffset, position: tail + 1 };
  const lastSequence = scanned.at(-1)?.header.sequence ?? 0;
  return { epoch: last.header.epoch, tail, durable, segments, redundantFiles, lastSequence, tornTail };
}

type Scanned = { readonly fileName: string; readonly header: SegmentHeader; readonly scan: SegmentScan };

function requireScanned(segment: SurveyedSegment, directory: string): Scanned {
  const { fileName, contents } = segment;
  if (contents.kind === "unsupported") throw unsupported(join(directory, fileName), contents.version);
  if (contents.kind === "damaged") {
    const name = parseSegmentFileName(fileName);
    throw corrupt(`the segment file cannot be used: ${contents.reason}`, {
      file: join(directory, fileName),
      offset: 0,
      position: name?.firstPosition ?? 0,
      witness: "a segment file gets its name only when its header is durable",
    });
  }
  return { fileName, header: contents.header, scan: contents.scan };
}

/**
 * A log that is opened starts a new segment and rewrites into it the batches that no witness covers. It gets its name when
 * they are durable there, so a later segment is right about all positions from its first one on.
 */
function dropSuperseded(scanned: readonly Scanned[]): { kept: Scanned[]; redundantFiles: string[] } {
  const kept: Scanned[] = [];
  const redundantFiles: string[] = [];
  for (const segment of scanned) {
    for (let last = kept.at(-1); last !== undefined; last = kept.at(-1)) {
      if (last.header.firstPosition < segment.header.firstPosition) break;
      redundantFiles.push(last.fileName);
      kept.pop();
    }
    kept.push(segment);
  }
  return { kept, redundantFiles };
}

/** Every segment must hold all positions up to the first one of the next. */
function requireChain(kept: readonly Scanned[], directory: string): void {
  for (const [index, segment] of kept.entries()) {
    const next = kept[index + 1];
    if (next === undefined) return;
    const { lastPosition, endOffset, unsupportedVersion } = segment.scan;
    const file = join(directory, segment.fileName);
    const reached = lastPosition >= next.header.firstPosition - 1;
    if (!reached && unsupportedVersion !== undefined) throw unsupported(file, unsupportedVersion);
    if (next.header.previous !== segment.header.sequence) {
      throw corrupt(`segment number ${next.header.previous} is missing`, {
        file,
        offset: endOffset,
        position: lastPosition + 1,
        witness: `${next.fileName} names it as the segment before`,
      });
    }
    if (!reached || next.header.epoch < segment.header.epoch) {
      throw corrupt(reached ? "the epochs of the segments go backwards" : "a batch cannot be read", {
        file,
        offset: endOffset,
        position: lastPosition + 1,
        witness: `${next.fileName} was made when everything before position ${next.header.firstPosition} was durable`,
      });
    }
  }
}

function requireHead(kept: readonly Scanned[], directory: string, minimumTail: number | undefined): void {
  if (minimumTail === undefined) return;
  const first = kept[0];
  const head = first?.header.firstPosition ?? 1;
  if (first === undefined ? minimumTail === 0 : head <= minimumTail + 1) return;
  throw corrupt(first === undefined ? "there are no segment files" : `the log begins at position ${head}`, {
    file: first === undefined ? directory : join(directory, first.fileName),
    offset: 0,
    position: first === undefined ? 1 : minimumTail + 1,
    witness: `the checkpoint reflects the log up to position ${minimumTail} and needs what follows`,
  });
}

function requireTail(last: Scanned, directory: string, minimumTail: number | undefined): void {
  const { lastPosition, endOffset, unsupportedVersion, laterFrame } = last.scan;
  const file = join(directory, last.fileName);
  if (unsupportedVersion !== undefined) throw unsupported(file, unsupportedVersion);

  const report = { file, offset: endOffset, position: lastPosition + 1 };
  if (laterFrame !== undefined && laterFrame.durable > lastPosition) {
    const { position, offset, durable } = laterFrame;
    const witness = `the frame of position ${position} at offset ${offset} says that ${durable} was durable before it`;
    throw corrupt("a batch cannot be read", { ...report, witness });
  }
  if (last.header.durable > lastPosition) {
    const witness = `the header of the file says that ${last.header.durable} was durable when it was made`;
    throw corrupt("a batch cannot be read", { ...report, witness });
  }
  if (minimumTail !== undefined && minimumTail > lastPosition) {
    const witness = `the checkpoint reflects the log up to position ${minimumTail}`;
    throw corrupt("a batch cannot be read", { ...report, witness });
  }
}

function unsupported(file: string, version: number): LogVersionError {
  return new LogVersionError(
    `Cannot open the log: ${file} is of format ${version}, which this version of Holdfast does not know. ` +
      "Use the version that wrote it, or a newer one",
  );
}

export function corrupt(what: string, report: LogCorruptionReport): LogCorruptError {
  const { file, offset, position, witness } = report;
  return new LogCorruptError(
    `The log is damaged at position ${position}: ${what} (${file}, offset ${offset}). It had been durable: ${witness}. ` +
      "Nothing was changed. Keep a copy of the directory, run `holdfast doctor` on it, and restore it from a backup",
    report,
  );
}
