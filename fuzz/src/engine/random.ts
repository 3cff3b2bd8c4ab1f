/** The only source of chance: everything that a run does follows from its seed. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to 2^32 - 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A whole number from 0 to `limit` - 1; 0 when `limit` is 0. */
  below(limit: number): number {
    return limit <= 0 ? 0 : this.next() % limit;
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  /** Small as a rule: half of what is asked for is 1, a quarter up to 8, the rest up to `limit`. */
  length(limit: number): number {
    const bound = this.oneIn(2) ? 1 : this.oneIn(2) ? Math.min(8, limit) : limit;
    return 1 + this.below(bound);
  }

  pick<T>(list: readonly T[]): T | undefined {
    return list[this.below(list.length)];
  }
}

/** A seed of its own for each target, so that leaving one out does not change what another does. */
export function seedFor(seed: number, name: string): number {
  let hash = seed | 0;
  for (let at = 0; at < name.length; at++) hash = Math.imul(hash ^ name.charCodeAt(at), 0x01000193);
  return hash;
}
