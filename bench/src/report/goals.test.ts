import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { goalsOf } from "./goals.ts";
import { figures, scenario } from "./results.contract.ts";

const FLOOR = { p50: 0.2, p99: 1, samples: 10 };

describe("goals", () => {
  it("are judged where they were measured", () => {
    assert.deepEqual(goalsOf(scenario(), FLOOR), [
      { text: "at least 12 times restate", met: true, value: 12 },
    ]);
    const slower = scenario({ ratio: { restate: { min: 1, median: 11.9, max: 20 } } });
    assert.equal(goalsOf(slower, FLOOR)[0]?.met, false);
  });

  it("say nothing about what was not measured", () => {
    assert.deepEqual(goalsOf(scenario({ ratio: {} }), FLOOR), []);
    assert.deepEqual(goalsOf(scenario({ holdfast: { failed: "it ended" } }), FLOOR), []);
    assert.deepEqual(goalsOf(scenario({ connections: 200 }), FLOOR), []);
  });

  it("hold Restate's SDK on Holdfast against the same on Restate, by rounds", () => {
    const measured = (...values: number[]) =>
      figures(0, { measurements: values.map((value, round) => ({ round, value, operations: 1 })) });
    const peers = { "holdfast-restate-sdk": measured(300, 500, 100), restate: measured(100, 250, 100) };
    const [, goal] = goalsOf(scenario({ peers }), FLOOR);
    assert.deepEqual(goal, { text: "Restate's SDK: at least 2 times restate", met: true, value: 2 });
  });

  it("hold a workflow of ten steps against the disk of the same run", () => {
    const latency = { p50: 4.8, p99: 9, p999: 9, max: 9 };
    const record = scenario({ name: "steps-10", connections: 1, holdfast: figures(200, { latency }) });
    const texts = goalsOf(record, FLOOR).map(({ met, value }) => [met, value]);
    assert.deepEqual(texts, [
      [false, 4.8],
      [true, 4.8 / (12 * 0.2)],
    ]);
  });

  it("want every sleeper to wake exactly once", () => {
    const goal = (missing: number, doubles: number) =>
      goalsOf(
        scenario({ name: "sleepers", holdfast: figures(0.3, { extra: { missing, doubles } }) }),
        FLOOR,
      ).find(({ text }) => text.startsWith("every sleeper"));
    assert.equal(goal(0, 0)?.met, true);
    assert.equal(goal(0, 1)?.met, false);
    assert.equal(goal(1, 0)?.met, false);
    assert.deepEqual(goal(1, 1), { text: "every sleeper wakes, and once", met: false, value: 2 });
  });

  it("hold all the memory of the sleepers against their limit, and not that of one", () => {
    const goal = (residentMiB: number) =>
      goalsOf(scenario({ name: "sleepers", holdfast: figures(0.3, { extra: { residentMiB } }) }), FLOOR);
    assert.deepEqual(goal(500), [{ text: "at most 600 MB resident", met: true, value: 524.288 }]);
    assert.equal(goal(600)[0]?.met, false);
  });
});
