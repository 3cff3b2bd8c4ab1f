import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { encodeValue, MessageType, type Message } from "@holdfast/protocol";

import { CounterLedger } from "./counter-ledger.ts";
import { COUNTER } from "./program.ts";

function set(value: number, key: string = COUNTER): Message {
  return { type: MessageType.SetState, key, value: encodeValue(value) };
}

describe("the ledger of counters", () => {
  it("follows each object by itself, and clearing", () => {
    const ledger = new CounterLedger();
    for (const [object, message] of [
      ["a", set(1)],
      ["b", set(1)],
      ["a", set(2)],
      ["a", set(9, "other")],
      ["b", { type: MessageType.ClearAllState }],
      ["b", set(1)],
    ] as const)
      assert.equal(ledger.note(object, message), undefined);
    assert.equal(ledger.count("a"), 2);
    assert.equal(ledger.count("b"), 1);
  });

  it("tells of an increment that was lost or done twice", () => {
    const ledger = new CounterLedger();
    ledger.note("a", set(1));
    assert.match(ledger.note("a", set(1)) ?? "", /set to 1 when it was 1/);
    assert.match(ledger.note("a", set(3)) ?? "", /set to 3 when it was 1/);
  });
});
