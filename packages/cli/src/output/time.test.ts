import assert from "node:assert/strict";
import { test } from "node:test";

import { shownBytes } from "./bytes.ts";
import { fullTime, relativeTime } from "./time.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");

test("times are told by their distance", () => {
  const at = (ms: number): string | undefined => relativeTime(new Date(NOW + ms).toISOString(), NOW);
  assert.equal(at(0), "now");
  assert.equal(at(-42_000), "42s ago");
  assert.equal(at(-3_700_000), "1h ago");
  assert.equal(at(3 * 86_400_000 - 90), "in 3d");
  assert.equal(at(3 * 86_400_000 - 3_000), "in 2d 23h");
  assert.equal(at(499), "now");
  assert.equal(relativeTime(undefined, NOW), undefined);
  assert.equal(relativeTime("no time", NOW), "no time");
});

test("a full time keeps the date that scripts and people compare", () => {
  assert.equal(fullTime("2029-12-31T23:59:00.000Z", NOW), "2029-12-31T23:59:00.000Z (1m ago)");
});

test("sizes have a unit", () => {
  assert.deepEqual([0, 1023, 1024, 1_572_864, 200 * 1024 ** 2 + 1].map(shownBytes), [
    "0 bytes",
    "1023 bytes",
    "1 KiB",
    "1.5 MiB",
    "200 MiB",
  ]);
});
