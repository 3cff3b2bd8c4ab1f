import { dirname } from "node:path";

import type { Disk, DiskFile } from "./disk.ts";

/** What a power cut can split, unless told: each sector of an unsynced write survives or not by itself. */
const SECTOR_BYTES = 512;

/**
 * What reads find after a sync that failed, of which nothing was stored: as ext4 and XFS have it, what was written; as Btrfs
 * has it, what was there before.
 */
export type FailedSyncLeaves = "what was written" | "what was there";

/** Code of the errors of a machine that has stopped. */
export const STOPPED = "STOPPED";

/** What a disk can be told to do to its process: end it within a change, or refuse a sync, an open, a read or a write. */
export type InjectedFault = "stop" | "sync" | "open" | "read" | "full";

export type FaultDiskOptions = {
  /** 0 ≤ x < 1. Decides everything that is left to chance. */
  readonly random: () => number;
  /** Bytes that all files together may take. */
  readonly capacityBytes?: number;
  /** 512 or 4096. */
  readonly sectorBytes?: number;
};

type PowerCutOptions = {
  /** Probability that a sector of an unsynced write is on the disk. Each one is drawn by itself. */
  readonly survival?: number;
  /** Probability that a sector that was being written holds garbage instead. */
  readonly garbage?: number;
};

/** One file, whatever its names. `cache` is what reads see, `durable` what a power cut leaves. */
class Inode {
  cache: Uint8Array = new Uint8Array(0);
  durable: Uint8Array = new Uint8Array(0);
  /** Sectors written since the last sync, each with the contents it had in turn. */
  dirty = new Map<number, Uint8Array[]>();
}

type NameChange = { readonly name: string; readonly inode: Inode | undefined };

/** A directory: its names as processes see them, and as a power cut leaves them. */
class Directory {
  readonly names = new Map<string, Inode>();
  readonly durable = new Map<string, Inode>();
  /** Since the last sync; the changes of one element happen together or not at all. */
  pending: NameChange[][] = [];
}

/** A disk in memory that can lose what was not synced, fill up, fail and rot. For tests. */
export class FaultDisk implements Disk {
  readonly #random: () => number;
  readonly #directories = new Map<string, Directory>();
  #capacity: number;
  #life = 0;
  readonly #sectorBytes: number;
  #syncsUntilFailure = 0;
  #failedSyncLeaves: FailedSyncLeaves = "what was written";
  #opensUntilFailure = 0;
  #readsUntilFailure = 0;
  #writesUntilFull = 0;
  #refuseWrite = false;
  #operationsLeft: number = Number.POSITIVE_INFINITY;

  /** Calls that change something, so far: where `stopAfter` can stop. */
  operations = 0;
  /** What it did of what it was told to do, and how often: what was only prepared is not among it. */
  readonly injected = new Map<InjectedFault, number>();
  /** Counted for tests that promise how often the disk is asked. */
  writes = 0;
  syncs = 0;
  /** Most bytes that one pwrite takes: less makes writes short. */
  writeBytesMax: number = Number.POSITIVE_INFINITY;

  constructor(options: FaultDiskOptions) {
    this.#random = options.random;
    this.#capacity = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.#sectorBytes = options.sectorBytes ?? SECTOR_BYTES;
  }

