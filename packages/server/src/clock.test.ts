import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { clockFrom } from "./clock.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Wall clock and timers that a test moves, together or apart. */
class Time {
  wall = 1_900_000_000_000;
  #elapsed = 0;
  #timers = new Set<{ readonly at: number; readonly wake: () => void }>();
  longest = 0;
  readonly clock = clockFrom({
    now: () => this.wall,
    elapsed: () => this.#elapsed,
    setTimer: (ms, wake) => {
      this.longest = Math.max(this.longest, ms);
      const timer = { at: this.#elapsed + ms, wake };
      this.#timers.add(timer);
      return () => this.#timers.delete(timer);
    },
  });

  /** Time passes for everyone. */
  pass(ms: number): void {
    const until = this.#elapsed + ms;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until) break;
      this.#timers.delete(next);
      this.wall += next.at - this.#elapsed;
      this.#elapsed = next.at;
      next.wake();
    }
    this.wall += until - this.#elapsed;
    this.#elapsed = until;
  }
}

describe("the system's clock", () => {
  it("wakes once, after the time and not before", () => {
    for (const ms of [0, 1, 250, MINUTE, 90 * MINUTE, 40 * DAY]) {
      const time = new Time();
      let woken = 0;
      time.clock.after(ms, () => {
        woken += 1;
      });
      if (ms > 0) time.pass(ms - 1);
      assert.equal(woken, 0, `${ms}`);
      time.pass(1);
      assert.equal(woken, 1, `${ms}`);
      time.pass(DAY);
      assert.equal(woken, 1, `${ms}`);
      assert.ok(time.longest <= MINUTE, "no timer is longer than Node can count");
    }
  });

  it("can be called off at any time", () => {
    const time = new Time();
    const stop = time.clock.after(10 * MINUTE, () => assert.fail("woken"));
    time.pass(5 * MINUTE);
    stop();
    time.pass(DAY);
  });

  it("notices within a minute that the machine slept, or that its clock was set forward", () => {
    const time = new Time();
    let woken = 0;
    time.clock.after(8 * 60 * MINUTE, () => {
      woken += 1;
    });
    time.pass(10 * MINUTE);
    time.wall += DAY;
    time.pass(MINUTE);
    assert.equal(woken, 1);
  });

  it("does not freeze when the clock is set back", () => {
    const time = new Time();
    let woken = 0;
    time.clock.after(250, () => {
      woken += 1;
    });
    time.wall -= DAY;
    time.pass(250);
    assert.equal(woken, 1);
  });
});
