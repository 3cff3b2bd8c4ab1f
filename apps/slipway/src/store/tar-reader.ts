/** Unpacks what `tar-writer.ts` packed, and nothing that would land outside of the directory it is unpacked into. */
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";

import { BLOCK_BYTES } from "./tar-writer.ts";

const utf8 = new TextDecoder();

/** Reads exactly so many bytes. Fails at the end of the file. */
export type ReadBytes = (bytes: number) => Promise<Uint8Array>;

/** Writes the packed tree into `directory`, which exists and is empty. */
export async function unpackTree(read: ReadBytes, directory: string): Promise<void> {
  let long: ReadonlyMap<string, string> = new Map();
  for (;;) {
    const block = await read(BLOCK_BYTES);
    if (block.every((byte) => byte === 0)) break;
    const size = octal(block, 124, 12);
    const content = (await read(Math.ceil(size / BLOCK_BYTES) * BLOCK_BYTES)).subarray(0, size);
    const type = text(block, 156, 1);
    if (type === "x") {
      long = paxRecords(utf8.decode(content));
      continue;
    }
    const path = long.get("path") ?? text(block, 0, 100);
    const target = long.get("linkpath") ?? text(block, 157, 100);
    long = new Map();
    const entry = { path: inside(path), target, mode: octal(block, 100, 8), content };
    await write(directory, type, entry);
  }
}

interface Unpacked {
  readonly path: string;
  readonly target: string;
  readonly mode: number;
  readonly content: Uint8Array;
}

/** Parents come before their children, so every folder is there when something goes into it. */
async function write(directory: string, type: string, entry: Unpacked): Promise<void> {
  const path = join(directory, entry.path);
  switch (type) {
    case "5":
      await mkdir(path, { recursive: true });
      return;
    case "2":
      await symlink(entry.target, path);
      return;
    case "0":
      await writeFile(path, entry.content, { mode: entry.mode, flag: "wx" });
      return;
    default:
      throw new Error(`An archive holds an entry of type "${type}", which Slipway does not write.`);
  }
}

function inside(path: string): string {
  const normal = posix.normalize(path);
  if (normal.startsWith("../") || normal === ".." || posix.isAbsolute(normal) || normal.includes("\\")) {
    throw new Error(`An archive holds "${path}", which would leave its directory.`);
  }
  return normal;
}

function paxRecords(records: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const bytes = new TextEncoder().encode(records);
  for (let offset = 0; offset < bytes.length;) {
    const length = Number.parseInt(utf8.decode(bytes.subarray(offset, offset + 10)), 10);
    const record = utf8.decode(bytes.subarray(offset, offset + length));
    const pair = record.slice(record.indexOf(" ") + 1, -1);
    const split = pair.indexOf("=");
    found.set(pair.slice(0, split), pair.slice(split + 1));
    offset += length;
  }
  return found;
}

function text(block: Uint8Array, offset: number, bytes: number): string {
  const field = block.subarray(offset, offset + bytes);
  const end = field.indexOf(0);
  return utf8.decode(end === -1 ? field : field.subarray(0, end));
}

function octal(block: Uint8Array, offset: number, bytes: number): number {
  const value = Number.parseInt(text(block, offset, bytes).trim(), 8);
  if (Number.isNaN(value))
    throw new Error("An archive is damaged: a header holds no number where one belongs.");
  return value;
}
