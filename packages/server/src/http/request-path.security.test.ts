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

it("gives back every code point there is, and refuses the two that table keys are built with", () => {
  const apart = new Set([0x0000, 0xffff]);
  const inKey = 512;
  let given = "";
  for (let point = 0; point <= 0x10ffff; point++) {
    if (apart.has(point)) {
      assert.throws(() => readPath(`/O/a${encodeURIComponent(String.fromCodePoint(point))}/h`), {
        code: "path-invalid",
      });
    } else if (point < 0xd800 || point > 0xdfff) given += String.fromCodePoint(point);
    if (given.length < inKey && point < 0x10ffff) continue;
    assert.deepEqual(readPath(`/O/${encodeURIComponent(given)}/h`).segments, ["O", given, "h"]);
    given = "";
  }
});

it("refuses every lone surrogate, however it is written", () => {
  for (let unit = 0xd800; unit <= 0xdfff; unit++) {
    const bytes = [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)];
    const written = bytes.map((byte) => `%${byte.toString(16)}`).join("");
    assert.throws(() => readPath(`/O/${written}/h`), { code: "path-invalid" });
  }
});

it("refuses every overlong form of a slash, a dot and NUL", () => {
  for (const code of [0x2f, 0x2e, 0x00]) {
    const low = 0x80 | (code & 0x3f);
    for (const lead of [[0xc0 | (code >> 6)], [0xe0, 0x80 | (code >> 6)], [0xf0, 0x80, 0x80 | (code >> 6)]]) {
      const written = [...lead, low].map((byte) => `%${byte.toString(16)}`).join("");
      assert.throws(() => readPath(`/O/${written}/h`), { code: "path-invalid" }, written);
    }
  }
});

it("decodes once, and makes nothing of dots, slashes and backslashes that it finds", () => {
  assert.deepEqual(readPath("/O/%252f%2500/h").segments, ["O", "%2f%00", "h"]);
  assert.deepEqual(readPath("/O/..%2f..%2fetc/h").segments, ["O", "../../etc", "h"]);
  assert.deepEqual(readPath("/O/../h").segments, ["O", "..", "h"]);
  assert.deepEqual(readPath("/O\\h").segments, ["O\\h"]);
  assert.deepEqual(readPath("/O/%5c/h").segments, ["O", "\\", "h"]);
  assert.deepEqual(readPath("/O;a=b/h").segments, ["O;a=b", "h"]);
  assert.deepEqual(readPath("//O/h").segments, ["", "O", "h"]);
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
