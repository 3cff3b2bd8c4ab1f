/** The clocks of one simulated process: a wall clock that may jump, and the product's own logic above it. */
import { clockFrom, type Clock } from "@holdfast/server/parts";

import type { Lifetime } from "./lifetime.ts";
import type { Scheduler } from "./scheduler.ts";

/** 2030-01-01T00:00:00Z: when worlds begin. */
export const WORLD_START_MS = 1_893_456_000_000;

/** The wall clock of a machine. Its processes share it, and it survives them. */
export class WallClock {
  readonly #scheduler: Scheduler;
  #offset = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  now(): number {
    return Math.floor(WORLD_START_MS + this.#scheduler.now + this.#offset);
  }

  jump(ms: number): void {
    this.#offset += ms;
  }
}

export function processClock(scheduler: Scheduler, wall: WallClock, lifetime: Lifetime): Clock {
  return {
    ...clockFrom({
      now: () => wall.now(),
      elapsed: () => scheduler.now,
      setTimer: (ms, wake) => lifetime.after(ms, wake),
    }),
    soon: (run) => {
      lifetime.after(0, run);
    },
  };
}
