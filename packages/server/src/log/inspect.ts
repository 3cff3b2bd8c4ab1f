import { crc32 } from "node:zlib";

import type { Disk } from "./disk.ts";
import { LogCorruptError, type LogCorruptionReport } from "./log.ts";
import { NodeDisk } from "./node-disk.ts";
import { recoverLog, surveyLog, type Recovery, type SurveyedSegment, type TornTail } from "./recover.ts";
import { parseSegmentFileName } from "./segment.ts";

export type LogInspection = {
  /** In the order in which they were made. */
  readonly segments: readonly InspectedSegment[];
  /** Position of the oldest batch; `lastPosition + 1` when there is none. */
  readonly firstPosition: number;
  /** Position of the last batch that can be relied on: with damage, the one before it. */
  readonly lastPosition: number;
  /** The last epoch that was begun; 0 when there is no log. */
  readonly epoch: number;
  /** What a crash left unfinished. The next start cuts it off; nothing that was acknowledged is in it. */
  readonly tornTail: TornTail | undefined;
  readonly corruption: (LogCorruptionReport & { readonly message: string }) | undefined;
  /** Files that the next start removes. */
  readonly obsoleteFiles: readonly string[];
  readonly ignoredFiles: readonly string[];
};

export type InspectedSegment = {
  readonly fileName: string;
  readonly firstPosition: number;
  /** `firstPosition - 1` when there is no batch that can be read. */
  readonly lastPosition: number;
  readonly epoch: number | undefined;
  readonly bytes: number | undefined;
  /** Why the file cannot be used. */
  readonly damage: string | undefined;
};

export type InspectOptions = {
  readonly dir: string;
  /** The position that the checkpoint reflects, if it is known. */
  readonly minimumTail?: number;
  readonly disk?: Disk;
};

/**
 * Reads a log directory and opens nothing for writing. Of a log that is being written it shows some recent state, and the
 * group being written as a torn tail. Fails with `LogVersionError` like an open would.
 */
export function inspectLog(options: InspectOptions): LogInspection {
  const { dir, minimumTail } = options;
  const survey = surveyLog(options.disk ?? new NodeDisk(), dir, crc32);
  const segments = survey.segments.map(describeSegment);
  const epoch = Math.max(0, ...segments.map((segment) => segment.epoch ?? 0));
  const firstPosition = Math.min(...segments.map((segment) => segment.firstPosition));
  const { ignoredFiles, spares } = survey;
  try {
    const recovery = recoverLog(survey, dir, minimumTail);
    return {
      segments,
      firstPosition: headOf(recovery),
      lastPosition: recovery.tail,
      epoch,
      tornTail: recovery.tornTail,
      corruption: undefined,
      obsoleteFiles: [...recovery.redundantFiles, ...spares],
      ignoredFiles,
    };
  } catch (error) {
    if (!(error instanceof LogCorruptError)) throw error;
    const { report, message } = error;
    const lastPosition = report.position - 1;
    return {
      segments,
      firstPosition: Math.min(firstPosition, report.position),
      lastPosition,
      epoch,
      tornTail: undefined,
      corruption: { ...report, message },
      obsoleteFiles: spares,
      ignoredFiles,
    };
  }
}

function headOf(recovery: Recovery): number {
  return recovery.segments[0]?.header.firstPosition ?? 1;
}

function describeSegment({ fileName, contents }: SurveyedSegment): InspectedSegment {
  const firstPosition = parseSegmentFileName(fileName)?.firstPosition ?? 0;
  const unread = {
    fileName,
    firstPosition,
    lastPosition: firstPosition - 1,
    epoch: undefined,
    bytes: undefined,
  };
  switch (contents.kind) {
    case "damaged":
      return { ...unread, damage: contents.reason };
    case "unsupported":
      return { ...unread, damage: `it is of format ${contents.version}` };
    case "scanned": {
      const { header, scan } = contents;
      const { epoch, capacity: bytes } = header;
      return { fileName, firstPosition, lastPosition: scan.lastPosition, epoch, bytes, damage: undefined };
    }
  }
}
