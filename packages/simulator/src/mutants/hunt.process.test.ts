import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { hunt } from "./hunt.ts";
import { mutants } from "./mutants.ts";

/** Found within the first seeds, each by another invariant: they show that the hunt works, not what it can find. */
const EASY: Readonly<Record<string, string>> = {
  "epoch-not-raised": "LOG-9",
  "effects-before-durable": "LOG-4",
  "lazy-state-taken-for-empty": "KEY-3",
};

describe("the hunt for seeded bugs", () => {
  for (const [name, id] of Object.entries(EASY)) {
    it(`finds ${name}, and says that it breaks ${id}`, async () => {
      const mutant = mutants.find((each) => each.name === name);
      assert.ok(mutant);
      const { found } = await hunt(mutant, { seeds: 20, seconds: 200 });
      assert.equal(found?.id, id, found?.message ?? "not found");
    });
  }
});
