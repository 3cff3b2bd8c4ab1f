import { join } from "node:path";

import { hasNoRoom, pwriteAll } from "./disk.ts";
import { groupBytes, type FrameGroup } from "./frame-group.ts";
import { encodeFrame, frameBytes, SEAL_BYTES } from "./frame.ts";
import type { SegmentEntry } from "./log-reader.ts";
import { LogFailedError } from "./log.ts";
import {
  openLogDirectory,
  type ActiveSegment,
  type LogOpenReport,
  type LogWriterOptions,
} from "./open-log-directory.ts";
import { OPENING_BYTES, SEGMENT_HEADER_BYTES } from "./segment.ts";
import { SpareSegment } from "./spare-segment.ts";

/** A log starts with a small segment and each one may be this much larger, so a short-lived process writes little. */
const GROWTH = 4;

/**
 * The next segment is filled with zeros while the active one fills with frames between these two marks, at the same pace: a
 * slice now and then, each of which a batch may have to wait for. Large and rare beats small and frequent here: with 4 KiB
 * batches fewer than one in a hundred meets a slice.
 */
const FILL_FROM = 1 / 8;
const FILL_UNTIL = 7 / 8;
const FILL_SLICE_BYTES = 1024 * 1024;

/**
 * The one writer of a log directory. Synchronous: each call returns when its bytes are durable. Runs in the log's thread, or
 * anywhere in a test.
 *
 * After any failure but want of room (see `hasNoRoom`) the writer is finished. A sync that failed is never repeated: the
 * kernel may have dropped the bytes and call the next sync a success.
 */
export class LogWriter {
  readonly epoch: number;
  readonly report: LogOpenReport;
  readonly #options: LogWriterOptions;
  #segments: readonly SegmentEntry[];
  #active: ActiveSegment;
  #spare: SpareSegment | undefined;
  #nextSequence: number;
  #tail: number;
  #sealed: number;
  /** No more zeros ahead until a batch needs them: what is left of the disk belongs to the checkpoint. */
  #spaceIsShort = false;
  #failure: LogFailedError | undefined;

  /** Recovers the log and begins a new epoch, durably. */
  static open(options: LogWriterOptions): LogWriter {
    return new LogWriter(options);
  }

  private constructor(options: LogWriterOptions) {
    const opened = openLogDirectory(options);
    this.#options = options;
    this.#segments = opened.segments;
    this.#active = opened.active;
    this.#nextSequence = opened.active.header.sequence + 1;
    this.#tail = opened.tail;
    this.#sealed = opened.tail;
    this.epoch = opened.active.header.epoch;
    this.report = opened.report;
  }

  get tail(): number {
    return this.#tail;
  }

  /** Replaced, not changed, when segments come and go. */
  get segments(): readonly SegmentEntry[] {
    return this.#segments;
  }

