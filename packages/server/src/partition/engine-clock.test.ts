import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { EngineClock } from "./engine-clock.ts";

const HOUR = 3_600_000;
const START = 1_900_000_000_000;

/** A wall clock and the time that passes, moved by the test. */
class Time {
  wall = START;
  passed = 0;
  readonly clock = new EngineClock({
    now: () => Math.floor(this.wall),
    elapsed: () => this.passed,
    after: () => () => {},
    soon: () => {},
  });

  pass(ms: number): void {
    this.wall += ms;
    this.passed += ms;
  }
}

describe("the engine's clock", () => {
  it("is the wall clock as long as that goes forward, however far", () => {
    const time = new Time();
    for (const ms of [0, 1, 0.4, 250, HOUR]) {
      time.pass(ms);
      assert.equal(time.clock.now(), Math.floor(time.wall));
      assert.equal(time.clock.aheadOfWall, 0);
    }
    time.wall += 24 * HOUR;
    assert.equal(time.clock.now(), Math.floor(time.wall));
  });

  it("goes on as time passes when the wall clock is set back, and says how far ahead it is", () => {
    const time = new Time();
    time.pass(1_000);
    const before = time.clock.now();
    time.wall -= HOUR;
    assert.equal(time.clock.now(), before);
    time.pass(5_000);
    assert.equal(time.clock.now(), before + 5_000);
    assert.equal(time.clock.aheadOfWall, HOUR);
  });

  it("follows the wall clock again once that has come past it", () => {
    const time = new Time();
    time.clock.now();
    time.wall -= HOUR;
    time.pass(1_000);
    time.wall += 2 * HOUR;
    assert.equal(time.clock.now(), time.wall);
    assert.equal(time.clock.aheadOfWall, 0);
  });

  it("goes on from the last record when the wall says that it is earlier, and from the wall when it is later", () => {
    const time = new Time();
    time.passed = 700;
    time.clock.startAt(START + HOUR);
    assert.equal(time.clock.now(), START + HOUR);
    time.pass(10);
    assert.equal(time.clock.now(), START + HOUR + 10);
    const later = new Time();
    later.clock.startAt(START - HOUR);
    assert.equal(later.clock.now(), START);
  });

  it("never goes back, is never behind the wall, and never stands still while time passes", () => {
    const move = fc.record({
      jump: fc.integer({ min: -HOUR, max: HOUR }),
      ms: fc.double({ min: 0, max: 5_000, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(move), (moves) => {
        const time = new Time();
        let last = time.clock.now();
        for (const { jump, ms } of moves) {
          time.wall += jump;
          time.pass(ms);
          const now = time.clock.now();
          assert.ok(Number.isSafeInteger(now) && now >= Math.floor(time.wall));
          assert.ok(now >= last + Math.floor(ms) - 1, `${now} after ${last} and ${ms} ms`);
          last = now;
        }
      }),
    );
  });
});
