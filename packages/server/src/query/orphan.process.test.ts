import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("orphan-program.contract.ts", import.meta.url));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("a query does not outlive an engine that is killed", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "holdfast-query-"));
  const engine = spawn(process.execPath, [PROGRAM, dir], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => {
    engine.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  });
  const lines = createInterface({ input: engine.stdout });
  const [line] = (await Promise.race([once(lines, "line"), once(engine, "exit")])) as [string];
  const pid = Number(line);
  assert.ok(pid > 1, `the program ended with ${line}`);
  t.after(() => isAlive(pid) && process.kill(pid, "SIGKILL"));
  assert.ok(isAlive(pid));
  engine.kill("SIGKILL");
  await once(engine, "exit");
  // The query would go on for an hour: only a process that noticed is gone.
  while (isAlive(pid)) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
  }
});
