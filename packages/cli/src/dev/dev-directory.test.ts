import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

import { lastPort, rememberPort, wipe } from "./dev-directory.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-dev-directory-"));
after(() => rmSync(directory, { recursive: true }));

test("the port is remembered, and a damaged note is as good as none", () => {
  const data = join(directory, "a", "dev");
  assert.equal(lastPort(data), undefined);
  rememberPort(data, 4711);
  assert.equal(lastPort(data), 4711);
  writeFileSync(join(data, "dev.json"), "{");
  assert.equal(lastPort(data), undefined);
});

test("only what an engine keeps is wiped", async () => {
  const data = join(directory, "b");
  mkdirSync(join(data, "log"), { recursive: true });
  const files = ["checkpoint.db", "checkpoint.db-wal", "lock.db", "lock.json", "dev.json"];
  // The second is left where the process ended while it made the key.
  files.push("identity.pem", "identity.pem.new");
  for (const name of files) writeFileSync(join(data, name), "");
  await wipe(data);
  assert.deepEqual(readdirSync(data), []);
  await wipe(join(directory, "not there"));
});

test("a directory with anything else in it is left alone", async () => {
  const home = join(directory, "home");
  mkdirSync(join(home, "log"), { recursive: true });
  writeFileSync(join(home, "thesis.txt"), "years of work");
  await assert.rejects(wipe(home), /holds "thesis\.txt"/);
  assert.ok(existsSync(join(home, "log")));
});
