/** How often each of many may do something: so many at once, and as many again in each period. */

type Bucket = { left: number; filledAt: number };

/** Beyond so many, whoever was quiet for longest is forgotten, and may begin anew. */
const KNOWN_MAX = 10_000;

export class Rates {
  readonly #max: number;
  readonly #periodMs: number;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(max: number, periodMs: number, now: () => number) {
    this.#max = max;
    this.#periodMs = periodMs;
    this.#now = now;
  }

  /** Whether it may happen once more now. */
  hasRoom(who: string): boolean {
    const bucket = this.#buckets.get(who);
    return bucket === undefined || this.#refill(bucket).left >= 1;
  }

  count(who: string): void {
    const bucket = this.#buckets.get(who) ?? { left: this.#max, filledAt: this.#now() };
    this.#refill(bucket).left -= 1;
    // Moved to the end: the first ones are those that were quiet for longest.
    this.#buckets.delete(who);
    this.#buckets.set(who, bucket);
    if (this.#buckets.size <= KNOWN_MAX) return;
    const [quietest] = this.#buckets.keys();
    if (quietest !== undefined) this.#buckets.delete(quietest);
  }

  #refill(bucket: Bucket): Bucket {
    const now = this.#now();
    // A wall clock may go back; nothing is taken away then.
    const gained = (Math.max(0, now - bucket.filledAt) / this.#periodMs) * this.#max;
    bucket.left = Math.min(this.#max, bucket.left + gained);
    bucket.filledAt = now;
    return bucket;
  }
}
