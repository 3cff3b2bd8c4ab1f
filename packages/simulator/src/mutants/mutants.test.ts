import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { mutate } from "./apply-mutant.ts";
import { mutants } from "./mutants.ts";

const ROOT = new URL("../../../../", import.meta.url);

describe("the seeded bugs", () => {
  for (const mutant of mutants) {
    it(`${mutant.name} has its one place in the product`, () => {
      const source = readFileSync(new URL(mutant.file, ROOT), "utf8");
      assert.notEqual(mutate(source, mutant), source);
    });
  }

  it("are refused when their place is gone or not the only one", () => {
    const mutant = { name: "m", breaks: "", file: "f", find: "x", replace: "y" };
    assert.throws(() => mutate("no place", mutant), /belongs to one place/);
    assert.throws(() => mutate("x and x", mutant), /there are 2/);
  });
});
