/**
 * Counts of durations in buckets whose width grows with the duration: each power of two is cut into 64 equal parts, so that
 * a percentile is at most 1.6 % off, whatever its size. Node's own histogram cannot be sent to another process, and the
 * generator is one.
 */

const PARTS = 64;
const PART_BITS = 6;
/** Up to 2^42 ns, more than an hour. */
const POWERS = 42;

/** Pairs of bucket and count: what is sent between processes and written into results. */
export type HistogramCounts = ReadonlyArray<readonly [bucket: number, count: number]>;

export class Histogram {
  readonly #counts = new Uint32Array((POWERS - PART_BITS + 1) * PARTS);
  #total = 0;
  #max = 0;

  static of(counts: HistogramCounts, max: number): Histogram {
    const histogram = new Histogram();
    for (const [bucket, count] of counts) histogram.#add(bucket, count);
    histogram.#max = max;
    return histogram;
  }

  get total(): number {
    return this.#total;
  }

  /** The largest duration, exactly. */
  get max(): number {
    return this.#max;
  }

  record(nanoseconds: number): void {
    if (nanoseconds > this.#max) this.#max = nanoseconds;
    this.#add(bucketOf(nanoseconds), 1);
  }

  merge(other: Histogram): void {
    for (const [bucket, count] of other.counts()) this.#add(bucket, count);
    this.#max = Math.max(this.#max, other.#max);
  }

  /** The duration that a share of all durations does not exceed, e.g. 0.99. Zero when nothing was recorded. */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(share * this.#total));
    if (rank >= this.#total) return this.#max;
    let seen = 0;
    for (const [bucket, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= rank) return Math.min(this.#max, middleOf(bucket));
    }
    return this.#max;
  }

  counts(): HistogramCounts {
    const pairs: Array<readonly [number, number]> = [];
    for (const [bucket, count] of this.#counts.entries()) if (count > 0) pairs.push([bucket, count]);
    return pairs;
  }

  #add(bucket: number, count: number): void {
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
    this.#total += count;
  }
}

/** The first buckets are one nanosecond wide; from 64 ns on, each power of two has 64 buckets. */
function bucketOf(nanoseconds: number): number {
  const value = Math.min(Math.max(0, Math.floor(nanoseconds)), 2 ** POWERS - 1);
  if (value < PARTS) return value;
  const power = Math.floor(Math.log2(value));
  const part = Math.floor(value / 2 ** (power - PART_BITS)) - PARTS;
  return (power - PART_BITS + 1) * PARTS + part;
}

function middleOf(bucket: number): number {
  if (bucket < PARTS) return bucket;
  const power = Math.floor(bucket / PARTS) + PART_BITS - 1;
  const width = 2 ** (power - PART_BITS);
  return 2 ** power + (bucket % PARTS) * width + width / 2;
}
