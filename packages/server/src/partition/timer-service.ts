/**
 * Brings timers back when they are due. The truth is the table `timers`; this is a window on its nearest rows, so that a
 * million sleeping invocations cost rows on disk and not objects in memory. Losing all of it costs a scan.
 */
import { timerDue } from "@holdfast/engine";

import type { Clock } from "../clock.ts";

/**
 * Timers kept in memory after a load. Twice as many are kept before the farthest are dropped again. Loading and dropping
 * take a few milliseconds of one turn, and happen once for so many timers.
 */
const WINDOW_DEFAULT = 2_000;
/**
 * Timers fired by one record: bounds how long one application takes while a backlog is caught up, oldest first. Each may
 * wake an invocation that has to be read from the store.
 */
const FIRE_MAX = 100;
/** Wait before those that are due are looked at again when they had to wait, ms. */
const PAUSE_MS = 20;
/** Key behind every timer's. */
const LAST_KEY = ":";

export type TimerServiceOptions = {
  readonly clock: Clock;
  /** The table. Rows by key, in key order. */
  readonly timers: {
    scan(from: string, to: string, limit: number): ReadonlyArray<readonly [key: string, row: unknown]>;
  };
  /** Records that these are due, which removes their rows at once. */
  readonly fire: (keys: readonly string[]) => void;
  /** Nothing can be fired now, however late it gets. */
  readonly mustWait?: () => boolean;
  readonly window?: number;
};

export class TimerService {
  readonly #clock: Clock;
  readonly #timers: TimerServiceOptions["timers"];
  readonly #fire: (keys: readonly string[]) => void;
  readonly #mustWait: () => boolean;
  readonly #window: number;
  /** Binary heap of keys: a key's order is that of due times. May hold keys that were cleared. */
  #heap: string[] = [];
  #live = new Set<string>();
  /** Timers from this key on are in the table only. */
  #horizon: string = LAST_KEY;
  #stopWaiting: (() => void) | undefined;
  #waitingFor = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: TimerServiceOptions) {
    this.#clock = options.clock;
    this.#timers = options.timers;
    this.#fire = options.fire;
    this.#mustWait = options.mustWait ?? (() => false);
    this.#window = options.window ?? WINDOW_DEFAULT;
  }

  /** Timers in memory. */
  get liveCount(): number {
    return this.#live.size;
  }

  /** Reads the nearest timers. To be called once after recovery, before the first `set`. */
  start(): void {
    this.#load("");
    this.#wait();
  }

  close(): void {
    this.#closed = true;
    this.#stopWaiting?.();
  }

  /** Due time of the next timer, or infinity. For virtual clocks. */
  nextDue(): number {
    this.#dropCleared();
    const first = this.#heap[0];
    return first === undefined ? Number.POSITIVE_INFINITY : timerDue(first);
  }

  set(key: string): void {
    if (key >= this.#horizon) return;
    this.#live.add(key);
    this.#push(key);
    if (this.#live.size > this.#window * 2) this.#shrink();
    if (timerDue(key) < this.#waitingFor) this.#wait();
  }

  clear(key: string): void {
    this.#live.delete(key);
    // Cleared keys stay in the heap until they are due; not more than there are live ones.
    if (this.#heap.length > this.#live.size * 2 + 1_000) this.#rebuild([...this.#live]);
  }

  /** Reads the nearest timers behind the window: whatever lies before its end was in it. */
  #load(from: string): void {
    const rows = this.#timers.scan(from, LAST_KEY, this.#window);
    const keys = rows.map(([key]) => key);
    this.#live = new Set(keys);
    this.#rebuild(keys);
    this.#horizon = keys.length < this.#window ? LAST_KEY : `${keys.at(-1) ?? ""}~`;
  }

  #shrink(): void {
    const keys = [...this.#live].sort();
    const kept = keys.slice(0, this.#window);
    this.#horizon = keys[this.#window] ?? LAST_KEY;
    this.#live = new Set(kept);
    this.#rebuild(kept);
  }

  #wait(): void {
    this.#stopWaiting?.();
    this.#stopWaiting = undefined;
    const due = this.nextDue();
    this.#waitingFor = due;
    if (due === Number.POSITIVE_INFINITY || this.#closed) return;
    this.#stopWaiting = this.#clock.after(Math.max(0, due - this.#clock.now()), () => this.#fireDue());
  }

  #fireDue(): void {
    if (this.#closed) return;
    if (this.#mustWait()) {
      this.#stopWaiting = this.#clock.after(PAUSE_MS, () => this.#fireDue());
      return;
    }
    const now = this.#clock.now();
    const keys: string[] = [];
    while (keys.length < FIRE_MAX && this.nextDue() <= now) {
      const key = this.#pop();
      this.#live.delete(key);
      keys.push(key);
    }
    if (keys.length > 0) this.#fire(keys);
    if (this.#live.size === 0 && this.#horizon !== LAST_KEY) this.#load(this.#horizon);
    this.#wait();
  }

  #dropCleared(): void {
    for (let first = this.#heap[0]; first !== undefined && !this.#live.has(first); first = this.#heap[0])
      this.#pop();
  }

  #rebuild(keys: string[]): void {
    // Sorted ascending is a heap.
    this.#heap = keys.sort();
  }

  #push(key: string): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(key);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentKey = heap[parent] as string;
      if (parentKey <= key) break;
      heap[at] = parentKey;
      at = parent;
    }
    heap[at] = key;
  }

  #pop(): string {
    const heap = this.#heap;
    const first = heap[0] as string;
    const last = heap.pop() as string;
    const size = heap.length;
    if (size === 0) return first;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= size) break;
      if (child + 1 < size && (heap[child + 1] as string) < (heap[child] as string)) child += 1;
      const childKey = heap[child] as string;
      if (childKey >= last) break;
      heap[at] = childKey;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
