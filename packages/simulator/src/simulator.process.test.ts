import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { runTrapped } from "./batch/worker.ts";
import { readPlan } from "./replay.ts";
import { planOf } from "./run-seed.ts";
import { shrink } from "./shrink.ts";

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url));
const REGRESSIONS = new URL("../regressions/", import.meta.url);
/** Plans are called after the seeded bug that is what was wrong then. */
const PLANS = readdirSync(REGRESSIONS).filter((file) => file.endsWith(".json"));
/**
 * A minute of seeds, on as many processors as there are. They are fresh every day and the same all day long: who sees one fail
 * can have it again, and so can whoever looks at a change of that day.
 */
const SEEDS = ["--minutes", "1", "--base", `day-${new Date().toISOString().slice(0, 10)}`];

function simulate(
  args: readonly string[],
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

describe("the simulator", () => {
  it("finds nothing wrong in a minute of seeds", async () => {
    const { code, output } = await simulate(SEEDS);
    assert.equal(code, 0, output);
    assert.match(output, /^violations +0$/m);
  });

  it("comes to the same with the same seed, event by event", async () => {
    const first = await runTrapped("twice");
    const second = await runTrapped("twice");
    assert.equal(first.failure, undefined, first.failure?.message);
    assert.ok(first.events > 100);
    assert.equal(second.traceHash, first.traceHash);
    assert.notEqual((await runTrapped("another")).traceHash, first.traceHash);
  });

  it("shrinks a plan to what its failure needs", async () => {
    const plan = planOf("shrink");
    const [wanted] = plan.operations.filter(({ kind }) => kind === "submit");
    const small = await shrink(plan, {
      runsMax: 2_000,
      fails: ({ operations }) => Promise.resolve(operations.some(({ id }) => id === wanted?.id)),
    });
    assert.deepEqual(
      small.operations.map(({ kind }) => kind),
      ["register", "submit"],
    );
    assert.deepEqual(small.faults, []);
  });
});

describe("a plan that failed once", () => {
  it("is there", () => assert.ok(PLANS.length > 0));

  for (const name of PLANS) {
    const file = fileURLToPath(new URL(name, REGRESSIONS));
    it(`holds: ${name}`, async () => {
      const { seed, plan } = readPlan(file);
      const { failure } = await runTrapped(seed, plan);
      assert.equal(failure, undefined, failure?.message);
    });

    it(`still fails where the bug is put back: ${name}`, async () => {
      const mutant = name.replace(".json", "");
      const { code, output } = await simulate(["--plan", file, "--mutant", mutant, "--trace"]);
      assert.equal(code, 1);
      assert.match(output, /^FAILED /m);
    });
  }
});
