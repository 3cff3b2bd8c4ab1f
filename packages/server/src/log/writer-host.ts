import { errorCode } from "./disk.ts";
import { mergeGroups, groupBytes, type FrameGroup } from "./frame-group.ts";
import type { SegmentEntry } from "./log-reader.ts";
import type { LogWriter } from "./log-writer.ts";
import { LogCorruptError, LogFailedError, LogVersionError, type LogCorruptionReport } from "./log.ts";
import type { LogOpenReport } from "./open-log-directory.ts";

export type WriterRequest =
  | { readonly kind: "append"; readonly group: FrameGroup }
  | { readonly kind: "trim"; readonly upTo: number }
  | { readonly kind: "seal" }
  | { readonly kind: "close" };

export type WriterReply =
  | {
      readonly kind: "opened";
      readonly epoch: number;
      readonly tail: number;
      readonly segments: readonly SegmentEntry[];
      readonly report: LogOpenReport;
    }
  | {
      readonly kind: "appended";
      /** How many append requests this answers, in their order. */
      readonly groups: number;
      /** With "ok" all of them are durable, with "full" none is. */
      readonly outcome: "ok" | "full";
      /** The segments, when they changed. */
      readonly segments: readonly SegmentEntry[] | undefined;
    }
  | {
      readonly kind: "trimmed";
      readonly segments: readonly SegmentEntry[];
      /** Why some segments are still there. */
      readonly failure: WriterFailure | undefined;
    }
  | { readonly kind: "sealed" }
  | { readonly kind: "failed"; readonly failure: WriterFailure };

/** Errors lose their class between threads; this does not. */
export type WriterFailure = {
  readonly name: string;
  readonly message: string;
  /** The system's, "EIO" for example. */
  readonly code: string | undefined;
  readonly report: LogCorruptionReport | undefined;
};

/** One write should not grow without bound only because many batches waited. */
const MERGED_BYTES_MAX = 8 * 1024 * 1024;

/** Serves a queue of requests with the one writer: the part that is the same with and without a thread. */
export class WriterHost {
  readonly #writer: LogWriter;
  readonly #reply: (reply: WriterReply) => void;
  #knownSegments: readonly SegmentEntry[];

  constructor(writer: LogWriter, reply: (reply: WriterReply) => void) {
    this.#writer = writer;
    this.#reply = reply;
    this.#knownSegments = writer.segments;
    const { epoch, tail, segments, report } = writer;
    reply({ kind: "opened", epoch, tail, segments, report });
  }

  /** Everything that has arrived by now. Appends beside each other become one write and one sync. */
  handle(requests: readonly WriterRequest[]): void {
    for (let index = 0; index < requests.length;) {
      const groups = appendsFrom(requests, index);
      const request = requests[index];
      this.#guard(() => {
        if (groups.length > 0) this.#append(groups);
        else if (request !== undefined) this.#handleOther(request);
      });
      index += Math.max(1, groups.length);
    }
  }

  /** Returns whether there is more to prepare. */
  prepare(): boolean {
    return this.#guard(() => this.#writer.prepare()) === true;
  }

  seal(): void {
    this.#guard(() => this.#writer.seal());
  }

  #append(groups: readonly FrameGroup[]): void {
    const group = mergeGroups(groups);
    // Appends that were on their way while one before them found the disk full: refused, like that one.
    const isNext = group.firstPosition === this.#writer.tail + 1;
    const outcome = isNext ? this.#writer.append(group) : "full";
    const { segments } = this.#writer;
    const changed = segments !== this.#knownSegments;
    this.#knownSegments = segments;
    this.#reply({
      kind: "appended",
      groups: groups.length,
      outcome,
      segments: changed ? segments : undefined,
    });
  }

  #handleOther(request: WriterRequest): void {
    switch (request.kind) {
      case "trim":
        this.#trim(request.upTo);
        return;
      case "seal":
        this.#writer.seal();
        this.#reply({ kind: "sealed" });
        return;
      case "close":
        this.#writer.close();
        return;
      case "append":
        throw new Error("Cannot handle an append alone");
    }
  }

  #trim(upTo: number): void {
    let failure: WriterFailure | undefined;
    try {
      this.#writer.trim(upTo);
    } catch (error) {
      if (error instanceof LogFailedError) throw error;
      failure = describeFailure(error);
    }
    this.#knownSegments = this.#writer.segments;
    this.#reply({ kind: "trimmed", segments: this.#knownSegments, failure });
  }

  /** After a failure the writer refuses whatever comes, so what is behind it in the queue fails too. */
  #guard<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      this.#reply({ kind: "failed", failure: describeFailure(error) });
      return undefined;
    }
  }
}

/** The longest run of appends from `index` that continue each other. */
function appendsFrom(requests: readonly WriterRequest[], index: number): FrameGroup[] {
  const groups: FrameGroup[] = [];
  let bytes = 0;
  let nextPosition: number | undefined;
  for (let at = index; at < requests.length; at++) {
    const request = requests[at];
    if (request?.kind !== "append") break;
    const { group } = request;
    bytes += groupBytes(group.payloadBytes);
    if (nextPosition !== undefined && (group.firstPosition !== nextPosition || bytes > MERGED_BYTES_MAX))
      break;
    groups.push(group);
    nextPosition = group.firstPosition + group.payloadBytes.length;
  }
  return groups;
}

export function describeFailure(error: unknown): WriterFailure {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const report = error instanceof LogCorruptError ? error.report : undefined;
  return { name, message, code: errorCode(error), report };
}

export function failureToError(failure: WriterFailure): Error {
  const { name, message, code, report } = failure;
  if (report !== undefined) return new LogCorruptError(message, report);
  if (name === "LogVersionError") return new LogVersionError(message);
  if (name === "LogFailedError") return new LogFailedError(message);
  return Object.assign(new Error(message), code === undefined ? {} : { code });
}
