/** A clock whose timers run when the test says so. */
import type { Clock } from "../../clock.ts";

type Timer = { readonly ms: number; readonly wake: () => void };

export class ManualClock implements Clock {
  readonly #timers = new Set<Timer>();

  now(): number {
    return 1_800_000_000_000;
  }

  elapsed(): number {
    return 0;
  }

  after(ms: number, wake: () => void): () => void {
    const timer = { ms, wake };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  soon(run: () => void): void {
    setImmediate(run);
  }

  /** How long each timer that was set and not called off is to wait. */
  get waits(): number[] {
    return [...this.#timers].map(({ ms }) => ms);
  }

  /** Has all timers run out that wait for so long. */
  runOut(ms: number): void {
    for (const timer of this.#timers) {
      if (timer.ms !== ms) continue;
      this.#timers.delete(timer);
      timer.wake();
    }
  }
}
