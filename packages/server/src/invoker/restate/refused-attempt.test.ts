/** When an endpoint that is not ready wants to be asked again. What its other answers come to is in `hostile-restate.test.ts`. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { mediaType, refusalOf, retryAfterMs } from "./refused-attempt.ts";

const NOW = Date.parse("2027-01-15T08:00:00Z");
const DAY_MS = 24 * 60 * 60 * 1_000;

describe("Retry-After", () => {
  const cases: ReadonlyArray<readonly [value: string | undefined, ms: number | undefined]> = [
    [undefined, undefined],
    ["0", 100],
    ["3", 3_000],
    [" 3 ", 3_000],
    ["-3", undefined],
    ["3.5", undefined],
    ["soon", undefined],
    ["", undefined],
    ["Fri, 15 Jan 2027 08:00:05 GMT", 5_000],
    ["Fri, 15 Jan 2027 07:59:55 GMT", undefined],
    ["999999999", DAY_MS],
    ["9999999999999999999999", undefined],
    ["Fri, 15 Jan 2099 08:00:05 GMT", DAY_MS],
  ];
  for (const [value, ms] of cases) {
    it(`"${value ?? "missing"}" is ${ms === undefined ? "no time" : `${ms} ms`}`, () =>
      assert.equal(retryAfterMs(value, NOW), ms));
  }

  it("counts only with the statuses that it belongs to", () => {
    const headers = { "retry-after": "3" };
    assert.deepEqual(refusalOf(503, headers, "a/b", NOW)?.next, { isCounted: true, delayMs: 3_000 });
    assert.deepEqual(refusalOf(429, headers, "a/b", NOW)?.next, { isCounted: true, delayMs: 3_000 });
    assert.deepEqual(refusalOf(500, headers, "a/b", NOW)?.next, { isCounted: true });
  });
});

describe("of a content type", () => {
  const cases: ReadonlyArray<readonly [type: string | undefined, shown: string]> = [
    [undefined, "no content type"],
    ["text/html; charset=utf-8", "text/html"],
    ["application/vnd.restate.invocation.v5", "application/vnd.restate.invocation.v5"],
    ["say something", "no content type"],
    [`text/${"x".repeat(200)}`, "no content type"],
  ];
  for (const [type, shown] of cases) {
    it(`"${type?.slice(0, 40) ?? "missing"}" no more than "${shown}" is repeated`, () =>
      assert.equal(mediaType(type), shown));
  }
});
