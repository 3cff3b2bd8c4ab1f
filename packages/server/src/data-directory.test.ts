import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { openDataDirectory } from "./data-directory.ts";
import { Holdfast } from "./embedded.ts";
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

test("a mark that cannot be written at the start is a warning, and the work goes on", async (t) => {
  const dir = temporaryDirectory(t);
  // Leads nowhere, so that writing it fails whoever we are.
  symlinkSync(join(dir, "missing", "file"), join(dir, "running"));
  const warnings: string[] = [];
  const directory = await openDataDirectory(dir, { onWarning: (message) => warnings.push(message) });
  assert.equal(directory.wasCrash, false);
  assert.match(
    warnings.join("\n"),
    /running cannot be written, so a crash of this process will not be counted/,
  );
  await directory.close();
});

test("a mark that cannot be removed at the end is a warning, and the directory is let go of", async (t) => {
  const dir = temporaryDirectory(t);
  const warnings: string[] = [];
  const onWarning = (message: string): number => warnings.push(message);
  const engine = await Holdfast.open({ dir, services: [], onWarning });
  rmSync(join(dir, "running"));
  mkdirSync(join(dir, "running"));
  await engine.close();
  assert.match(
    warnings.join("\n"),
    /running cannot be removed, so the next start takes this end for a crash/,
  );
  const again = await openDataDirectory(dir);
  assert.equal(again.wasCrash, true);
  await again.close();
});
