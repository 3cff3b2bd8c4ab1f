import { join } from "node:path";

import { pwriteAll, type Disk, type DiskFile } from "./disk.ts";
import type { Crc32 } from "./frame.ts";
import { encodeSegmentHeader, segmentFileName, spareFileName, type SegmentHeader } from "./segment.ts";

const ZEROS_BYTES = 256 * 1024;

/**
 * The next segment while it is being filled with zeros. Writing into space that exists already spares each sync the file's
 * new size, and a full disk shows here, where no batch waits.
 */
export class SpareSegment {
  readonly sequence: number;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #path: string;
  readonly #file: DiskFile;
  #filled = 0;

  constructor(disk: Disk, directory: string, sequence: number) {
    this.sequence = sequence;
    this.#disk = disk;
    this.#directory = directory;
    this.#path = join(directory, spareFileName(sequence));
    this.#file = disk.open(this.#path, "create");
  }

  /** Bytes of the file so far. */
  get filled(): number {
    return this.#filled;
  }

  /** Writes zeros up to `size`. When it throws for want of space, `filled` tells how far it came. */
  fill(size: number): void {
    const zeros = new Uint8Array(Math.min(ZEROS_BYTES, Math.max(0, size - this.#filled)));
    while (this.#filled < size) {
      const slice = zeros.subarray(0, Math.min(zeros.length, size - this.#filled));
      const written = this.#file.pwrite(slice, this.#filled);
      if (written <= 0)
        throw new Error(`Cannot extend ${this.#path}: nothing was written at ${this.#filled}`);
      this.#filled += written;
    }
  }

  datasync(): void {
    this.#file.datasync();
  }

  /**
   * Makes the file a segment. `frames` are durable positions that are rewritten into it; they lie right behind the header.
   *
   * Crash argument: before phase 3 is through there is only a spare, which the next open removes. When the name is there,
   * everything it stands for is durable, because phase 2 came before it. If the name is lost with the directory's sync, the
   * spare is there instead; nothing has been acknowledged from it yet.
   */
  promote(
    header: Omit<SegmentHeader, "capacity" | "sequence">,
    frames: Uint8Array,
    crc32: Crc32,
  ): PromotedSegment {
    const complete: SegmentHeader = { ...header, sequence: this.sequence, capacity: this.#filled };
    const fileName = segmentFileName(complete);

    // 1. Contents.
    const encoded = encodeSegmentHeader(complete, crc32);
    pwriteAll(this.#file, encoded, 0);
    if (frames.length > 0) pwriteAll(this.#file, frames, encoded.length);

    // 2. Contents are durable.
    this.#file.datasync();

    // 3. The name.
    this.#disk.rename(this.#path, join(this.#directory, fileName));

    return { file: this.#file, header: complete, fileName };
  }

  /** Gives the space back. */
  discard(): void {
    this.#file.close();
    this.#disk.unlink(this.#path);
  }

  close(): void {
    this.#file.close();
  }
}

/** The caller syncs the directory before it writes to the file. */
export type PromotedSegment = {
  readonly file: DiskFile;
  readonly header: SegmentHeader;
  readonly fileName: string;
};
