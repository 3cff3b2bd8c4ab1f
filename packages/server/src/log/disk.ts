/**
 * The port to the disk as the log sees it: files as ranges of bytes, and directories as sets of names. Small enough to be
 * modelled exactly, so that a simulated disk can take its place.
 *
 * All calls are synchronous: the log's writer owns a thread. All failures are thrown with the `code` of the system call
 * ("ENOSPC", "EMFILE", "EIO", "ENOENT", "EEXIST").
 *
 * What survives a power cut, and nothing else:
 * - the bytes and the size of a file as of its last `datasync` that returned,
 * - the names of a directory as of its last `syncDirectory` that returned.
 * Of what came later any part may survive, in any order, sector by sector.
 */
export interface Disk {
  /** "create" makes the file and fails when the name is taken; "write" and "read" fail when there is none. */
  open(path: string, mode: "create" | "write" | "read"): DiskFile;
  /** Names in a directory, in no particular order. */
  list(directory: string): string[];
  /** Replaces `to` atomically. Both are in the same directory. */
  rename(from: string, to: string): void;
  unlink(path: string): void;
  /** Makes the directory and its parents durable; does nothing when it exists. */
  makeDirectory(directory: string): void;
  syncDirectory(directory: string): void;
}

export interface DiskFile {
  /** May write less than asked for and say so. The caller repeats with the rest. */
  pwrite(bytes: Uint8Array, offset: number): number;
  /** May read less than asked for; 0 at the end of the file. */
  pread(into: Uint8Array, offset: number): number;
  datasync(): void;
  truncate(size: number): void;
  size(): number;
  close(): void;
}

const NO_ROOM: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG", "EMFILE", "ENFILE"]);

/** Writes all of `bytes`. When it throws, some prefix of them may have been written. */
export function pwriteAll(file: DiskFile, bytes: Uint8Array, offset: number): void {
  let done = 0;
  while (done < bytes.length) {
    const written = file.pwrite(done === 0 ? bytes : bytes.subarray(done), offset + done);
    if (written <= 0)
      throw new Error(`Cannot write to a file: ${written} bytes were taken at offset ${offset + done}`);
    done += written;
  }
}

/** Reads until `into` is full or the file ends. Returns how much was read. */
export function preadAll(file: DiskFile, into: Uint8Array, offset: number): number {
  let done = 0;
  while (done < into.length) {
    const read = file.pread(done === 0 ? into : into.subarray(done), offset + done);
    if (read === 0) break;
    done += read;
  }
  return done;
}

/**
 * No room: the disk, the quota or the file size limit, or no descriptor for one more file. Nothing of what was asked for has
 * happened, or it can be taken back: the only failures after which the log can go on.
 */
export function hasNoRoom(error: unknown): boolean {
  return NO_ROOM.has(errorCode(error) ?? "");
}

export function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
