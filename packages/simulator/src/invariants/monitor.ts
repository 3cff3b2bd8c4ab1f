/** What a monitor is: it is told what happens, and says which promise was broken. */
import type { Tables } from "@holdfast/engine";

import type { Step } from "./durable-fold.ts";
import type { WorldEvent } from "./world-event.ts";

/** A promise of the product was broken. `id` is the invariant's, `event` the sequence number of the event that showed it. */
export class InvariantViolation extends Error {
  override readonly name = "InvariantViolation";
  readonly id: string;
  readonly event: number;

  constructor(id: string, what: string, event: number) {
    super(`${id}: ${what} (event ${event})`);
    this.id = id;
    this.event = event;
  }
}

/** Holds what was seen against one invariant. Counts; throws an InvariantViolation when it does not hold. */
export interface Judge {
  holds(id: string, condition: boolean, otherwise: () => string): asserts condition;
  /** Throws it. For what is looked at all the time and says little where it holds, so that it is not to be counted. */
  breaks(id: string, what: string): never;
}

/** How the world stands once it is healed, time went on, and nothing is left to do. */
export type RestFacts = {
  /** Of the engine that is up. */
  readonly tables: Tables;
  /** The engine's clock, epoch milliseconds. */
  readonly now: number;
  /** How late a timer may be. Milliseconds. */
  readonly timerSlackMs: number;
  /** How long something may stay whose retention is over. Milliseconds. */
  readonly retentionSlackMs: number;
};

export interface Monitor {
  /** What it checks. */
  readonly ids: readonly string[];
  /** An event, after those of its records that became durable by it were followed. O(1) amortised, save for recoveries. */
  observe(event: WorldEvent, at: number, sequence: number): void;
  /** A record that is durable, with what it came to. In log order, each once. */
  follow?(step: Step): void;
  atRest?(facts: RestFacts): void;
}

/** Counts how often each invariant was held against something. */
export class Tally implements Judge {
  readonly checks = new Map<string, number>();
  /** Of the event that is being judged. */
  sequence = 0;

  /** These are to be checked, and were not yet. */
  add(ids: readonly string[]): void {
    for (const id of ids) this.checks.set(id, this.checks.get(id) ?? 0);
  }

  holds(id: string, condition: boolean, otherwise: () => string): asserts condition {
    this.checks.set(id, (this.checks.get(id) ?? 0) + 1);
    if (!condition) this.breaks(id, otherwise());
  }

  breaks(id: string, what: string): never {
    throw new InvariantViolation(id, what, this.sequence);
  }
}
