import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { tableOf } from "./hunt.ts";

const MUTANT = { name: "lost", breaks: "It is lost.", file: "f", find: "x", replace: "y" };

describe("the table of seeded bugs", () => {
  it("says by what each was found, where, and how long it took", () => {
    const found = { seed: "mutants-7", id: "LOG-1", message: "LOG-1: gone" };
    const text = tableOf([
      { mutant: MUTANT, found, seeds: 8, seconds: 1.25, ignored: [] },
      { mutant: MUTANT, found: undefined, seeds: 3_000, seconds: 240, ignored: [] },
    ]);
    assert.match(text, /\| `lost` \| It is lost\. \| LOG-1 \| `mutants-7` \| 8 \| 1\.3 s \|/);
    assert.match(text, /\*\*not found\*\*/);
    assert.match(text, /1 of 2 found/);
  });
});
