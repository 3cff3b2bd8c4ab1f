import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { openDataDirectory } from "./data-directory.ts";
import { NodeDisk } from "./log/node-disk.ts";

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-directory-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Files that this process has open, where the system tells. */
function openFiles(): number {
  return existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0;
}

test("a directory whose log cannot be opened is let go of as a whole: lock and store", async (t) => {
  const dir = temporaryDirectory(t);
  const first = await openDataDirectory(dir);
  await first.log.append({ position: 1, payload: new Uint8Array(100) }, 0);
  await first.close();
  const [segment = ""] = readdirSync(join(dir, "log")).filter((name) => name !== "lock");
  const path = join(dir, "log", segment);
  writeFileSync(path, "this is no log");
  const before = openFiles();
  for (let time = 0; time < 3; time++) await assert.rejects(openDataDirectory(dir));
  assert.ok(openFiles() <= before, `${openFiles() - before} files are left open`);
  rmSync(join(dir, "log"), { recursive: true });
  const again = await openDataDirectory(dir);
  await again.close();
});

test("the name of a new data directory is durable before anything is written into it", async (t) => {
  const parent = temporaryDirectory(t);
  const dir = join(parent, "new", "data");
  const synced: string[] = [];
  t.mock.method(NodeDisk.prototype, "syncDirectory", (directory: string) => {
    if (!existsSync(join(dir, "lock.db"))) synced.push(directory);
  });
  const directory = await openDataDirectory(dir);
  await directory.close();
  assert.deepEqual(synced, [join(parent, "new"), parent]);
});
