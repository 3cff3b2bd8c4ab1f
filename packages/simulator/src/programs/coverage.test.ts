import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { MessageType } from "@holdfast/protocol";

import { UNREACHABLE_PAIRS, VerbCoverage } from "./coverage.ts";
import { VERBS, type Verb } from "./verbs.ts";

function isSeen(coverage: VerbCoverage, first: Verb, second: Verb): boolean {
  return !coverage.report().missingPairs.some((pair) => pair.first === first && pair.second === second);
}

describe("coverage of verbs", () => {
  it("counts ordered pairs within one invocation", () => {
    const coverage = new VerbCoverage();
    coverage.note("one", 1, "date");
    coverage.note("one", 1, "uuid");
    coverage.note("two", 1, "log");
    assert.ok(isSeen(coverage, "date", "uuid"));
    assert.ok(!isSeen(coverage, "uuid", "date"));
    assert.ok(!isSeen(coverage, "date", "log"));
    assert.ok(!isSeen(coverage, "date", "date"));
    assert.equal(coverage.report().verbsSeen, 3);
    assert.equal(coverage.report().pairsSeen, 1);
  });

  it("does not take the replay of an attempt for something later", () => {
    const coverage = new VerbCoverage();
    for (const attempt of [1, 2]) {
      coverage.note("one", attempt, "date");
      coverage.note("one", attempt, "uuid");
    }
    coverage.note("one", 1, "log");
    assert.equal(coverage.report().pairsSeen, 1);
  });

  it("adds up over runs", () => {
    const whole = new VerbCoverage();
    const part = new VerbCoverage();
    part.note("one", 1, "date");
    part.note("one", 1, "date");
    part.noteMessage(MessageType.Run);
    whole.merge(part);
    assert.ok(isSeen(whole, "date", "date"));
    assert.ok(!whole.report().messagesMissing.includes("Run"));
    assert.ok(whole.report().messagesMissing.includes("Sleep"));
  });

  it("leaves out pairs that cannot be, each for a written reason, and verbs that were forbidden", () => {
    const { pairs } = new VerbCoverage().report();
    const unreachable = VERBS.length ** 2 - pairs;
    assert.ok(unreachable > 0 && unreachable < VERBS.length * 2, String(unreachable));
    for (const { reason } of UNREACHABLE_PAIRS) assert.match(reason, /\.$/);
    const without = new VerbCoverage().report(new Set(["unstable"]));
    assert.ok(without.pairs < pairs && !without.verbsMissing.includes("unstable"));
  });
});
