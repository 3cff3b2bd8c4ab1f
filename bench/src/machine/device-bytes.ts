/**
 * What a disk has been given to write, by whomever. The count that the system keeps for a process will not do: a few bytes
 * written into a file whose pages the kernel keeps in large blocks count there as a whole block, sixty times what reaches
 * the disk.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";

const BYTES_PER_SECTOR = 512;
/** In /sys/dev/block/MAJOR:MINOR/stat. */
const FIELD_WRITTEN_SECTORS = 6;
/** As Linux packs a device's two numbers. */
const MINOR_LOW_BITS = 8;
const MAJOR_BITS = 12;

/**
 * Bytes written so far to the disk that holds `directory`, everything that waits in the kernel's cache included: it is
 * flushed first. Undefined where the system does not tell.
 */
export function deviceBytes(directory: string): number | undefined {
  try {
    const { dev } = statSync(directory);
    const major = (dev >>> MINOR_LOW_BITS) & (2 ** MAJOR_BITS - 1);
    const minor = (dev & (2 ** MINOR_LOW_BITS - 1)) | ((dev >>> 12) & 0xfff00);
    execFileSync("sync");
    const fields = readFileSync(`/sys/dev/block/${major}:${minor}/stat`, "utf8").trim().split(/\s+/);
    return Number(fields[FIELD_WRITTEN_SECTORS]) * BYTES_PER_SECTOR;
  } catch {
    return undefined; // No Linux, or a file system without a disk of its own.
  }
}
