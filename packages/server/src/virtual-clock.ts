/** A clock that moves only when it is told to. */
import type { Clock } from "./clock.ts";

type Alarm = { readonly at: number; readonly order: number; readonly wake: () => void };

export class VirtualClock implements Clock {
  #now: number;
  #order = 0;
  #alarms = new Set<Alarm>();

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now;
  }

  after(ms: number, wake: () => void): () => void {
    const alarm: Alarm = { at: this.#now + Math.max(0, ms), order: this.#order++, wake };
    this.#alarms.add(alarm);
    return () => this.#alarms.delete(alarm);
  }

  soon(run: () => void): void {
    setImmediate(run);
  }

  /** Time of the next alarm, or infinity. */
  nextAlarm(): number {
    return this.#next()?.at ?? Number.POSITIVE_INFINITY;
  }

  #next(): Alarm | undefined {
    let next: Alarm | undefined;
    for (const alarm of this.#alarms) {
      if (next === undefined || alarm.at < next.at || (alarm.at === next.at && alarm.order < next.order))
        next = alarm;
    }
    return next;
  }

  /** Moves to `to`, or to the next alarm if that is earlier, and wakes that one. Returns whether an alarm was woken. */
  step(to: number): boolean {
    const next = this.#next();
    if (next === undefined || next.at > to) {
      this.#now = Math.max(this.#now, to);
      return false;
    }
    this.#alarms.delete(next);
    this.#now = Math.max(this.#now, next.at);
    next.wake();
    return true;
  }
}
