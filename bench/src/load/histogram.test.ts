import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { Histogram } from "./histogram.ts";

/** Buckets are a 64th of a power of two wide, and a percentile is the middle of one. */
const ERROR_MAX = 1 / 64;

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

describe("a histogram", () => {
  it("gives percentiles close to those of the sorted values", () => {
    const durations = fc.array(fc.integer({ min: 0, max: 2 ** 41 }), { minLength: 1, maxLength: 300 });
    const shares = fc.constantFrom(0, 0.25, 0.5, 0.9, 0.99, 0.999, 1);
    fc.assert(
      fc.property(durations, shares, (values, share) => {
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0;
        const shown = histogramOf(values).percentile(share);
        assert.ok(Math.abs(shown - exact) <= exact * ERROR_MAX + 1, `${shown} for ${exact}`);
      }),
    );
  });

  it("is exact for the largest value and the number of values", () => {
    const histogram = histogramOf([5, 123_456_789, 7]);
    assert.equal(histogram.max, 123_456_789);
    assert.equal(histogram.percentile(1), 123_456_789);
    assert.equal(histogram.total, 3);
  });

  it("says zero when nothing was recorded", () => {
    assert.equal(new Histogram().percentile(0.5), 0);
  });

  it("takes what is out of its range into its last bucket", () => {
    const histogram = histogramOf([-1, 2 ** 50]);
    assert.equal(histogram.total, 2);
    assert.equal(histogram.percentile(0), 0);
    assert.equal(histogram.max, 2 ** 50);
  });

  it("is the same after being sent as counts, and merges", () => {
    const first = histogramOf([10, 1_000, 1_000_000]);
    const copy = Histogram.of(first.counts(), first.max);
    assert.deepEqual(copy.counts(), first.counts());
    const merged = histogramOf([2_000_000]);
    merged.merge(copy);
    assert.equal(merged.total, 4);
    assert.equal(merged.max, 2_000_000);
    assert.deepEqual(merged.counts(), histogramOf([10, 1_000, 1_000_000, 2_000_000]).counts());
  });
});
