import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import {
  checkLinearizable,
  describeObjectOperation,
  objectModel,
  parseObjectOperation,
  type ObjectOperation,
  type Operation,
} from "./linearizability.ts";

/** As a program makes it. */
function record<T>(fields: { [Name in keyof T]: fc.Arbitrary<T[Name]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const anyOperation: fc.Arbitrary<ObjectOperation> = fc.oneof(
  record({
    object: fc.constant("ada"),
    kind: fc.constant("add" as const),
    amount: fc.integer({ min: -9, max: 9 }),
  }),
  record({
    object: fc.constant("ada"),
    kind: fc.constant("set" as const),
    value: fc.integer().map(String),
  }),
  record({ object: fc.constant("ada"), kind: fc.constant("get" as const) }),
);

/** A history in which the n-th operation happened at the moment 10 n, and was called and answered a while around it. */
const anyHistory = fc
  .array(fc.tuple(anyOperation, fc.nat(25), fc.nat(25)), { minLength: 1, maxLength: 12 })
  .map((steps) => {
    let state = objectModel.initial;
    return steps.map(([op, before, after], index): Operation<ObjectOperation> => {
      const next = objectModel.apply(state, op);
      state = next.state;
      return { op, called: index * 10 - before, returned: index * 10 + after + 1, result: next.result };
    });
  });

test("a history that was made in some order is linearizable", () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      assert.equal(checkLinearizable(objectModel, history), "linearizable");
    }),
  );
});

test("a history is judged as trying every order judges it", () => {
  const anyAnswer = fc.constantFrom("null", "0", "1", "2", "3", undefined);
  const small = fc.array(fc.tuple(anyOperation, fc.nat(30), fc.nat(20), anyAnswer), { maxLength: 5 });
  fc.assert(
    fc.property(small, (steps) => {
      const history = steps.map(([op, called, took, result]) => ({
        op,
        called,
        returned: result === undefined ? Number.POSITIVE_INFINITY : called + took + 1,
        result,
      }));
      const expected = inSomeOrder(history, objectModel.initial) ? "linearizable" : "not-linearizable";
      assert.equal(checkLinearizable(objectModel, history), expected);
    }),
    { numRuns: 500 },
  );
});

/** As slow as it is plain. */
function inSomeOrder(left: ReadonlyArray<Operation<ObjectOperation>>, state: string | undefined): boolean {
  if (left.every(({ result }) => result === undefined)) return true;
  return left.some((operation) => {
    const others = left.filter((each) => each !== operation);
    if (others.some(({ returned }) => returned < operation.called)) return false;
    const next = objectModel.apply(state, operation.op);
    const fits = operation.result === undefined || operation.result === next.result;
    return fits && inSomeOrder(others, next.state);
  });
}

test("the search gives up rather than go on for ever", () => {
  const history = Array.from({ length: 40 }, (_, index) => ({
    op: { object: "ada", kind: "add", amount: 2 ** index } as const,
    called: 0,
    returned: 100,
    result: "-1",
  }));
  const unknown = history.map((each) => ({ ...each, returned: Number.POSITIVE_INFINITY, result: undefined }));
  assert.equal(checkLinearizable(objectModel, [...unknown, ...history.slice(0, 1)], 1_000), "undecided");
});

test("what a call does to an object reads back from its text", () => {
  fc.assert(
    fc.property(anyOperation, (operation) => {
      assert.deepEqual(parseObjectOperation(describeObjectOperation(operation)), operation);
    }),
  );
  assert.equal(parseObjectOperation("anything else"), undefined);
});
