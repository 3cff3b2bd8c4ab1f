import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { median, pairedRatio, spreadOf } from "./ratio.ts";

describe("statistics", () => {
  it("take the middle value, or the mean of the two in the middle", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.equal(spreadOf([]), undefined);
    assert.deepEqual(spreadOf([5, 1, 3]), { min: 1, median: 3, max: 5 });
  });

  it("take ratios within a round and leave out rounds that lack one side", () => {
    const ours = new Map([
      [0, 100],
      [1, 10],
      [2, 70],
    ]);
    const theirs = new Map([
      [0, 10],
      [1, 2],
    ]);
    assert.deepEqual(pairedRatio(ours, theirs, "higher"), { min: 5, median: 7.5, max: 10 });
    assert.equal(pairedRatio(ours, new Map(), "higher"), undefined);
  });

  it("are above one for the better, also where less is better", () => {
    const ratio = pairedRatio(new Map([[0, 2]]), new Map([[0, 8]]), "lower");
    assert.deepEqual(ratio, { min: 4, median: 4, max: 4 });
  });
});
