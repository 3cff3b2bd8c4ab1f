import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { HoldfastError } from "@holdfast/protocol";
import fc from "fast-check";

import { parseBody, readFields, text } from "./json-request.ts";
import { isDeeperThan, suspiciousKey } from "./strict-json.ts";

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
  assert.equal(isDeeperThan(deep(64), 64), false);
  assert.equal(isDeeperThan(deep(65), 64), true);
  assert.equal(isDeeperThan(JSON.stringify("[".repeat(500)), 64), false);
  for (const end of ["\\", "\\\\", '"', '\\"', '\\\\"']) {
    const nested = `[${JSON.stringify(`${"[".repeat(200)}${end}`)},${deep(70)}]`;
    assert.equal(isDeeperThan(nested, 71), false, nested);
    assert.equal(isDeeperThan(nested, 70), true, nested);
  }
  assert.equal(isDeeperThan(`{"a":${deep(4)}}          `, 4), true);
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
