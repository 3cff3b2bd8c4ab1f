import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, writeFile, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { LeaveOut, Tree, TreeStore } from "../ports/tree-store.ts";
import { unpackTree } from "./tar-reader.ts";
import { packTree } from "./tar-writer.ts";

const ALGORITHM = "sha256";
const TAR_BYTES_MAX = 2 * 1024 * 1024 * 1024;
const HASH_CHUNK_BYTES = 1024 * 1024;

/**
 * Trees as files of a directory:
 *
 * - `incoming/`: being written. Left over from a crash, it is deleted at the next start.
 * - `trees/<hex>.tar`: complete, under the digest of its bytes.
 * - `holders/<hex>/<holder>`: an empty file for each holder of a tree.
 */
export class DirectoryStore implements TreeStore {
  readonly #directory: string;
  /** Taking and dropping hold of trees happens one after the other. Packing does not. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Opens the store and deletes what a crash left in it. The caller holds the lock on the directory around it. */
  static async open(directory: string): Promise<DirectoryStore> {
    const store = new DirectoryStore(directory);
    await rm(store.#path("incoming"), { recursive: true, force: true });
    for (const folder of ["incoming", "trees", "holders"])
      await mkdir(store.#path(folder), { recursive: true });
    for (const file of await readdir(store.#path("trees")))
      await store.#deleteUnheld(file.replace(/\.tar$/, ""));
    return store;
  }

  async put(directory: string, holder: string, leaveOut: LeaveOut): Promise<Tree> {
    const incoming = this.#path("incoming", randomBytes(8).toString("hex"));
    try {
      const { hex, files, bytes } = await packInto(incoming, directory, leaveOut);
      await this.#inTurn(async () => {
        // The holder first: a tree that has its name has somebody who holds it.
        await mkdir(this.#path("holders", hex), { recursive: true });
        await writeFile(this.#path("holders", hex, holder), "");
        await rename(incoming, this.#path("trees", `${hex}.tar`));
        await syncDirectory(this.#path("trees"));
      });
      return { digest: `${ALGORITHM}:${hex}`, files, bytes };
    } finally {
      await rm(incoming, { force: true });
    }
  }

  async digestOf(directory: string, leaveOut: LeaveOut): Promise<string> {
    const hash = createHash(ALGORITHM);
    for await (const piece of packTree(directory, leaveOut, () => undefined)) hash.update(piece);
    return `${ALGORITHM}:${hash.digest("hex")}`;
  }

  async unpack(digest: string, directory: string): Promise<void> {
    const hex = hexOf(digest);
    await using file = await open(this.#path("trees", `${hex}.tar`), "r");
    const actual = await hashFile(file);
    if (actual !== hex)
      throw new Error(`The stored tree ${digest} is damaged: its bytes have the digest ${actual}.`);

    // Aside first: a directory that has its name is complete.
    const aside = `${directory}.${randomBytes(4).toString("hex")}`;
    await mkdir(aside, { recursive: true });
    try {
      await unpackTree(readerOf(file), aside);
      await mkdir(dirname(directory), { recursive: true });
      await rename(aside, directory);
    } catch (error) {
      await rm(aside, { recursive: true, force: true });
      throw error;
    }
  }

  async release(holder: string): Promise<void> {
    await this.#inTurn(async () => {
      for (const hex of await readdir(this.#path("holders"))) {
        await rm(this.#path("holders", hex, holder), { force: true });
        await this.#deleteUnheld(hex);
      }
    });
  }

  async #deleteUnheld(hex: string): Promise<void> {
    const holders = this.#path("holders", hex);
    if (existsSync(holders) && (await readdir(holders)).length > 0) return;
    await rm(this.#path("trees", `${hex}.tar`), { force: true });
    await rm(holders, { recursive: true, force: true });
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  #path(...parts: readonly string[]): string {
    return join(this.#directory, ...parts);
  }
}

async function packInto(
  target: string,
  directory: string,
  leaveOut: LeaveOut,
): Promise<{ hex: string; files: number; bytes: number }> {
  const hash = createHash(ALGORITHM);
  let files = 0;
  let bytes = 0;
  await using file = await open(target, "wx");
  for await (const piece of packTree(directory, leaveOut, () => files++)) {
    bytes += piece.length;
    if (bytes > TAR_BYTES_MAX) throw new RangeError(`${directory} is larger than ${TAR_BYTES_MAX} bytes.`);
    hash.update(piece);
    await file.writeFile(piece);
  }
  await file.sync();
  return { hex: hash.digest("hex"), files, bytes };
}

function hexOf(digest: string): string {
  const match = /^sha256:([0-9a-f]{64})$/.exec(digest);
  if (match?.[1] === undefined) throw new Error(`"${digest}" is not the digest of a tree.`);
  return match[1];
}

async function hashFile(file: FileHandle): Promise<string> {
  const hash = createHash(ALGORITHM);
  const chunk = new Uint8Array(HASH_CHUNK_BYTES);
  for (let position = 0; ;) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(chunk.subarray(0, bytesRead));
    position += bytesRead;
  }
}

function readerOf(file: FileHandle): (bytes: number) => Promise<Uint8Array> {
  let position = 0;
  return async (bytes) => {
    const target = new Uint8Array(bytes);
    for (let filled = 0; filled < bytes;) {
      const { bytesRead } = await file.read(target, filled, bytes - filled, position);
      if (bytesRead === 0) throw new Error("An archive ends in the middle of an entry.");
      filled += bytesRead;
      position += bytesRead;
    }
    return target;
  };
}

async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return; // Directories cannot be opened there, and need no sync.
  await using handle = await open(directory, "r");
  await handle.sync();
}
