import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { DirectoryLockedError, lockDirectory } from "./directory-lock.ts";

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-lock-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A process that takes the lock, collects its garbage, says so, and keeps it until it is killed. */
async function holder(directory: string): Promise<{ pid: number; kill: () => Promise<void> }> {
  const program = `
    import { lockDirectory } from ${JSON.stringify(new URL("directory-lock.ts", import.meta.url).href)};
    await lockDirectory(${JSON.stringify(directory)});
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      gc();
    }
    console.log("locked");
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return {
    pid: child.pid ?? 0,
    kill: async () => {
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

test("a second process is refused and told who has the directory", async (t) => {
  const directory = temporaryDirectory(t);
  const first = await holder(directory);
  try {
    await assert.rejects(lockDirectory(directory), (error) => {
      assert.ok(error instanceof DirectoryLockedError);
      assert.equal(error.pid, first.pid);
      assert.match(error.message, new RegExp(directory));
      return true;
    });
  } finally {
    await first.kill();
  }
});

test("the lock of a process that was killed is free at once", async (t) => {
  const directory = temporaryDirectory(t);
  const first = await holder(directory);
  await first.kill();
  const lock = await lockDirectory(directory);
  await lock.release();
});

test("the same process cannot take it twice, and can after releasing it", async (t) => {
  const directory = temporaryDirectory(t);
  const lock = await lockDirectory(directory);
  await assert.rejects(lockDirectory(directory), DirectoryLockedError);
  await lock.release();
  await lock.release();
  const again = await lockDirectory(directory);
  await again.release();
});

test("files of a dead holder that name a living process do not keep anyone out", async (t) => {
  const directory = temporaryDirectory(t);
  const first = await holder(directory);
  await first.kill();
  const file = join(directory, "lock.json");
  const owner: object = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...owner, pid: process.pid }));
  const lock = await lockDirectory(directory);
  await lock.release();
});

test("the refusal stands when the owner's file cannot be read", async (t) => {
  const directory = temporaryDirectory(t);
  const lock = await lockDirectory(directory);
  for (const content of ["not json", "null", '{"pid":"x"}']) {
    writeFileSync(join(directory, "lock.json"), content);
    await assert.rejects(
      lockDirectory(directory),
      (error) => error instanceof DirectoryLockedError && /in use by another process/.test(error.message),
    );
  }
  await lock.release();
});
