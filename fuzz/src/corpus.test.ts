/** Every input that was ever kept, and some thousand that nobody has seen: as much fuzzing as fits into a test run. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Attempts } from "./engine/attempt.ts";
import { readCorpus } from "./engine/corpus.ts";
import { Mutator } from "./engine/mutate.ts";
import { Random, seedFor } from "./engine/random.ts";
import type { Target } from "./engine/target.ts";
import { targets } from "./targets.ts";

const SEED = 1;
const FRESH_INPUTS = 2_000;
/** Whole connections, engines and commands: an input takes a hundred times as long. */
const SLOW = new Map([
  ["wire-messages", 800],
  ["wire-connections", 300],
  ["handler-messages", 400],
  ["manifest", 1_500],
  ["restate-endpoint", 1_500],
  ["http-request", 1_000],
  ["http-api", 500],
  ["configuration", 800],
  ["command-line", 400],
]);

async function check(target: Target, inputs: Iterable<Uint8Array>): Promise<number> {
  const attempts = new Attempts(target);
  using _stray = attempts.catchStray();
  for (const input of inputs) {
    const found = await attempts.runAlone(input);
    assert.equal(found, undefined, `${target.name} with ${Buffer.from(input).toString("base64")}: ${found}`);
  }
  return attempts.executions;
}

function* freshInputs(target: Target): Generator<Uint8Array> {
  const random = new Random(seedFor(SEED, target.name));
  const mutator = new Mutator(random, target);
  const pool = [...target.seeds(), ...readCorpus(target.name).map(({ bytes }) => bytes)];
  for (let left = SLOW.get(target.name) ?? FRESH_INPUTS; left > 0; left--) {
    const parent = random.pick(pool) ?? new Uint8Array(0);
    yield mutator.mutate(parent, random.pick(pool) ?? parent);
  }
}

for (const target of targets) {
  describe(`fuzzing ${target.name}`, () => {
    it("finds nothing in its seeds and its corpus", async () => {
      const corpus = readCorpus(target.name).map(({ bytes }) => bytes);
      assert.ok(corpus.length > 0, `fuzz/corpus/${target.name} is empty; npm run fuzz -- --write fills it`);
      await check(target, [...target.seeds(), ...corpus]);
    });

    it("finds nothing in fresh inputs", async () => {
      assert.ok((await check(target, freshInputs(target))) > 0);
    });
  });
}
