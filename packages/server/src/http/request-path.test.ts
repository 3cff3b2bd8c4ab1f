import assert from "node:assert/strict";
import { it } from "node:test";

import { HoldfastError } from "@holdfast/protocol";
import fc from "fast-check";

import { readPath } from "./request-path.ts";

it("gives back every key that encodeURIComponent can write, in any place", () => {
  const key = fc
    .string({ unit: "binary", minLength: 1 })
    .filter((text) => text.isWellFormed() && !text.includes("\u0000") && !text.includes("\uffff"));
  fc.assert(
    fc.property(key, fc.string({ unit: "grapheme" }), (text, query) => {
      const path = `/Object/${encodeURIComponent(text)}/handler`;
      const read = readPath(`${path}?${encodeURIComponent(query)}`);
      assert.deepEqual(read.segments, ["Object", text, "handler"]);
      assert.equal(decodeURIComponent(read.query), query);
    }),
  );
});

it("reads or refuses, whatever the path is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii" }), (text) => {
      try {
        assert.ok(readPath(`/${text}`).segments.length > 0);
      } catch (error) {
        assert.ok(error instanceof HoldfastError && error.status === 400, String(error));
      }
    }),
  );
});

it("splits before it decodes, and forgives one slash at the end", () => {
  assert.deepEqual(readPath("/a%2Fb/c/").segments, ["a/b", "c"]);
  assert.deepEqual(readPath("/a//c").segments, ["a", "", "c"]);
  assert.deepEqual(readPath("/a/c//").segments, ["a", "c", ""]);
  assert.deepEqual(readPath("/").segments, [""]);
  assert.deepEqual(readPath("/a?b/c?d"), { segments: ["a"], query: "b/c?d" });
  assert.deepEqual(readPath("/%2e%2e/a").segments, ["..", "a"]);
});

it("refuses overlong and surrogate encodings, NUL, and what does not begin with a slash", () => {
  for (const path of [
    "/%c0%af",
    "/%ed%a0%80",
    "/%00",
    "/%ef%bf%bf",
    "/%",
    "/%e2%82",
    "*",
    "http://h/a",
    "",
  ]) {
    assert.throws(() => readPath(path), { code: "path-invalid" }, path);
  }
});