  /**
   * Makes the group durable, or stores nothing of it ("full").
   *
   * Crash argument: the group lies in one segment behind everything durable, in sectors of its own. Until phase 4 returns
   * nobody has been told of it, so recovery may find all of it, part of it or nothing. From then on its frames are intact on
   * the disk, and the next frame, seal or segment says so.
   */
  append(group: FrameGroup): "ok" | "full" {
    this.#requireUsable();
    const { epoch } = this;
    if (group.firstPosition !== this.#tail + 1) {
      throw new Error(
        `Cannot write position ${group.firstPosition} to the log: the next one is ${this.#tail + 1}`,
      );
    }
    const length = groupBytes(group.payloadBytes);

    // 1. Room for the group, and for a seal behind it.
    if (!this.#makeRoom(length)) return "full";

    // 2. Headers and checksums around the payloads.
    const active = this.#active;
    const durable = this.#tail;
    let position = this.#tail;
    let offset = 0;
    for (const payloadBytes of group.payloadBytes) {
      position += 1;
      const header = { kind: "batch", position, epoch, durable, payloadBytes } as const;
      encodeFrame(group.bytes, offset, header, active.header.nonce, this.#options.crc32);
      offset += frameBytes(payloadBytes);
    }

    // 3. One write.
    if (!this.#write(group.bytes.subarray(0, length))) return "full";

    // 4. One sync.
    this.#run("sync", () => active.file.datasync());
    active.offset += length;
    this.#tail = position;
    return "ok";
  }

  /**
   * Writes a witness for the last batch when there is none yet. Called when the log has been idle for a moment: without it
   * damage to the very last batch could not be told from an unfinished write.
   */
  seal(): void {
    this.#requireUsable();
    if (this.#sealed === this.#tail) return;
    const active = this.#active;
    const bytes = new Uint8Array(SEAL_BYTES);
    const position = this.#tail;
    const header = { kind: "seal", position, epoch: this.epoch, durable: position, payloadBytes: 0 } as const;
    encodeFrame(bytes, 0, header, active.header.nonce, this.#options.crc32);
    if (!this.#write(bytes)) return;
    this.#run("sync", () => active.file.datasync());
    active.offset += SEAL_BYTES;
    this.#sealed = position;
  }

  /** Fills a slice of the next segment with zeros if one is due. Returns whether another is. Called between batches. */
  prepare(): boolean {
    this.#requireUsable();
    if (this.#spaceIsShort) return false;
    const { capacity } = this.#active.header;
    const size = Math.min(this.#options.segmentBytes, capacity * GROWTH);
    const progress = (this.#active.offset / capacity - FILL_FROM) / (FILL_UNTIL - FILL_FROM);
    const due = size * Math.min(1, progress);
    const filled = this.#spare?.filled ?? 0;
    const next = Math.min(size, filled + FILL_SLICE_BYTES);
    if (filled >= size || next > due) return false;

    const isDurable = this.#fillSpare(next) && this.#syncSpare();
    if (isDurable) return next + FILL_SLICE_BYTES <= due;
    this.#spaceIsShort = true;
    this.#discardSpare();
    return false;
  }

  /**
   * Removes segments that hold only positions up to `upTo`. The oldest goes first and its removal is durable before the next
   * one goes, so a crash never leaves a hole. The active segment stays.
   *
   * A file that cannot be removed is no reason to stop: it is still part of the log, and the error says what happened.
   */
  trim(upTo: number): void {
    this.#requireUsable();
    const { disk, directory } = this.#options;
    for (;;) {
      const [oldest, next] = this.#segments;
      if (oldest === undefined || next === undefined || next.firstPosition > upTo + 1) return;
      disk.unlink(join(directory, oldest.fileName));
      this.#segments = this.#segments.slice(1);
      this.#run("trim", () => disk.syncDirectory(directory));
      this.#spaceIsShort = false;
    }
  }

  /** Closes files and writes nothing: a log that was closed and one whose process died are the same. */
  close(): void {
    this.#failure ??= new LogFailedError("Cannot use the log: it is closed");
    this.#active.file.close();
    this.#spare?.close();
  }

  /** Makes sure that `length` bytes and a seal fit behind the active offset. `false`: the disk is full. */
  #makeRoom(length: number): boolean {
    const { capacity } = this.#active.header;
    if (this.#active.offset + length + SEAL_BYTES <= capacity) return true;

    const { segmentBytes, directory, disk, crc32 } = this.#options;
    const needed = SEGMENT_HEADER_BYTES + length + SEAL_BYTES;
    const size = Math.max(this.#spare?.filled ?? 0, needed, Math.min(segmentBytes, OPENING_BYTES));

    // 1. A file of zeros, smaller than wished for when the disk is nearly full.
    if (!this.#fillSpare(size) && (this.#spare?.filled ?? 0) < needed) return this.#giveUpRoom();

    // 2. It gets header and name. Everything before its first position is durable: groups never span segments.
    const spare = this.#spare;
    if (spare === undefined) throw new Error("Cannot start a segment: no file was made for it");
    const firstPosition = this.#tail + 1;
    const { header: current } = this.#active;
    // A segment without a batch is superseded by this one, and the next open removes it.
    const previous = current.firstPosition < firstPosition ? current.sequence : current.previous;
    const header = {
      previous,
      firstPosition,
      epoch: this.epoch,
      durable: this.#tail,
      nonce: this.#options.nonce(),
    };
    const promoted = this.#unlessFull("roll", () => spare.promote(header, new Uint8Array(0), crc32));
    if (promoted === undefined) return this.#giveUpRoom();
    this.#spare = undefined;

    // 3. The name is durable before anything in the file is acknowledged.
    this.#run("roll", () => disk.syncDirectory(directory));

    // 4. Frames go there from now on. The header is the witness for the last batch before it.
    this.#active.file.close();
    this.#active = { file: promoted.file, header: promoted.header, offset: SEGMENT_HEADER_BYTES };
    this.#segments = [...this.#segments, { fileName: promoted.fileName, firstPosition }];
    this.#spaceIsShort = false;
    return true;
  }

  #giveUpRoom(): false {
    this.#discardSpare();
    return false;
  }

  /** Grows the spare file to `size`. `false`: the disk is full. */
  #fillSpare(size: number): boolean {
    const { disk, directory } = this.#options;
    const filled = this.#unlessFull("extend", () => {
      this.#spare ??= new SpareSegment(disk, directory, this.#nextSequence++);
      this.#spare.fill(size);
      return true;
    });
    return filled === true;
  }

  /** Now rather than all at once later. `false`: the disk is full. */
  #syncSpare(): boolean {
    const synced = this.#unlessFull("extend", () => {
      this.#spare?.datasync();
      return true;
    });
    return synced === true;
  }

  #discardSpare(): void {
    const spare = this.#spare;
    this.#spare = undefined;
    if (spare !== undefined) this.#run("extend", () => spare.discard());
  }

  /**
   * Writes at the active offset. `false`: the disk was full and the place is zeros again.
   *
   * A file system that does not write in place can be full even inside a file. The group's first frames may be complete by
   * then; left there, a later recovery would bring back batches that the caller was told are not stored.
   */
  #write(bytes: Uint8Array): boolean {
    const { file, offset } = this.#active;
    const written = this.#unlessFull("write", () => {
      pwriteAll(file, bytes, offset);
      return true;
    });
    if (written === true) return true;
    this.#run("repair", () => {
      pwriteAll(file, new Uint8Array(bytes.length), offset);
      file.datasync();
    });
    return false;
  }

  /** `undefined` when there was no room; any other failure finishes the log. */
  #unlessFull<T>(what: string, step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      if (hasNoRoom(error)) return undefined;
      throw this.#fail(what, error);
    }
  }

  #run(what: string, step: () => void): void {
    try {
      step();
    } catch (error) {
      throw this.#fail(what, error);
    }
  }

  #fail(what: string, cause: unknown): LogFailedError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#failure = new LogFailedError(
      `The log in ${this.#options.directory} failed (${what}: ${reason}). What was not acknowledged may or may not be ` +
        "stored: the process has to end, and the next start finds out",
      { cause },
    );
    return this.#failure;
  }

  #requireUsable(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }
}
