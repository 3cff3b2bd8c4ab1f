/**
 * The life of one simulated process. What a process has asked for happens only while it lives: after a crash nothing that it
 * left behind runs, and while it is frozen everything waits, to happen at once when it goes on.
 */
import type { Scheduler } from "./scheduler.ts";

export class Lifetime {
  readonly #scheduler: Scheduler;
  #isAlive = true;
  #isFrozen = false;
  #held: Array<() => void> = [];
  readonly #onEnd: Array<() => void> = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  after(ms: number, run: () => void): () => void {
    let isOff = false;
    const call = (): void => {
      if (isOff || !this.#isAlive) return;
      if (this.#isFrozen) this.#held.push(call);
      else run();
    };
    const cancel = this.#scheduler.after(ms, call);
    return () => {
      isOff = true;
      cancel();
    };
  }

  /** Hears of the end, once, whatever its reason. */
  onEnd(listener: () => void): void {
    this.#onEnd.push(listener);
  }

  end(): void {
    if (!this.#isAlive) return;
    this.#isAlive = false;
    this.#held = [];
    for (const listener of this.#onEnd.splice(0)) listener();
  }

  /** As SIGSTOP. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** As SIGCONT: what came due meanwhile happens now, each thing as an event of its own. */
  thaw(): void {
    this.#isFrozen = false;
    for (const call of this.#held.splice(0)) this.#scheduler.after(0, call);
  }
}

/** Runs functions later, each after a delay of its own, and yet in the order in which they came. */
export class Lane {
  readonly #lifetime: Lifetime;
  readonly #delay: () => number;
  readonly #waiting: Array<() => void> = [];

  constructor(lifetime: Lifetime, delay: () => number) {
    this.#lifetime = lifetime;
    this.#delay = delay;
  }

  readonly run = (run: () => void): void => {
    this.#waiting.push(run);
    // Whichever event comes first takes whoever is first in line.
    this.#lifetime.after(this.#delay(), () => this.#waiting.shift()?.());
  };
}
