import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { goalScenarios } from "../report/goals.ts";
import { allCells } from "./all-cells.ts";

describe("the table of scenarios", () => {
  it("has every scenario once at each number of connections", () => {
    const names = allCells.map(({ scenario, connections }) => `${scenario} ${connections}`);
    assert.equal(new Set(names).size, names.length);
  });

  it("names scenarios so that they can be typed and be part of a file name", () => {
    for (const { scenario } of allCells) assert.match(scenario, /^[a-z0-9-]+$/);
  });

  it("has every scenario for which there is a goal", () => {
    const known = new Set(allCells.map(({ scenario }) => scenario));
    assert.deepEqual(
      goalScenarios().filter((scenario) => !known.has(scenario)),
      [],
    );
  });

  it("gives the scenarios of a title one unit", () => {
    const units = Map.groupBy(allCells, ({ scenario }) => scenario);
    for (const cells of units.values()) assert.equal(new Set(cells.map(({ unit }) => unit)).size, 1);
  });
});
