import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { HoldfastError } from "@holdfast/protocol";
import fc from "fast-check";

import { parseBody, readFields, text } from "./json-request.ts";
import { excessOf, JSON_KEYS_MAX, suspiciousKey } from "./strict-json.ts";

describe("suspicious keys", () => {
  for (const [json, expected] of [
    ['{"a":1,"a":2}', /"a" occurs twice/],
    ['{"a":1,"\\u0061":2}', /"a" occurs twice/],
    ['[{"x":{"b":[],"c":{},"b":1}}]', /"b" occurs twice/],
    ['{"__proto__":1}', /__proto__/],
    ['{"a":{"__proto__":{}}}', /__proto__/],
  ] as const) {
    it(`are found in ${json}`, () => {
      assert.match(suspiciousKey(json) ?? "", expected);
    });
  }

  it("are not seen where there are none", () => {
    for (const json of [
      '{"a":{"a":1},"b":[{"a":1},{"a":2}]}',
      '["a","a"]',
      '{"a":"a","b":"\\"a\\":1,"}',
      '"__proto__"',
      "[]",
    ]) {
      assert.equal(suspiciousKey(json), undefined, json);
    }
    fc.assert(
      fc.property(fc.json(), (json) => {
        // What is stringified again has no key twice.
        const value: unknown = JSON.parse(json);
        const found = suspiciousKey(JSON.stringify(value));
        assert.ok(found === undefined || found.includes("__proto__"));
      }),
    );
  });
});

it("depth is that of arrays and objects, not of brackets in texts", () => {
  const deep = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;
  assert.equal(excessOf(deep(64), 64), undefined);
  assert.equal(excessOf(deep(65), 64), "depth");
  assert.equal(excessOf(JSON.stringify("[".repeat(500)), 64), undefined);
  for (const end of ["\\", "\\\\", '"', '\\"', '\\\\"']) {
    const nested = `[${JSON.stringify(`${"[".repeat(200)}${end}`)},${deep(70)}]`;
    assert.equal(excessOf(nested, 71), undefined, nested);
    assert.equal(excessOf(nested, 70), "depth", nested);
  }
  assert.equal(excessOf(`{"a":${deep(4)}}          `, 4), "depth");
});

it("keys are counted over all objects, and colons in texts are none", () => {
  const objects = (count: number): string => `[${'{"a":0},'.repeat(count - 1)}{"a":":::"}]`;
  assert.equal(excessOf(objects(JSON_KEYS_MAX), 64), undefined);
  assert.equal(excessOf(objects(JSON_KEYS_MAX + 1), 64), "keys");
});

it("too much is found in what is no JSON as well, and what has no end has an end", () => {
  for (const garbage of [
    "[".repeat(1_000),
    `${'{"a":'.repeat(500)}`,
    `"${"[".repeat(500)}`,
    '"\\'.repeat(500),
  ]) {
    const excess = excessOf(garbage, 64);
    assert.ok(excess === "depth" || excess === undefined);
  }
  assert.equal(excessOf("[".repeat(1_000), 64), "depth");
});

it("bodies of any bytes are parsed or refused, and leave no trace in prototypes", () => {
  const words = [
    "__proto__",
    "constructor",
    "prototype",
    "polluted",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    '"',
    "1",
    "\\",
  ];
  const soup = fc
    .array(fc.constantFrom(...words), { maxLength: 30 })
    .map((parts) => Buffer.from(parts.join("")));
  fc.assert(
    fc.property(
      fc.oneof(
        soup,
        fc.uint8Array(),
        fc.json().map((json) => Buffer.from(json)),
      ),
      (body) => {
        try {
          readFields(parseBody(body, "application/json"), { name: text });
        } catch (error) {
          assert.ok(error instanceof HoldfastError && error.status === 400, String(error));
        }
        assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
      },
    ),
    { numRuns: 500 },
  );
});
