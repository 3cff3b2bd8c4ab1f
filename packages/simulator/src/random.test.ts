import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createRandom, type Random } from "./random.ts";

function draws(random: Random, count = 20): number[] {
  return Array.from({ length: count }, () => random.below(1_000_000));
}

describe("random numbers of a seed", () => {
  it("are the same each time, and others for another seed", () => {
    assert.deepEqual(draws(createRandom("a")), draws(createRandom("a")));
    assert.notDeepEqual(draws(createRandom("a")), draws(createRandom("b")));
    assert.deepEqual(draws(createRandom(12n)), draws(createRandom("12")));
  });

  it("stay what they are: seeds that once failed are replayed by later versions", () => {
    assert.deepEqual(draws(createRandom("golden"), 4), GOLDEN);
    assert.deepEqual([...createRandom("golden").fork("disk").bytes(4)], GOLDEN_BYTES);
  });

  it("of a fork depend on its tags and not on what was drawn before", () => {
    const early = createRandom("a");
    const late = createRandom("a");
    draws(late);
    assert.deepEqual(draws(early.fork("disk")), draws(late.fork("disk")));
    assert.notDeepEqual(draws(early.fork("disk")), draws(early.fork("net")));
    assert.notDeepEqual(draws(early.fork("ab").fork("c")), draws(early.fork("a").fork("bc")));
  });

  it("spread evenly, and reach both ends", () => {
    const random = createRandom("spread");
    const counts = Array.from({ length: 7 }, () => 0);
    for (let draw = 0; draw < 70_000; draw++) {
      const value = random.between(-3, 3);
      counts[value + 3] = (counts[value + 3] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, String(counts));
    let hits = 0;
    for (let draw = 0; draw < 100_000; draw++) if (random.chance(0.3)) hits += 1;
    assert.ok(Math.abs(hits - 30_000) < 1_000, String(hits));
  });

  it("do not come from ranges that are none", () => {
    const random = createRandom("a");
    assert.throws(() => random.below(0), /below\(0\)/);
    assert.throws(() => random.below(1.5), /below\(1.5\)/);
    assert.throws(() => random.pick([]), /nothing to pick/);
    assert.equal(random.below(1), 0);
    assert.ok(random.below(2 ** 32) < 2 ** 32);
  });
});

const GOLDEN: readonly number[] = [631_921, 588_683, 402_999, 401_050];
const GOLDEN_BYTES: readonly number[] = [40, 182, 121, 13];
