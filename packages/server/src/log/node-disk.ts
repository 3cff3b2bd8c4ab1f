import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";

import type { Disk, DiskFile } from "./disk.ts";

/** Files hold what callers sent: only the server's own user may read them. */
const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

const FLAGS = { create: "wx+", write: "r+", read: "r" } as const;

/** The real disk. On macOS libuv's fsync is F_FULLFSYNC, so it is as durable there, only slower. */
export class NodeDisk implements Disk {
  #kept: { readonly directory: string; readonly fd: number } | undefined;

  /**
   * Keeps this directory open until `close`: what is made durable in it from now on needs no free descriptor. One that is
   * found missing between a rename and its sync would leave a log that can neither go on nor back.
   */
  keepOpen(directory: string): void {
    if (process.platform !== "win32") this.#kept = { directory, fd: openSync(directory, "r") };
  }

  close(): void {
    if (this.#kept !== undefined) closeSync(this.#kept.fd);
    this.#kept = undefined;
  }

  open(path: string, mode: "create" | "write" | "read"): DiskFile {
    return new NodeFile(openSync(path, FLAGS[mode], FILE_MODE));
  }

  list(directory: string): string[] {
    return readdirSync(directory);
  }

  rename(from: string, to: string): void {
    renameSync(from, to);
  }

  unlink(path: string): void {
    unlinkSync(path);
  }

  makeDirectory(directory: string): void {
    const created = mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
    if (created === undefined) return;

    // A new directory is an entry of its parent: walk up from the new one to the first parent that existed before.
    let child = resolve(directory);
    const outermost = resolve(created);
    for (;;) {
      this.syncDirectory(dirname(child));
      if (child === outermost) return;
      child = dirname(child);
    }
  }

  syncDirectory(directory: string): void {
    // Windows can neither open nor sync a directory; NTFS journals names by itself.
    if (process.platform === "win32") return;
    if (this.#kept?.directory === directory) {
      fsyncSync(this.#kept.fd);
      return;
    }
    const fd = openSync(directory, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}

class NodeFile implements DiskFile {
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  pwrite(bytes: Uint8Array, offset: number): number {
    return writeSync(this.#fd, bytes, 0, bytes.length, offset);
  }

  pread(into: Uint8Array, offset: number): number {
    return readSync(this.#fd, into, 0, into.length, offset);
  }

  datasync(): void {
    fdatasyncSync(this.#fd);
  }

  truncate(size: number): void {
    ftruncateSync(this.#fd, size);
  }

  size(): number {
    return fstatSync(this.#fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }
}
