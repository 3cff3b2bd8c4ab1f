import assert from "node:assert/strict";
import { test } from "node:test";

import { isSameValue } from "./same-value.ts";

function row() {
  return {
    id: "mail",
    open: new Map([[1, { kind: "run", failures: 0 }]]),
    settled: new Set([17]),
    events: [{ code: "no", at: 5 }],
    output: new Uint8Array([1, 2]),
    result: undefined,
  };
}

test("two rows with the same fields are the same, whatever they are made of", () => {
  assert.ok(isSameValue(row(), row()));
  const { result: _result, ...without } = row();
  assert.ok(isSameValue(row(), without), "a field that is undefined is none");
  assert.ok(isSameValue(row(), { ...row(), output: Buffer.from([1, 2]) }), "bytes are bytes");
});

test("two rows that differ anywhere are not the same, whichever comes first", () => {
  const others = [
    { ...row(), id: "other" },
    { ...row(), open: new Map([[1, { kind: "run", failures: 1 }]]) },
    { ...row(), open: new Map([[2, { kind: "run", failures: 0 }]]) },
    { ...row(), settled: new Set([18]) },
    { ...row(), events: [] },
    { ...row(), output: new Uint8Array([1, 3]) },
    { ...row(), result: null },
    { ...row(), more: 0 },
    [],
    undefined,
  ];
  for (const [index, other] of others.entries()) {
    assert.ok(!isSameValue(row(), other), `row and number ${index}`);
    assert.ok(!isSameValue(other, row()), `number ${index} and row`);
  }
});
