import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import { KeyFilter } from "./key-filter.ts";

describe("the key filter", () => {
  it("knows every key that was added, whatever keys they are", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (keys) => {
        const filter = new KeyFilter();
        for (const key of keys) filter.add(key);
        assert.ok(keys.every((key) => filter.mayHold(key)));
      }),
    );
  });

  it("knows them all still when it has grown, and mistakes few others for them", () => {
    const filter = new KeyFilter();
    const count = 200_000;
    for (let index = 0; index < count; index++) filter.add(`Workflow\u0000key-${index}`);
    let mistakes = 0;
    for (let index = 0; index < count; index++) {
      assert.ok(filter.mayHold(`Workflow\u0000key-${index}`));
      if (filter.mayHold(`Workflow\u0000other-${index}`)) mistakes += 1;
    }
    assert.ok(mistakes < count / 50, `${mistakes} of ${count}`);
    assert.ok(filter.byteLength < count * 4, `${filter.byteLength} bytes`);
  });

  it("does not grow with keys that are added again", () => {
    const filter = new KeyFilter();
    const bytes = filter.byteLength;
    for (let round = 0; round < 100_000; round++) filter.add(`key-${round % 100}`);
    assert.equal(filter.byteLength, bytes);
  });

  it("knows nothing when nothing was added", () => {
    assert.ok(!new KeyFilter().mayHold(""));
  });
});
