import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { chosenBy, tableOf } from "./hunt.ts";

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

  it("counts those that are known to escape, and says why they do", () => {
    const escaped = { ...MUTANT, name: "hidden", escapes: "Nobody looks." };
    const text = tableOf([], [escaped]);
    assert.match(
      text,
      /0 of 1 found\. Known to escape, with [^:]+:\n\n- `hidden`: It is lost\. Nobody looks\.$/,
    );
    const hunted = { mutant: escaped, found: undefined, seeds: 9, seconds: 1, ignored: [] };
    assert.equal(tableOf([hunted]), text);
  });
});

describe("the choice of seeded bugs to hunt", () => {
  it("leaves out those that are known to escape, unless it is told otherwise", () => {
    assert.ok(chosenBy({}).every(({ escapes }) => escapes === undefined));
    const [escaped] = chosenBy({ all: true }).filter(({ escapes }) => escapes !== undefined);
    assert.ok(escaped);
    assert.ok(chosenBy({ only: escaped.name }).includes(escaped));
  });

  it("refuses a name that no seeded bug has, and a part of the table for the page", () => {
    assert.throws(() => chosenBy({ only: "no-such-bug" }), /No mutant's name contains "no-such-bug"/);
    assert.throws(() => chosenBy({ only: "epoch-not-raised", write: true }), /needs the whole table/);
  });
});
