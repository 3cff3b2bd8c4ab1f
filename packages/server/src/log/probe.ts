import { readFileSync, realpathSync } from "node:fs";
import { join, sep } from "node:path";

import type { Disk } from "./disk.ts";
import { NodeDisk } from "./node-disk.ts";

const PROBE_FILE = "probe.tmp";
const PROBE_WRITES = 20;
const PROBE_BYTES = 4096;

/** Stop earlier on a slow disk: a start must not wait for it. */
const PROBE_MICROS_MAX = 80_000;

/** No drive makes 4 KiB durable that fast; whoever answers so keeps it in memory. */
const SUSPICIOUS_MICROS = 20;

const MOUNTS_FILE = "/proc/self/mounts";

/** File systems on which a sync may not mean what it says, each with the reason. */
const DOUBTFUL_FILE_SYSTEMS: Readonly<Record<string, string>> = {
  tmpfs: "it is memory and is empty after a restart of the machine",
  ramfs: "it is memory and is empty after a restart of the machine",
  overlay: "it belongs to a container and goes with it; mount a volume there",
  nfs: "a server on the network decides when data is durable, and its locks may be lost",
  nfs4: "a server on the network decides when data is durable, and its locks may be lost",
  cifs: "a server on the network decides when data is durable, and its locks may be lost",
  smb3: "a server on the network decides when data is durable, and its locks may be lost",
  "9p": "it passes through to another system, which decides when data is durable",
  virtiofs: "it passes through to another system, which decides when data is durable",
  "fuse.sshfs": "a server on the network decides when data is durable, and its locks may be lost",
};

export type DiskProbe = {
  /** Median time of a 4 KiB write with its sync, microseconds. */
  readonly p50Micros: number;
  /** Sentences for the server's log. */
  readonly warnings: readonly string[];
};

export type ProbeOptions = {
  /** An existing directory; a file is made there for a moment. */
  readonly dir: string;
  readonly disk?: Disk;
  readonly nowMicros?: () => number;
  /** The text of /proc/self/mounts. */
  readonly mounts?: string;
};

/** Measures how long the disk takes to make a small write durable, and says when that cannot be true. */
export function probeDisk(options: ProbeOptions): DiskProbe {
  const { dir } = options;
  const disk = options.disk ?? new NodeDisk();
  const nowMicros = options.nowMicros ?? ((): number => performance.now() * 1000);
  const p50Micros = measure(disk, join(dir, PROBE_FILE), nowMicros);

  const warnings: string[] = [];
  if (p50Micros < SUSPICIOUS_MICROS) {
    warnings.push(
      `A sync in ${dir} takes ${Math.round(p50Micros)} µs. No drive is that fast: after a power cut, what was ` +
        "acknowledged may be gone",
    );
  }
  const fileSystem = fileSystemOf(dir, options.mounts ?? readMounts());
  const doubt = fileSystem === undefined ? undefined : DOUBTFUL_FILE_SYSTEMS[fileSystem];
  if (doubt !== undefined)
    warnings.push(`${dir} is on a file system of type ${String(fileSystem)}: ${doubt}`);
  return { p50Micros, warnings };
}

function measure(disk: Disk, path: string, nowMicros: () => number): number {
  const began = nowMicros();
  const file = createFresh(disk, path);
  try {
    const bytes = new Uint8Array(PROBE_BYTES).fill(0x5a);
    file.pwrite(new Uint8Array(PROBE_BYTES * PROBE_WRITES), 0);
    file.datasync();
    const micros: number[] = [];
    for (let index = 0; index < PROBE_WRITES; index++) {
      const start = nowMicros();
      file.pwrite(bytes, index * PROBE_BYTES);
      file.datasync();
      const end = nowMicros();
      micros.push(end - start);
      if (end - began > PROBE_MICROS_MAX) break;
    }
    micros.sort((a, b) => a - b);
    return micros[Math.floor(micros.length / 2)] ?? 0;
  } finally {
    file.close();
    disk.unlink(path);
  }
}

/** A crash may have left the file of an earlier probe. */
function createFresh(disk: Disk, path: string): ReturnType<Disk["open"]> {
  try {
    return disk.open(path, "create");
  } catch {
    disk.unlink(path);
    return disk.open(path, "create");
  }
}

function readMounts(): string {
  try {
    return readFileSync(MOUNTS_FILE, "utf8");
  } catch {
    // Not Linux: nothing is known about the file system.
    return "";
  }
}

/** The type of the mount that holds the directory: the longest mount point above it, and of equal ones the last. */
function fileSystemOf(directory: string, mounts: string): string | undefined {
  const path = realPathOf(directory);
  let found: { point: string; type: string } | undefined;
  for (const line of mounts.split("\n")) {
    const [, escaped, type] = line.split(" ");
    if (escaped === undefined || type === undefined) continue;
    // Blanks and the like are written as three octal digits.
    const point = escaped.replace(/\\(\d{3})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 8)),
    );
    const above = point === sep || path === point || path.startsWith(point + sep);
    if (above && point.length >= (found?.point.length ?? 0)) found = { point, type };
  }
  return found?.type;
}

function realPathOf(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    // A simulated disk has no such directory.
    return directory;
  }
}
