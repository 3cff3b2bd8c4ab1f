/** A file system in memory of a few megabytes, to be filled. Needs root; unmounted whatever way the process ends. */
import { spawnSync } from "node:child_process";
import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";

const mounted = new Set<SmallFileSystem>();
process.once("exit", () => {
  for (const fileSystem of mounted) fileSystem[Symbol.dispose]();
});

const CHUNK_BYTES = 16 * 1024;
const FILLER = "filler";

export class SmallFileSystem implements Disposable {
  readonly path: string;

  /** `path` is an empty directory. */
  constructor(path: string, bytes: number) {
    const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "crucible", path]);
    if (status !== 0) throw new Error(`cannot mount a file system at ${path}: ${String(stderr)}`);
    this.path = path;
    mounted.add(this);
  }

  /** Takes all that is left, down to the last page. */
  fill(): void {
    const fd = openSync(join(this.path, FILLER), "a");
    try {
      for (let bytes = CHUNK_BYTES; bytes >= 1;) {
        try {
          if (writeSync(fd, new Uint8Array(bytes)) < bytes) bytes = Math.floor(bytes / 2);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
          bytes = Math.floor(bytes / 2);
        }
      }
    } finally {
      closeSync(fd);
    }
  }

  free(): void {
    unlinkSync(join(this.path, FILLER));
  }

  [Symbol.dispose](): void {
    if (!mounted.delete(this)) return;
    // Lazily: a process that is just being killed may still have files open.
    spawnSync("umount", ["--lazy", this.path]);
  }
}
