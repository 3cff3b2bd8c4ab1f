import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { OwnWrites } from "./own-writes.ts";

describe("what an invocation has written itself", () => {
  it("is known until it is written anew or cleared", () => {
    const writes = new OwnWrites();
    assert.equal(writes.read("a"), undefined);
    writes.set("a", 1);
    assert.deepEqual(writes.read("a"), { json: "1" });
    writes.clear("a");
    assert.deepEqual(writes.read("a"), { json: undefined });
    assert.equal(writes.read("b"), undefined);
    writes.set("a", 2);
    writes.clearAll();
    assert.deepEqual(writes.read("a"), { json: undefined });
    assert.deepEqual(writes.read("b"), { json: undefined });
  });

  it("is held against keys as of the moment in which they were asked for", () => {
    const writes = new OwnWrites();
    writes.set("a", 1);
    writes.clear("b");
    const check = writes.keysCheck();
    writes.set("c", 1);
    assert.equal(check(["a", "others"]), undefined);
    assert.match(check(["others"]) ?? "", /\[a\] were set/);
    assert.match(check(["a", "b"]) ?? "", /\[b\] were cleared/);
    writes.clearAll();
    assert.match(writes.keysCheck()(["others"]) ?? "", /\[others\] were cleared/);
  });
});
