import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";

import { SqliteStore } from "./sqlite-store.ts";

const KILLS = 8;
const ROWS = 700;

const IMPORTS = ["./sqlite-store.ts", "./store.contract.ts"].map(
  (path) => new URL(path, import.meta.url).href,
);

/** Commits without end. All rows of a commit hold its position, which is printed once it is durable. */
const COMMITTER = `
  const { SqliteStore } = await import(${JSON.stringify(IMPORTS[0])});
  const { put, row } = await import(${JSON.stringify(IMPORTS[1])});
  const store = await SqliteStore.open({ dir: process.argv[1] });
  for (let position = store.appliedPosition() + 1; ; position++) {
    const writes = [row("inv_1", { status: "at" + position, completedAt: position, size: position })];
    for (let index = 0; index < ${ROWS}; index++) writes.push(put("objects", "row" + index, String(position)));
    await store.commit(writes, position);
    process.stdout.write(position + "\\n");
  }
`;

/** Commits, and neither closes nor exits. */
const LEAVER = `
  const { SqliteStore } = await import(${JSON.stringify(IMPORTS[0])});
  const store = await SqliteStore.open({ dir: process.argv[1] });
  await store.commit([], 5);
  process.stdout.write("committed");
`;

describe("the SQLite store in a process", () => {
  it("after kill -9 holds all of the last commit and nothing of the next", async () => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-store-kill-"));
    let acknowledged = 0;
    for (let kill = 1; kill <= KILLS; kill++) {
      acknowledged = Math.max(acknowledged, await commitUntilKilled(dir, 2 + kill));
      const store = await SqliteStore.open({ dir });
      const position = store.appliedPosition();
      assert.ok(position >= acknowledged, `${position} of ${acknowledged}`);
      const rows = store.scan("objects", "row", "s", ROWS + 1);
      assert.equal(rows.length, ROWS);
      const values = new Set(rows.map(([, value]) => new TextDecoder().decode(value)));
      assert.deepEqual([...values], [String(position)]);
      assert.deepEqual(
        store.countInvocations().map(({ status, count }) => [status, count]),
        [[`at${position}`, 1]],
      );
      assert.equal(store.completedBytes(), position);
      await store.close();
    }
    rmSync(dir, { recursive: true });
  });

  it("does not keep a process alive that has nothing else to do", async () => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-store-leave-"));
    const child = start(LEAVER, dir);
    let output = "";
    child.stdout?.on("data", (data) => (output += String(data)));
    assert.deepEqual(await once(child, "exit"), [0, null]);
    assert.equal(output, "committed");
    rmSync(dir, { recursive: true });
  });
});

async function commitUntilKilled(dir: string, lines: number): Promise<number> {
  const child = start(COMMITTER, dir);
  let last = 0;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout ?? assert.fail() })) {
    last = Math.max(last, Number(line));
    seen += 1;
    // At some moment of the next commit.
    if (seen === lines) setTimeout(() => child.kill("SIGKILL"), lines % 5);
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  assert.equal(child.signalCode, "SIGKILL");
  return last;
}

function start(program: string, dir: string): ReturnType<typeof spawn> {
  return spawn(process.execPath, ["--input-type=module", "-e", program, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
}
