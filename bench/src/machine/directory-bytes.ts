import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

const WINDOW_BYTES = 64 * 1024;
const BYTES_PER_BLOCK = 512;
const POLL_MS = 100;

/** What all files below a directory take on disk. */
export function directoryBytes(directory: string): number {
  let bytes = 0;
  for (const entry of entriesOf(directory)) {
    const stat = statSync(entry, { throwIfNoEntry: false });
    bytes += (stat?.blocks ?? 0) * BYTES_PER_BLOCK;
  }
  return bytes;
}

/**
 * How much was written to a log whose files are filled with zeros beforehand and deleted when a checkpoint has what is in
 * them: all files that were there since the beginning count, the ones that are not full up to their last byte that is no zero.
 */
export class LogMeter {
  readonly #directory: string;
  readonly #sizes = new Map<string, number>();
  readonly #before: number;
  readonly #timer: NodeJS.Timeout;

  constructor(directory: string) {
    this.#directory = directory;
    this.#before = this.#bytes();
    this.#timer = setInterval(() => this.#look(), POLL_MS).unref();
  }

  /** Bytes since the beginning. Ends the looking. */
  stop(): number {
    clearInterval(this.#timer);
    return this.#bytes() - this.#before;
  }

  #look(): void {
    for (const path of entriesOf(this.#directory)) {
      const size = statSync(path, { throwIfNoEntry: false })?.size;
      if (size !== undefined && path.endsWith(".segment")) this.#sizes.set(path, size);
    }
  }

  #bytes(): number {
    this.#look();
    let bytes = 0;
    for (const [path, size] of this.#sizes) bytes += usedBytes(path) ?? size;
    return bytes;
  }
}

/** Undefined when the file is gone. */
function usedBytes(path: string): number | undefined {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const file = openSync(path, "r");
  try {
    const window = Buffer.alloc(WINDOW_BYTES);
    for (let end = fstatSync(file).size; end > 0; end -= WINDOW_BYTES) {
      const start = Math.max(0, end - WINDOW_BYTES);
      const length = readSync(file, window, 0, end - start, start);
      const last = window.subarray(0, length).findLastIndex((byte) => byte !== 0);
      if (last !== -1) return start + last + 1;
    }
    return 0;
  } finally {
    closeSync(file);
  }
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  } catch {
    return []; // A folder that was deleted while it was read.
  }
}
