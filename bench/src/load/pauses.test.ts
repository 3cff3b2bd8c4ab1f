import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Pauses } from "./pauses.ts";

function begun(nowMs = 0): Pauses {
  const pauses = new Pauses();
  pauses.begin(nowMs);
  return pauses;
}

describe("the longest pause", () => {
  it("is from the last answer, or from when a request was due if nothing was owed before", () => {
    const pauses = begun();
    pauses.answered(pauses.owe(100), 103);
    assert.equal(pauses.longestMs, 3);
    const first = pauses.owe(110);
    const second = pauses.owe(112);
    pauses.answered(first, 120);
    assert.equal(pauses.longestMs, 10);
    pauses.answered(second, 131);
    assert.equal(pauses.longestMs, 11);
  });

  it("counts from the oldest request that is owed when a younger one is answered first", () => {
    const pauses = begun();
    const old = pauses.owe(10);
    const young = pauses.owe(95);
    pauses.answered(young, 100);
    assert.equal(pauses.longestMs, 90);
    pauses.answered(old, 120);
    assert.equal(pauses.longestMs, 90);
  });

  it("is short while other answers come, however long one request waits", () => {
    const pauses = begun();
    const stuck = pauses.owe(0);
    for (let now = 5; now <= 500; now += 5) pauses.answered(pauses.owe(now - 1), now);
    pauses.answered(stuck, 502);
    assert.equal(pauses.longestMs, 5);
  });

  it("counts a request that was due and could not be sent yet", () => {
    const pauses = begun();
    const first = pauses.owe(0);
    // One is due at 10 and finds no free connection before 20.
    pauses.answered(first, 20);
    const late = pauses.owe(10);
    pauses.answered(late, 65);
    assert.equal(pauses.longestMs, 45);
    // One is due at 70, when nothing is under way, and is sent at 110 only.
    const later = pauses.owe(70);
    pauses.answered(later, 120);
    assert.equal(pauses.longestMs, 50);
  });

  it("counts what was owed before the measurement from its beginning", () => {
    const pauses = begun();
    const stuck = pauses.owe(1);
    pauses.answered(pauses.owe(2), 800);
    pauses.begin(1_000);
    pauses.answered(pauses.owe(1_028), 1_030);
    assert.equal(pauses.longestMs, 30);
    pauses.answered(stuck, 1_040);
    assert.equal(pauses.longestMs, 30);
  });
});
