import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import { DirectoryStore } from "./directory-store.ts";
import { unpackTree } from "./tar-reader.ts";
import { BLOCK_BYTES } from "./tar-writer.ts";

const ALL = (): boolean => false;

describe("the store of trees", () => {
  let root = "";
  let store: DirectoryStore;
  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "slipway-store-"));
    store = await DirectoryStore.open(join(root, "store"));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  function tree(name: string, files: Readonly<Record<string, string>>): string {
    const directory = join(root, name);
    mkdirSync(directory, { recursive: true });
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(directory, path, ".."), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    return directory;
  }

  const trees = (): string[] => readdirSync(join(root, "store", "trees"));

  it("gives back what it was given: contents, links, permissions, empty folders and long names", async () => {
    const long = `${"deep/".repeat(40)}${"ä".repeat(80)}.txt`;
    const source = tree("source", { "a.txt": "a", "b/c.txt": "c".repeat(1_000), [long]: "long", empty: "" });
    mkdirSync(join(source, "nothing"));
    writeFileSync(join(source, "run.sh"), "#!/bin/sh\n");
    chmodSync(join(source, "run.sh"), 0o755);
    symlinkSync("a.txt", join(source, "link"));

    const { digest, files } = await store.put(source, "shop-1", ALL);
    assert.equal(files, 5);
    await store.unpack(digest, join(root, "out"));
    assert.equal(readFileSync(join(root, "out", "b/c.txt"), "utf8").length, 1_000);
    assert.equal(readFileSync(join(root, "out", long), "utf8"), "long");
    assert.equal(readFileSync(join(root, "out", "empty"), "utf8"), "");
    assert.equal(readlinkSync(join(root, "out", "link")), "a.txt");
    assert.ok((statSync(join(root, "out", "run.sh")).mode & 0o111) !== 0);
    assert.ok(statSync(join(root, "out", "nothing")).isDirectory());
    assert.equal((await store.put(join(root, "out"), "shop-2", ALL)).digest, digest);
  });

  it("names the same files the same, whenever they were written", async () => {
    const first = tree("first", { "a.txt": "a" });
    const second = tree("second", { "a.txt": "a" });
    utimesSync(join(second, "a.txt"), 1, 1);
    const { digest } = await store.put(first, "shop-1", ALL);
    assert.equal((await store.put(second, "shop-2", ALL)).digest, digest);
    assert.equal(await store.digestOf(first, ALL), digest);
    assert.notEqual((await store.put(tree("third", { "a.txt": "b" }), "shop-3", ALL)).digest, digest);
  });

  it("leaves out what it is told to", async () => {
    const source = tree("source", {
      "a.txt": "a",
      "node_modules/x/index.js": "x",
      "b/node_modules/y.js": "y",
    });
    const { digest, files } = await store.put(source, "shop-1", (path) => path.endsWith("node_modules"));
    assert.equal(files, 1);
    await store.unpack(digest, join(root, "out"));
    assert.deepEqual(readdirSync(join(root, "out", "b")), []);
  });

  it("keeps a tree as long as somebody holds it", async () => {
    const source = tree("source", { "a.txt": "a" });
    await store.put(source, "shop-1", ALL);
    await store.put(source, "shop-2", ALL);
    await store.release("shop-1");
    assert.equal(trees().length, 1);
    await store.release("shop-2");
    assert.equal(trees().length, 0);
    await store.release("shop-2");
  });

  it("clears away what a crash left, and nothing else", async () => {
    const { digest } = await store.put(tree("source", { "a.txt": "a" }), "shop-1", ALL);
    const store2 = join(root, "store");
    writeFileSync(join(store2, "incoming", "half"), "half a tree");
    writeFileSync(join(store2, "trees", `${"0".repeat(64)}.tar`), "held by nobody");
    mkdirSync(join(store2, "holders", "1".repeat(64)));
    const reopened = await DirectoryStore.open(store2);
    assert.deepEqual(readdirSync(join(store2, "incoming")), []);
    assert.deepEqual(trees(), [`${digest.slice("sha256:".length)}.tar`]);
    await reopened.unpack(digest, join(root, "out"));
  });

  it("notices a damaged tree, and unpacks nothing of it", async () => {
    const { digest } = await store.put(tree("source", { "a.txt": "a" }), "shop-1", ALL);
    const file = join(root, "store", "trees", trees()[0] ?? "");
    const bytes = readFileSync(file);
    bytes[BLOCK_BYTES] = 0x62;
    writeFileSync(file, bytes);
    await assert.rejects(store.unpack(digest, join(root, "out")), /is damaged/);
    assert.equal(existsSync(join(root, "out")), false);
  });

  it("writes nothing outside of the directory it unpacks into", async () => {
    for (const path of ["../out.txt", "/out.txt", "a/../../out.txt"]) {
      const block = new Uint8Array(BLOCK_BYTES);
      block.set(new TextEncoder().encode(path), 0);
      block.set(new TextEncoder().encode("0000644"), 100);
      block.set(new TextEncoder().encode("00000000000"), 124);
      block.set(new TextEncoder().encode("0"), 156);
      let read = 0;
      const reader = (bytes: number): Promise<Uint8Array> => {
        const piece = read === 0 ? block : new Uint8Array(bytes);
        read += bytes;
        return Promise.resolve(piece);
      };
      await assert.rejects(unpackTree(reader, root), /would leave its directory/);
    }
  });
});
