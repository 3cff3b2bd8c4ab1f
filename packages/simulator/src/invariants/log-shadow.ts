/** What the log must hold: every batch that was ever handed to it, and whether it must, may or must not be there. */
import type { LogRecord } from "@holdfast/engine";

import type { EventOf, LoggedBatch } from "./world-event.ts";

export type ShadowBatch = LoggedBatch & {
  readonly life: number;
  /** The log said ok, or a recovery found it: it must be there from now on. */
  isDurable: boolean;
};

/** A batch of an earlier life that a recovery did not find. */
export type LostBatch = {
  readonly hash: string;
  /** Life whose recovery did not find it. */
  readonly missedBy: number;
};

export class LogShadow {
  /** Newest batch at each position. */
  readonly #batches = new Map<number, ShadowBatch>();
  readonly #lost = new Map<number, LostBatch[]>();
  /** Lives in which the log said ok to anything. */
  readonly #acknowledging = new Set<number>();
  /** Every position up to this one is durable, and was passed on by `takeDurable`. */
  #taken = 0;
  life = 0;
  epoch = 0;
  /** Highest position that was handed to the log in this life, or found by its recovery. */
  tail = 0;

  at(position: number): ShadowBatch | undefined {
    return this.#batches.get(position);
  }

  /** Every position up to this one is durable. */
  get durableTo(): number {
    return this.#taken;
  }

  lostAt(position: number): readonly LostBatch[] {
    return this.#lost.get(position) ?? [];
  }

  /** Whether some life from this one on was told that something is durable. */
  hasAcknowledgedSince(life: number): boolean {
    for (const each of this.#acknowledging) if (each >= life) return true;
    return false;
  }

  append({ life, position, records, hash }: EventOf<"appended">): void {
    this.#batches.set(position, { position, records, hash, life, isDurable: false });
    this.tail = Math.max(this.tail, position);
  }

  markDurable(position: number): void {
    const batch = this.#batches.get(position);
    if (batch === undefined) return;
    batch.isDurable = true;
    this.#acknowledging.add(batch.life);
  }

  /** What a recovery found is durable; what it did not find, and needed not to, is lost. */
  recover({ life, epoch, batches, checkpointPosition }: EventOf<"recovered">): void {
    const tail = Math.max(checkpointPosition, batches.at(-1)?.position ?? 0);
    for (const batch of batches) this.#find(batch, life);
    const found = new Set(batches.map(({ position }) => position));
    for (let position = this.#taken + 1; position <= this.tail; position++) {
      const batch = this.#batches.get(position);
      if (batch === undefined || batch.isDurable || found.has(position)) continue;
      if (position <= checkpointPosition) batch.isDurable = true;
      else this.#lose(batch, life);
    }
    this.life = life;
    this.epoch = epoch;
    this.tail = tail;
  }

  /** It may be one that an earlier recovery did not find, as long as nothing was accepted since. */
  #find(batch: LoggedBatch, life: number): void {
    const { position, hash } = batch;
    if (position <= this.#taken) return;
    const known = this.#batches.get(position);
    if (known?.hash === hash) {
      known.isDurable = true;
      return;
    }
    if (known !== undefined) this.#lose(known, life);
    this.#batches.set(position, { ...batch, life, isDurable: true });
  }

  #lose({ position, hash }: ShadowBatch, missedBy: number): void {
    this.#batches.delete(position);
    this.#lost.set(position, [...this.lostAt(position), { hash, missedBy }]);
  }

  /** Batches that became durable and were not taken yet, in order, none left out. */
  *takeDurable(): IterableIterator<ShadowBatch> {
    for (;;) {
      const next = this.#batches.get(this.#taken + 1);
      if (next?.isDurable !== true) return;
      this.#taken += 1;
      yield next;
    }
  }
}

export function kindsOf(records: readonly LogRecord[]): string {
  return records.map(({ body }) => body.kind).join(", ");
}
