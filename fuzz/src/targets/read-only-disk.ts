/** Files in memory, for what only reads. */
import { basename } from "node:path";

import type { Disk, DiskFile } from "@holdfast/server/parts";

export function readOnlyDisk(files: ReadonlyMap<string, Uint8Array>): Disk {
  return {
    open(path) {
      const bytes = files.get(basename(path));
      if (bytes === undefined) throw Object.assign(new Error(`There is no file ${path}`), { code: "ENOENT" });
      return fileOf(bytes);
    },
    list: () => [...files.keys()],
    rename: refuse,
    unlink: refuse,
    makeDirectory: refuse,
    syncDirectory: refuse,
  };
}

function fileOf(bytes: Uint8Array): DiskFile {
  return {
    pread(into, offset) {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    size: () => bytes.length,
    close: () => {},
    pwrite: refuse,
    datasync: refuse,
    truncate: refuse,
  };
}

function refuse(): never {
  throw new Error("What only reads tried to write");
}
