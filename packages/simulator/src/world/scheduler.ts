/**
 * Virtual time. Everything that happens in a simulated world is an event here, and one event runs at a time: the next one
 * begins when all promises that the last one settled have run.
 *
 * Events of the same instant run in an order drawn from the seed, because nothing in reality promises another.
 */
import type { Random } from "../random.ts";

type ScheduledEvent = {
  readonly at: number;
  readonly tie: number;
  readonly order: number;
  /** `undefined` once it was called off. */
  run: (() => void) | undefined;
};

/** Why a run ended. */
export type RunEnd = "idle" | "time" | "stopped" | "events";

/** Taken before any trap replaces it. */
const realImmediate = setImmediate;

export class Scheduler {
  readonly #random: Random;
  readonly #heap: ScheduledEvent[] = [];
  #now = 0;
  #order = 0;
  #isStopped = false;
  /** Events that have run. */
  events = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Milliseconds since the world began, with fractions. */
  get now(): number {
    return this.#now;
  }

  /** Runs `run` in `ms`. Returns how to call it off. */
  after(ms: number, run: () => void): () => void {
    const event: ScheduledEvent = {
      at: this.#now + Math.max(0, ms),
      tie: this.#random.below(0x1_0000_0000),
      order: this.#order++,
      run,
    };
    this.#push(event);
    return () => {
      event.run = undefined;
    };
  }

  /** Ends `run` after the event that is running. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Runs events until `until` (ms), until nothing is left, until stopped, or until so many have run. */
  run(until: number, eventsMax: number): Promise<RunEnd> {
    this.#isStopped = false;
    const last = this.events + eventsMax;
    return new Promise((resolve, reject) => {
      const step = (): void => {
        const end = this.#endOf(until, last);
        if (end !== undefined) {
          if (end === "time") this.#now = Math.max(this.#now, until);
          resolve(end);
          return;
        }
        try {
          this.#runNext();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        realImmediate(step);
      };
      realImmediate(step);
    });
  }

  #endOf(until: number, last: number): RunEnd | undefined {
    if (this.#isStopped) return "stopped";
    while (this.#heap[0] !== undefined && this.#heap[0].run === undefined) this.#pop();
    const next = this.#heap[0];
    if (next === undefined) return "idle";
    if (next.at > until) return "time";
    return this.events >= last ? "events" : undefined;
  }

  #runNext(): void {
    const event = this.#pop();
    if (event?.run === undefined) return;
    this.#now = event.at;
    this.events += 1;
    event.run();
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): ScheduledEvent | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const right = heap[child + 1];
      const left = heap[child];
      if (left === undefined) break;
      let smallest = left;
      if (right !== undefined && isBefore(right, left)) {
        child += 1;
        smallest = right;
      }
      if (!isBefore(smallest, last)) break;
      heap[at] = smallest;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function isBefore(a: ScheduledEvent, b: ScheduledEvent): boolean {
  if (a.at !== b.at) return a.at < b.at;
  return a.tie === b.tie ? a.order < b.order : a.tie < b.tie;
}
