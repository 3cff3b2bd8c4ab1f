/** Processes that run queries: which of them gets the next one. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { fileURLToPath } from "node:url";

import { QueryHost } from "./query-host.ts";

const IDLE_MS = 5;
const program = {
  file: process.execPath,
  args: [fileURLToPath(new URL("answering-program.contract.ts", import.meta.url))],
};
const limits = { timeMs: 60_000, rowsMax: 1, resultBytesMax: 1, memoryBytesMax: 1 };
const task = { path: "", sql: "", parameters: [], format: "json" } as const;

it("a process that is just being ended gets no query any more", async (t) => {
  const host = new QueryHost({ limits, runningMax: 1, waitingMax: 0, program, idleMs: IDLE_MS });
  t.after(() => host.close());
  const { signal } = new AbortController();
  for (let round = 0; round < 3; round++) {
    await host.run(task, signal);
    // Timers of one length run out in the order they were set: it has been told to end, and cannot have ended yet.
    await new Promise((resolve) => {
      setTimeout(resolve, IDLE_MS);
    });
    assert.deepEqual(await host.run(task, signal), { chunks: [], rows: 0 });
  }
});
