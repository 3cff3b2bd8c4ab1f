import { closeSync, fstatSync, openSync, readSync, renameSync, statSync } from "node:fs";

const TAIL_BYTES = 16 * 1024;
const LOG_BYTES_MAX = 10 * 1024 * 1024;

/** The last lines of a file; none when it is not there. */
export function lastLines(path: string, linesMax: number): readonly string[] {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return []; // Nothing has been written yet.
  }
  try {
    const { size } = fstatSync(file);
    const tail = new Uint8Array(Math.min(size, TAIL_BYTES));
    readSync(file, tail, 0, tail.length, size - tail.length);
    return new TextDecoder().decode(tail).trimEnd().split("\n").slice(-linesMax);
  } finally {
    closeSync(file);
  }
}

/** Opens a log to append to. What has grown too large is put aside, in place of what was put aside before. */
export function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  return openSync(path, "a");
}
