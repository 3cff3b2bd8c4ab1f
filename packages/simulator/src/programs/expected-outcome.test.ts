import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ANY, expectedOutcome, isExpected } from "./expected-outcome.ts";
import type { Node, Program } from "./program.ts";

const value: Node = { kind: "run", plan: "value", times: 0, ms: 0 };
const refused: Node = { kind: "run", plan: "terminal", times: 0, ms: 0 };
const thrown: Node = { kind: "throw", error: "terminal", times: 1 };
const chance: Node = { kind: "read", what: "random" };

function program(...body: Node[]): Program {
  return { target: { service: "plain" }, body };
}

function call(callee: Program, changes: { readonly cancel?: boolean } = {}): Node {
  return { kind: "call", program: callee, headers: false, askId: false, cancel: false, ...changes };
}

function branches(join: "all" | "race" | "any" | "all-settled", ...bodies: Node[][]): Node {
  return { kind: "branches", join, branches: bodies };
}

describe("what a program must end with", () => {
  it("lists what its nodes give, by their places", () => {
    assert.deepEqual(expectedOutcome(program(value, { kind: "loop", times: 2, body: [value] })), {
      value: ["0", [["1.r0.0"], ["1.r1.0"]]],
    });
  });

  it("leaves open what is up to chance or time", () => {
    assert.deepEqual(expectedOutcome(program(chance, value)), { value: [ANY, "1"] });
    assert.deepEqual(expectedOutcome(program(branches("race", [value], [value]))), { value: [ANY] });
    assert.deepEqual(expectedOutcome(program(branches("race", [value], [thrown]))), {
      value: [ANY],
      failure: ANY,
    });
  });

  it("is the first failure, also that of a callee", () => {
    assert.deepEqual(expectedOutcome(program(value, thrown, refused)), { failure: "thrown at 1" });
    assert.deepEqual(expectedOutcome(program(value, call(program(value, refused)))), {
      failure: "refused at 1",
    });
  });

  it("says nothing where nothing is known", () => {
    const cancelled = call(program(value), { cancel: true });
    assert.deepEqual(expectedOutcome(program(value, cancelled)), { value: ["0", ANY], failure: ANY });
  });

  it("goes through blocks as a handler does", () => {
    const block: Node = { kind: "try", body: [value, thrown], rescue: [value], always: [value] };
    assert.deepEqual(expectedOutcome(program(block)), {
      value: [[["caught thrown at 0.try.1", ["0.catch.0"]], ["0.always.0"]]],
    });
    const replaced: Node = { kind: "try", body: [thrown], always: [refused] };
    assert.equal("value" in (expectedOutcome(program(replaced)) ?? {}), false);
  });

  it("joins branches as the native combinators do", () => {
    assert.deepEqual(expectedOutcome(program(branches("all", [value], [thrown]))), {
      failure: "thrown at 0.1.0",
    });
    assert.deepEqual(expectedOutcome(program(branches("any", [refused], [thrown]))), {
      failure: "no branch succeeded",
    });
    assert.deepEqual(expectedOutcome(program(branches("all-settled", [value], [refused]))), {
      value: [
        [
          ["ok", ["0.0.0"]],
          ["failed", "refused at 0.1.0"],
        ],
      ],
    });
  });

  it("is compared with what came: values by their pattern, failures by their message", () => {
    assert.ok(isExpected({ value: ["0", ANY] }, { value: ["0", { any: "thing" }] }));
    assert.ok(!isExpected({ value: ["0", ANY] }, { value: ["1", 2] }));
    assert.ok(!isExpected({ value: ["0"] }, { value: ["0", "1"] }));
    assert.ok(!isExpected({ value: ["0"] }, { failure: "0" }));
    assert.ok(isExpected({ value: ["0"], failure: ANY }, { failure: "Cancelled" }));
    assert.ok(!isExpected({ failure: "this" }, { failure: "that" }));
  });
});
