/** An invocation that brings the whole process down each time it runs, among others that do not. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("poison-program.contract.ts", import.meta.url));
const OTHERS = 3;
/** Eight are usual. A machine that is busy with other things may need some more until the wait is long enough. */
const CRASHES_MAX = 20;

type Ended = {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
};

function run(dir: string): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, dir, String(OTHERS)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

test(
  "is found and paused with a reason, and everybody else's work is done",
  { timeout: 60_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-poison-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const dir = join(folder, "data");
    let ended = await run(dir);
    let crashes = 0;
    for (; ended.signal === "SIGKILL"; ended = await run(dir)) {
      crashes += 1;
      assert.ok(crashes <= CRASHES_MAX, `${crashes} crashes`);
    }
    assert.equal(ended.code, 0, ended.stderr);
    const { statuses, reason } = JSON.parse(ended.stdout) as {
      statuses: Record<string, string>;
      reason: string;
    };
    const { poison, ...others } = statuses;
    assert.equal(poison, "paused");
    assert.match(reason, /was running in each of the last \d+ crashes/);
    assert.match(ended.stderr, /worker\/work\) was running in each of the last crashes and is paused/);
    assert.deepEqual(new Set(Object.values(others)), new Set(["completed"]));
    assert.equal(Object.keys(others).length, OTHERS);
    assert.ok(crashes >= 2, `${crashes} crashes`);

    // It stays paused, and the end of the last process was a good one.
    const again = await run(dir);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(
      (JSON.parse(again.stdout) as { statuses: Record<string, string> }).statuses["poison"],
      "paused",
    );
  },
);
