/**
 * The disk under a traced server, as far as promises go: of every file and directory what is durable, and what was done since
 * and may or may not be there after a power cut.
 *
 * A sync makes durable what was finished before it began. Of the rest any part can be on the disk: each sector of each write
 * by itself, old, new or, if it was being written, garbage; a new size without its data; each change of a name.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import type { Random } from "../workload/random.ts";
import type { TraceEvent } from "./trace-events.ts";

/** As the product makes all of its files; it refuses a key that others may read. */
const FILE_MODE = 0o600;

const SECTOR_BYTES = 512;

type Change =
  | { readonly index: number; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly index: number; readonly size: number };

type TracedFile = { durable: Uint8Array; pending: Change[] };

type NameChange = {
  readonly index: number;
  readonly names: ReadonlyArray<readonly [string, Entry | undefined]>;
};

class TracedDirectory {
  readonly names = new Map<string, Entry>();
  readonly durable = new Map<string, Entry>();
  pending: NameChange[] = [];
}

type Entry = TracedFile | TracedDirectory;

/** How much of what is pending reaches the disk. */
export type Luck = {
  /** Probability of each sector and each name. */
  readonly survival: number;
  /** Probability that a sector that was being written holds garbage. */
  readonly garbage: number;
};

export class TracedDisk {
  readonly #root: TracedDirectory;
  readonly #rootPath: string;
  readonly #files = new Map<number, TracedFile>();
  #index = 0;

  /** `root` exists and is durable. */
  constructor(root: string) {
    this.#rootPath = root;
    this.#root = new TracedDirectory();
  }

  /** Events are applied in their order, all of them. */
  apply(event: TraceEvent): void {
    this.#change(event);
    this.#index += 1;
  }

  #change(event: TraceEvent): void {
    switch (event.kind) {
      case "make-directory":
        this.#name([[event.path, new TracedDirectory()]]);
        return;
      case "create": {
        const file: TracedFile = { durable: new Uint8Array(0), pending: [] };
        this.#files.set(event.file, file);
        this.#name([[event.path, file]]);
        return;
      }
      case "write":
        this.#file(event.file).pending.push({ index: this.#index, offset: event.offset, bytes: event.bytes });
        return;
      case "truncate":
        this.#file(event.file).pending.push({ index: this.#index, size: event.size });
        return;
      case "sync": {
        const file = this.#file(event.file);
        for (const change of file.pending)
          if (change.index < event.begun) file.durable = changed(file.durable, change);
        file.pending = file.pending.filter(({ index }) => index >= event.begun);
        return;
      }
      case "sync-directory":
        this.#syncDirectory(this.#directory(event.path), event.begun);
        return;
      case "rename": {
        const entry = this.#directory(dirname(event.from)).names.get(basename(event.from));
        this.#name([
          [event.from, undefined],
          [event.to, entry],
        ]);
        return;
      }
      case "unlink":
        this.#name([[event.path, undefined]]);
        return;
      case "told":
    }
  }

  /** Names of one directory that change together. */
  #name(changes: ReadonlyArray<readonly [path: string, entry: Entry | undefined]>): void {
    const directory = this.#directory(dirname(changes[0]?.[0] ?? ""));
    const names = changes.map(([path, entry]) => [basename(path), entry] as const);
    setNames(directory.names, names);
    directory.pending.push({ index: this.#index, names });
  }

  #syncDirectory(directory: TracedDirectory, begun: number): void {
    for (const { index, names } of directory.pending) if (index < begun) setNames(directory.durable, names);
    directory.pending = directory.pending.filter(({ index }) => index >= begun);
  }

  #file(number: number): TracedFile {
    const file = this.#files.get(number);
    if (file === undefined) throw new Error(`the trace writes to file ${number} before it was made`);
    return file;
  }

  #directory(path: string): TracedDirectory {
    if (path === this.#rootPath) return this.#root;
    const found = this.#directory(dirname(path)).names.get(basename(path));
    if (!(found instanceof TracedDirectory))
      throw new Error(`the trace uses the directory ${path} before it was made`);
    return found;
  }

  /** Changes that a power cut now could lose. */
  get pendingChanges(): number {
    return pendingIn(this.#root);
  }

  /** Writes what one power cut at this moment could leave into a directory. Draws again each time. */
  cutPower(target: string, random: Random, luck: Luck): void {
    leave(this.#root, target, random, luck);
  }
}

function pendingIn(directory: TracedDirectory): number {
  let pending = directory.pending.length;
  for (const entry of directory.names.values())
    pending += entry instanceof TracedDirectory ? pendingIn(entry) : entry.pending.length;
  return pending;
}

function leave(directory: TracedDirectory, target: string, random: Random, luck: Luck): void {
  mkdirSync(target, { recursive: true });
  const names = new Map(directory.durable);
  for (const change of directory.pending) if (random() < luck.survival) setNames(names, change.names);
  for (const [name, entry] of names) {
    const path = join(target, name);
    if (entry instanceof TracedDirectory) leave(entry, path, random, luck);
    else writeFileSync(path, contentsLeft(entry, random, luck), { mode: FILE_MODE });
  }
}

function contentsLeft(file: TracedFile, random: Random, luck: Luck): Uint8Array {
  let bytes = file.durable;
  for (const change of file.pending) {
    if ("size" in change) {
      if (random() < luck.survival) bytes = changed(bytes, change);
      continue;
    }
    const end = change.offset + change.bytes.length;
    const grows = end > bytes.length;
    // Without the new size its data cannot be seen; with it, data that did not arrive is zeros.
    if (grows && random() >= luck.survival) continue;
    bytes = resized(bytes, Math.max(bytes.length, end));
    for (let at = change.offset; at < end; at = nextSector(at)) {
      if (random() >= luck.survival) continue;
      const sector = change.bytes.subarray(at - change.offset, Math.min(nextSector(at), end) - change.offset);
      bytes.set(random() < luck.garbage ? sector.map(() => Math.floor(random() * 256)) : sector, at);
    }
  }
  return bytes;
}

function nextSector(offset: number): number {
  return (Math.floor(offset / SECTOR_BYTES) + 1) * SECTOR_BYTES;
}

function changed(bytes: Uint8Array, change: Change): Uint8Array {
  if ("size" in change) return resized(bytes, change.size);
  const copy = resized(bytes, Math.max(bytes.length, change.offset + change.bytes.length));
  copy.set(change.bytes, change.offset);
  return copy;
}

function resized(bytes: Uint8Array, size: number): Uint8Array {
  const copy = new Uint8Array(size);
  copy.set(bytes.subarray(0, size));
  return copy;
}

function setNames(
  names: Map<string, Entry>,
  changes: ReadonlyArray<readonly [string, Entry | undefined]>,
): void {
  for (const [name, entry] of changes) {
    if (entry === undefined) names.delete(name);
    else names.set(name, entry);
  }
}
