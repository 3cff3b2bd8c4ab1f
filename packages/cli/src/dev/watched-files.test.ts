import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { WatchedFiles } from "./watched-files.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-watch-"));
after(() => rmSync(directory, { recursive: true }));

const forever = new AbortController().signal;

function watching(...names: readonly string[]): WatchedFiles & Disposable {
  const files = new WatchedFiles((message) => assert.fail(message));
  for (const name of names) files.add(join(directory, name));
  return Object.assign(files, { [Symbol.dispose]: () => files.close() });
}

test("a save is a change, and so is a new file in the place of the old one", async () => {
  const path = join(directory, "a.ts");
  writeFileSync(path, "1");
  using files = watching("a.ts");
  writeFileSync(path, "12");
  assert.deepEqual(await files.change(forever), [path]);
  writeFileSync(`${path}.tmp`, "123");
  renameSync(`${path}.tmp`, path);
  assert.deepEqual(await files.change(forever), [path]);
});

test("files saved together are one change", async () => {
  writeFileSync(join(directory, "b.ts"), "1");
  writeFileSync(join(directory, "c.ts"), "1");
  using files = watching("b.ts", "c.ts");
  writeFileSync(join(directory, "b.ts"), "12");
  writeFileSync(join(directory, "c.ts"), "12");
  const changed = await files.change(forever);
  assert.deepEqual(changed?.toSorted(), [join(directory, "b.ts"), join(directory, "c.ts")]);
});

test("a file that is not there yet may appear", async () => {
  using files = watching("later.ts");
  writeFileSync(join(directory, "later.ts"), "1");
  assert.deepEqual(await files.change(forever), [join(directory, "later.ts")]);
});

test("a change between being read and being watched is not lost", async () => {
  const path = join(directory, "d.ts");
  writeFileSync(path, "1");
  using files = watching();
  files.add(path, "the stamp of an older version");
  assert.deepEqual(await files.change(forever), [path]);
});

test("other files, and a look at a file, are no change", async () => {
  const path = join(directory, "e.ts");
  writeFileSync(path, "1");
  using files = watching("e.ts");
  writeFileSync(join(directory, "other.ts"), "1");
  const calledOff = new AbortController();
  const change = files.change(calledOff.signal);
  setImmediate(() => calledOff.abort());
  assert.equal(await change, undefined);
  // Whoever waits next still hears of what comes.
  utimesSync(path, 1, 1);
  assert.deepEqual(await files.change(forever), [path]);
});
