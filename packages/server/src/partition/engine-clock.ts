/**
 * The time of one partition: never goes back, and never stands still. It is the wall clock as long as that only goes forward.
 * When the wall clock is set back, it goes on as much time as has passed, ahead of the wall from then on; when a start finds a
 * log from later than the wall says, it goes on from there. See docs/decisions/engine-clock.md.
 */
import type { Clock } from "../clock.ts";

export class EngineClock implements Clock {
  readonly #base: Clock;
  /** Time at moment 0 of `elapsed`, by the wall clock where that was farthest ahead. */
  #origin = Number.NEGATIVE_INFINITY;
  #last = 0;

  constructor(base: Clock) {
    this.#base = base;
  }

  /** To be told, before anybody asks, the time of the last record: it is not earlier than that. */
  startAt(time: number): void {
    this.#origin = time - this.#base.elapsed();
    this.#last = time;
  }

  now(): number {
    const wall = this.#base.now();
    const elapsed = this.#base.elapsed();
    this.#origin = Math.max(this.#origin, wall - elapsed);
    this.#last = Math.max(this.#last, wall, Math.floor(this.#origin + elapsed));
    return this.#last;
  }

  /** How much later it is than the wall clock says, ms. */
  get aheadOfWall(): number {
    return this.now() - this.#base.now();
  }

  elapsed(): number {
    return this.#base.elapsed();
  }

  after(ms: number, wake: () => void): () => void {
    return this.#base.after(ms, wake);
  }

  soon(run: () => void): void {
    this.#base.soon(run);
  }
}
