/**
 * Removes what retention allows: by time, and beyond a budget of disk the oldest first. Works in small steps through the
 * log, like everything that changes state, so that nothing else waits for it.
 */
import type { Outcome } from "@holdfast/engine";

import type { Clock } from "../clock.ts";
import type { CheckpointStore, InvocationHit } from "../store/store.ts";

/** Rows removed by one record. */
const STEP = 200;

export type RetentionDeps = {
  readonly clock: Clock;
  readonly store: CheckpointStore;
  /** 0: no budget. */
  readonly budgetBytes: number;
  /** Wait between two looks, ms; between two steps of one look there is only a turn. */
  readonly intervalMs: number;
  readonly expire: (ids: readonly string[], budget: boolean) => Promise<Outcome>;
  readonly checkpoint: () => Promise<void>;
};

export class Retention {
  readonly #deps: RetentionDeps;
  #stopWaiting: (() => void) | undefined;
  #closed = false;

  constructor(deps: RetentionDeps) {
    this.#deps = deps;
  }

  start(): void {
    this.#wait();
  }

  close(): void {
    this.#closed = true;
    this.#stopWaiting?.();
  }

  #wait(): void {
    if (this.#closed) return;
    this.#stopWaiting = this.#deps.clock.after(this.#deps.intervalMs, () => {
      // A refused proposal (overload, a full disk) is no reason to worry: the next look tries again.
      this.sweep().then(
        () => this.#wait(),
        () => this.#wait(),
      );
    });
  }

  /** Removes everything that may go now. Returns how many invocations lost their row or journal. */
  async sweep(): Promise<number> {
    return (await this.#byTime()) + (await this.#byBudget());
  }

  async #byTime(): Promise<number> {
    const { store, clock, checkpoint } = this.#deps;
    let removed = 0;
    let after: Place | undefined;
    while (!this.#closed) {
      const due = store.findInvocations({
        status: ["completed"],
        expiredAt: clock.now(),
        order: "expiry",
        limit: STEP,
        ...(after === undefined ? {} : { after }),
      });
      const last = due.at(-1);
      if (last === undefined) break;
      // The store shows removals only after a checkpoint, and one for each step would be more work than the steps.
      after = { sortValue: last.columns.expiresAt ?? 0, id: last.id };
      removed += await this.#expire(due, false);
    }
    if (removed > 0) await checkpoint();
    return removed;
  }

  async #byBudget(): Promise<number> {
    const { store, budgetBytes, checkpoint } = this.#deps;
    let removed = 0;
    let after: Place | undefined;
    while (budgetBytes > 0 && !this.#closed) {
      let excess = store.completedBytes() - budgetBytes;
      if (excess <= 0) return removed;
      while (excess > 0) {
        const oldest = store.findInvocations({
          status: ["completed"],
          order: "oldest",
          limit: STEP,
          ...(after === undefined ? {} : { after }),
        });
        const chosen = worthBytes(oldest, excess);
        const last = chosen.at(-1);
        if (last === undefined) return removed;
        after = { sortValue: last.columns.createdAt, id: last.id };
        removed += await this.#expire(chosen, true);
        for (const { columns } of chosen) excess -= columns.size;
      }
      // How much that was shows after a checkpoint: what is still needed stays.
      await checkpoint();
    }
    return removed;
  }

  async #expire(hits: readonly InvocationHit[], budget: boolean): Promise<number> {
    const outcome = await this.#deps.expire(
      hits.map(({ id }) => id),
      budget,
    );
    return outcome.ok ? (outcome.detail?.removed ?? 0) : 0;
  }
}

type Place = { readonly sortValue: number; readonly id: string };

/** The first of them that together take so many bytes. */
function worthBytes(hits: readonly InvocationHit[], bytes: number): readonly InvocationHit[] {
  let sum = 0;
  const enough = hits.findIndex(({ columns }) => {
    sum += columns.size;
    return sum >= bytes;
  });
  return enough < 0 ? hits : hits.slice(0, enough + 1);
}
