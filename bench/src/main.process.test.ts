/** The whole benchmark at its smallest: one scenario, Holdfast alone. That it runs and counts right, not how fast it is. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { figuresOf } from "./report/results.ts";
import { readResults } from "./report/write-report.ts";

const PROGRAM = fileURLToPath(new URL("main.ts", import.meta.url));

async function bench(
  ...args: readonly string[]
): Promise<{ readonly code: unknown; readonly output: string }> {
  const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as unknown[];
  return { code, output };
}

test("a run of one scenario has figures, and leaves nothing behind", { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-test-"));
  try {
    const json = join(folder, "results.json");
    const words = ["--quick", "--rounds", "1", "--duration", "100", "--json", json];
    const { code, output } = await bench("--contenders", "holdfast", "--only", "steps-10", ...words);
    assert.equal(code, 0, output);
    assert.match(output, /steps-10, 200 connections: workflow of 10 durable steps/);
    const { scenarios, generator, floor } = readResults([json]);
    assert.ok(generator.perSecond > 0 && floor.samples > 0);
    assert.deepEqual(
      scenarios.map(({ name, connections }) => [name, connections]),
      [
        ["steps-10", 1],
        ["steps-10", 50],
        ["steps-10", 200],
      ],
    );
    for (const { holdfast } of scenarios) assert.ok((figuresOf(holdfast)?.median ?? 0) > 0, output);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what is not known is said, with what there is", { timeout: 60_000 }, async () => {
  const { code, output } = await bench("--only", "nothing");
  assert.equal(code, 2);
  assert.match(output, /There is no scenario "nothing"\. There are: empty, steps-10/);
});
