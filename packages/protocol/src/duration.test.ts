import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { formatDuration, parseDuration } from "./duration.ts";

const DURATIONS: ReadonlyArray<readonly [text: string, ms: number]> = [
  ["100ms", 100],
  ["60s", 60_000],
  ["60 sec", 60_000],
  ["1h30m", 5_400_000],
  ["1h 30m", 5_400_000],
  ["2 days 3 hours", 183_600_000],
  ["1.5d", 129_600_000],
  ["0.4ms", 0],
  ["1w", 604_800_000],
  ["  5m ", 300_000],
  ["1H", 3_600_000],
  ["0s", 0],
  ["PT1H", 3_600_000],
  ["PT1H30M", 5_400_000],
  ["P1DT12H", 129_600_000],
  ["P2W", 1_209_600_000],
  ["PT0.25S", 250],
  ["pt5s", 5_000],
];

for (const [text, ms] of DURATIONS) {
  test(`parseDuration() reads "${text}"`, () => {
    assert.equal(parseDuration(text), ms);
  });
}

test("parseDuration() refuses everything else", () => {
  const wrong = [
    "",
    " ",
    "5",
    "-5s",
    "5 s x",
    "s",
    "1y",
    "2 months",
    "1h,30m",
    "1h 30",
    ".5s",
    "1..5s",
    "1e3s",
    "NaNs",
    "P",
    "PT",
    "P1DT",
    "P1Y",
    "P1M",
    "PT1.2.3S",
    "PT.S",
    "-PT1S",
    "PT1H1D",
    "99999999999999999w",
    `${"1h".repeat(60)}`,
  ];
  for (const text of wrong) assert.equal(parseDuration(text), undefined, text);
});

test("parseDuration() reads back what formatDuration() writes", () => {
  fc.assert(
    fc.property(fc.nat({ max: 2 ** 45 }), (ms) => {
      assert.equal(parseDuration(formatDuration(ms)), ms);
    }),
  );
});

test("parseDuration() ends in time on any text", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom(..."0123456789.hmsPTdw ".split("")), maxLength: 200 }),
      (text) => {
        const ms = parseDuration(text);
        assert.ok(ms === undefined || (Number.isSafeInteger(ms) && ms >= 0));
      },
    ),
  );
});

test("formatDuration() names the largest units, and as many as asked for", () => {
  assert.equal(formatDuration(0), "0ms");
  assert.equal(formatDuration(5_400_000), "1h 30m");
  assert.equal(formatDuration(93_784_005), "1d 2h 3m 4s 5ms");
  assert.equal(formatDuration(93_784_005, 2), "1d 2h");
  assert.equal(formatDuration(86_400_005, 2), "1d");
  assert.equal(formatDuration(999, 1), "999ms");
});
