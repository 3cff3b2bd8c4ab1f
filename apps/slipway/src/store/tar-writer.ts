/**
 * Directory trees as tar files (ustar, with pax headers for long names). The same files make the same bytes: entries are
 * sorted, and times, owners and all permissions but "executable" are left out.
 */
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

import type { LeaveOut } from "../ports/tree-store.ts";

export const BLOCK_BYTES = 512;
const NAME_BYTES_MAX = 100;
const MODE_FILE = 0o644;
const MODE_EXECUTABLE = 0o755;
const ANYBODY_EXECUTES = 0o111;
const FILE_BYTES_MAX = 512 * 1024 * 1024;

const utf8 = new TextEncoder();

interface TarEntry {
  /** With forward slashes, relative to the root. */
  readonly path: string;
  readonly kind: "file" | "directory" | "link";
}

/** The tree of `root` in pieces. `onFile` is called for each file. */
export async function* packTree(
  root: string,
  leaveOut: LeaveOut,
  onFile: () => void,
): AsyncGenerator<Uint8Array> {
  for await (const entry of walk(root, "", leaveOut)) {
    const { path } = entry;
    if (entry.kind === "directory") {
      yield* header({ path: `${path}/`, type: "5", mode: MODE_EXECUTABLE, size: 0, target: "" });
    } else if (entry.kind === "link") {
      const target = (await readlink(join(root, path))).replaceAll("\\", "/");
      yield* header({ path, type: "2", mode: MODE_EXECUTABLE, size: 0, target });
    } else {
      yield* packFile(root, path);
      onFile();
    }
  }
  yield new Uint8Array(2 * BLOCK_BYTES);
}

async function* packFile(root: string, path: string): AsyncGenerator<Uint8Array> {
  const { mode, size } = await lstat(join(root, path));
  if (size > FILE_BYTES_MAX) {
    throw new RangeError(
      `${path} has ${size} bytes. A file of an application has at most ${FILE_BYTES_MAX}.`,
    );
  }
  // Read as a whole first: a file that grows meanwhile must not come out longer than its header says.
  const content = await readFile(join(root, path));
  const isExecutable = (mode & ANYBODY_EXECUTES) !== 0;
  yield* header({
    path,
    type: "0",
    mode: isExecutable ? MODE_EXECUTABLE : MODE_FILE,
    size: content.length,
    target: "",
  });
  yield content;
  yield padding(content.length);
}

async function* walk(root: string, folder: string, leaveOut: LeaveOut): AsyncGenerator<TarEntry> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const byName = entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of byName) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (leaveOut(path)) continue;
    if (entry.isSymbolicLink()) yield { path, kind: "link" };
    else if (entry.isFile()) yield { path, kind: "file" };
    else if (entry.isDirectory()) {
      yield { path, kind: "directory" };
      yield* walk(root, path, leaveOut);
    }
    // Sockets, pipes and devices have no content to keep.
  }
}

interface Header {
  readonly path: string;
  readonly type: "0" | "2" | "5" | "x";
  readonly mode: number;
  readonly size: number;
  readonly target: string;
}

function* header(entry: Header): Generator<Uint8Array> {
  const long: [string, string][] = [];
  if (utf8.encode(entry.path).length > NAME_BYTES_MAX) long.push(["path", entry.path]);
  if (utf8.encode(entry.target).length > NAME_BYTES_MAX) long.push(["linkpath", entry.target]);
  if (long.length > 0) {
    const records = utf8.encode(long.map(([key, value]) => paxRecord(key, value)).join(""));
    yield headerBlock({ path: "pax", type: "x", mode: MODE_FILE, size: records.length, target: "" });
    yield records;
    yield padding(records.length);
  }
  yield headerBlock(entry);
}

function headerBlock({ path, type, mode, size, target }: Header): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES);
  const text = (offset: number, bytesMax: number, value: string): void => {
    block.set(utf8.encode(value).subarray(0, bytesMax), offset);
  };
  const octal = (offset: number, digits: number, value: number): void =>
    text(offset, digits, value.toString(8).padStart(digits, "0"));

  text(0, NAME_BYTES_MAX, path);
  octal(100, 7, mode);
  octal(108, 7, 0); // owner
  octal(116, 7, 0); // group
  octal(124, 11, size);
  octal(136, 11, 0); // time
  text(148, 8, " ".repeat(8)); // The checksum counts itself as spaces.
  text(156, 1, type);
  text(157, NAME_BYTES_MAX, target);
  text(257, 8, "ustar\u000000");
  const checksum = block.reduce((sum, byte) => sum + byte, 0);
  text(148, 8, `${checksum.toString(8).padStart(6, "0")}\u0000 `);
  return block;
}

/** "27 path=some/long/name\n", where 27 is the length of all of it. */
function paxRecord(key: string, value: string): string {
  const rest = utf8.encode(` ${key}=${value}\n`).length;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

function padding(size: number): Uint8Array {
  return new Uint8Array((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}