  open(path: string, mode: "create" | "write" | "read"): DiskFile {
    if (this.#opensUntilFailure > 0 && --this.#opensUntilFailure === 0)
      throw this.#inject("open", "EMFILE", path);
    const directory = this.#directory(dirname(path));
    let inode = directory.names.get(path);
    if (mode === "create") {
      if (inode !== undefined) throw systemError("EEXIST", path);
      this.#change(path);
      inode = new Inode();
      directory.names.set(path, inode);
      directory.pending.push([{ name: path, inode }]);
    }
    if (inode === undefined) throw systemError("ENOENT", path);
    return this.#handle(inode, path);
  }

  list(directory: string): string[] {
    return [...this.#directory(directory).names.keys()].map((path) => path.slice(directory.length + 1));
  }

  rename(from: string, to: string): void {
    const directory = this.#directory(dirname(from));
    const inode = directory.names.get(from);
    if (inode === undefined) throw systemError("ENOENT", from);
    this.#change(from);
    directory.names.delete(from);
    directory.names.set(to, inode);
    directory.pending.push([
      { name: from, inode: undefined },
      { name: to, inode },
    ]);
  }

  unlink(path: string): void {
    const directory = this.#directory(dirname(path));
    if (!directory.names.has(path)) throw systemError("ENOENT", path);
    this.#change(path);
    directory.names.delete(path);
    directory.pending.push([{ name: path, inode: undefined }]);
  }

  makeDirectory(directory: string): void {
    if (!this.#directories.has(directory)) this.#directories.set(directory, new Directory());
  }

  syncDirectory(path: string): void {
    const directory = this.#directory(path);
    if (this.#change(path)) throw systemError(STOPPED, path);
    directory.pending = [];
    directory.durable.clear();
    for (const [name, inode] of directory.names) directory.durable.set(name, inode);
  }

  /** The process dies: what it wrote stays in the kernel, its open files are gone. */
  killProcess(): void {
    this.#life += 1;
    this.#operationsLeft = Number.POSITIVE_INFINITY;
  }

  /** Power is lost: of everything that was not synced an arbitrary part is there afterwards. */
  cutPower(options: PowerCutOptions = {}): void {
    this.killProcess();
    const survival = options.survival ?? this.#random();
    for (const directory of this.#directories.values()) {
      this.#settleNames(directory, survival);
      for (const inode of new Set(directory.names.values()))
        this.#settle(inode, survival, options.garbage ?? 0);
    }
  }

  /**
   * The machine stops within the `count`th change from now: that one may still have begun, and everything after it fails
   * with `STOPPED`. To be followed by `killProcess` or `cutPower`.
   */
  stopAfter(count: number): void {
    this.#operationsLeft = count;
  }

  /** The `count`th datasync from now fails once, and what it should have stored is dropped. 0: none does. */
  failSync(count: number, leaves: FailedSyncLeaves = "what was written"): void {
    this.#syncsUntilFailure = count;
    this.#failedSyncLeaves = leaves;
  }

  /** The `count`th open from now finds no free file descriptor. 0: none does. */
  failOpen(count: number): void {
    this.#opensUntilFailure = count;
  }

  /** The `count`th read from now fails. 0: none does. */
  failRead(count: number): void {
    this.#readsUntilFailure = count;
  }

  /** The `count`th write from now is short and then there is no space, even in a place that was written before. */
  fillAtWrite(count: number): void {
    this.#writesUntilFull = count;
    this.#refuseWrite = false;
  }

  setCapacity(bytes: number): void {
    this.#capacity = bytes;
  }

  usedBytes(): number {
    let used = 0;
    for (const directory of this.#directories.values()) {
      for (const inode of new Set(directory.names.values())) used += inode.cache.length;
    }
    return used;
  }

  /** Flips bits of a file at rest. */
  corrupt(path: string, offset: number, mask: number): void {
    const inode = this.#inode(path);
    for (const bytes of [inode.cache, inode.durable]) bytes[offset] = (bytes[offset] ?? 0) ^ mask;
  }

  contents(path: string): Uint8Array {
    return this.#inode(path).cache.slice();
  }

  /** Puts a durable file there, as a restore from a backup would. */
  place(path: string, bytes: Uint8Array): void {
    const directory = this.#directory(dirname(path));
    const inode = new Inode();
    inode.cache = bytes.slice();
    inode.durable = bytes.slice();
    directory.names.set(path, inode);
    directory.durable.set(path, inode);
  }

  /** An independent copy of the disk as it is. */
  clone(): FaultDisk {
    const copy = new FaultDisk({ random: this.#random, capacityBytes: this.#capacity });
    for (const [path, directory] of this.#directories) {
      copy.makeDirectory(path);
      for (const [name, inode] of directory.names) copy.place(name, inode.cache);
    }
    return copy;
  }

  /** Throws when the machine has stopped. Returns whether it stops within this change, which then only half happens. */
  #change(path: string): boolean {
    this.operations += 1;
    this.#operationsLeft -= 1;
    if (this.#operationsLeft < 0) throw systemError(STOPPED, path);
    if (this.#operationsLeft > 0) return false;
    this.#count("stop");
    return true;
  }

  #inject(fault: InjectedFault, code: string, path: string): Error {
    this.#count(fault);
    return systemError(code, path);
  }

  #count(fault: InjectedFault): void {
    this.injected.set(fault, (this.injected.get(fault) ?? 0) + 1);
  }

  #directory(path: string): Directory {
    const directory = this.#directories.get(path);
    if (directory === undefined) throw systemError("ENOENT", path);
    return directory;
  }

  #inode(path: string): Inode {
    const inode = this.#directory(dirname(path)).names.get(path);
    if (inode === undefined) throw systemError("ENOENT", path);
    return inode;
  }

  #handle(inode: Inode, path: string): DiskFile {
    const life = this.#life;
    let open = true;
    const use = (): Inode => {
      if (!open || life !== this.#life) throw systemError("EBADF", path);
      return inode;
    };
    return {
      pwrite: (bytes, offset) => this.#pwrite(use(), bytes, offset, path),
      pread: (into, offset) => {
        if (this.#readsUntilFailure > 0 && --this.#readsUntilFailure === 0)
          throw this.#inject("read", "EIO", path);
        const { cache } = use();
        const bytes = cache.subarray(offset, Math.min(offset + into.length, cache.length));
        into.set(bytes);
        return bytes.length;
      },
      datasync: () => this.#datasync(use(), path),
      truncate: (size) => {
        use().cache = resized(inode.cache, size);
      },
      size: () => use().cache.length,
      close: () => {
        open = false;
      },
    };
  }

  #pwrite(inode: Inode, bytes: Uint8Array, offset: number, path: string): number {
    this.writes += 1;
    const stopping = this.#change(path);
    let length = Math.min(bytes.length, this.writeBytesMax);
    if (this.#writesUntilFull > 0 && --this.#writesUntilFull === 0) {
      // The next one, for the rest of the bytes, is refused.
      length = Math.floor(length * this.#random());
      this.#refuseWrite = length > 0;
      if (length === 0) throw this.#inject("full", "ENOSPC", path);
    } else if (this.#refuseWrite) {
      this.#refuseWrite = false;
      throw this.#inject("full", "ENOSPC", path);
    }
    const room = this.#capacity - this.usedBytes();
    const growth = offset + length - inode.cache.length;
    if (growth > room) length -= growth - Math.max(0, room);
    if (length <= 0 && bytes.length > 0) throw this.#inject("full", "ENOSPC", path);

    if (offset + length > inode.cache.length) inode.cache = resized(inode.cache, offset + length);
    inode.cache.set(bytes.subarray(0, length), offset);
    const lastSector = Math.floor((offset + length - 1) / this.#sectorBytes);
    for (let sector = Math.floor(offset / this.#sectorBytes); sector <= lastSector; sector++) {
      const versions = inode.dirty.get(sector) ?? [];
      versions.push(inode.cache.slice(sector * this.#sectorBytes, (sector + 1) * this.#sectorBytes));
      inode.dirty.set(sector, versions);
    }
    if (stopping) throw systemError(STOPPED, path);
    return length;
  }

  #datasync(inode: Inode, path: string): void {
    this.syncs += 1;
    if (this.#change(path)) throw systemError(STOPPED, path);
    const failing = this.#syncsUntilFailure === 1;
    if (this.#syncsUntilFailure > 0) this.#syncsUntilFailure -= 1;
    const dirty = [...inode.dirty.keys()];
    inode.dirty.clear();
    if (failing) {
      if (this.#failedSyncLeaves === "what was there") inode.cache = inode.durable.slice();
      throw this.#inject("sync", "EIO", path);
    }
    if (inode.durable.length !== inode.cache.length)
      inode.durable = resized(inode.durable, inode.cache.length);
    for (const sector of dirty) {
      const offset = sector * this.#sectorBytes;
      inode.durable.set(inode.cache.subarray(offset, offset + this.#sectorBytes), offset);
    }
  }

  #settleNames(directory: Directory, survival: number): void {
    for (const changes of directory.pending) {
      if (this.#random() >= survival) continue;
      for (const { name, inode } of changes) {
        if (inode === undefined) directory.durable.delete(name);
        else directory.durable.set(name, inode);
      }
    }
    directory.pending = [];
    directory.names.clear();
    for (const [name, inode] of directory.durable) directory.names.set(name, inode);
  }

  #settle(inode: Inode, survival: number, garbage: number): void {
    const sized = inode.cache.length === inode.durable.length || this.#random() < survival;
    const bytes = new Uint8Array(sized ? inode.cache.length : inode.durable.length);
    bytes.set(inode.durable.subarray(0, bytes.length));
    for (const [sector, versions] of inode.dirty) {
      const offset = sector * this.#sectorBytes;
      if (offset >= bytes.length || this.#random() >= survival) continue;
      const version = versions[Math.floor(this.#random() * versions.length)] ?? new Uint8Array(0);
      const content =
        this.#random() < garbage ? version.map(() => Math.floor(this.#random() * 256)) : version;
      bytes.set(content.subarray(0, bytes.length - offset), offset);
    }
    inode.durable = bytes;
    inode.cache = bytes.slice();
    inode.dirty.clear();
  }
}

/** A small generator (mulberry32): the same seed gives the same faults. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(bytes.subarray(0, size));
  return copy;
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: injected, '${path}'`), { code });
}
