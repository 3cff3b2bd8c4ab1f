import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { chosenBy, tableOf } from "./hunt.ts";
import { mutants } from "./mutants.ts";

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

describe("the choice of seeded bugs to hunt", () => {
  it("is all of them, or those with a part of the name", () => {
    assert.deepEqual(chosenBy({}), mutants);
    assert.deepEqual(
      chosenBy({ only: "epoch-not-raised" }).map(({ name }) => name),
      ["epoch-not-raised"],
    );
  });

  it("refuses a name that no seeded bug has, and a part of the table for the page", () => {
    assert.throws(() => chosenBy({ only: "no-such-bug" }), /No mutant's name contains "no-such-bug"/);
    assert.throws(() => chosenBy({ only: "epoch-not-raised", write: true }), /needs the whole table/);
  });
});
