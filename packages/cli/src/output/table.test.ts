import assert from "node:assert/strict";
import { test } from "node:test";

import { coloured } from "./paint.ts";
import { shortened, shownLine, shownLines, widthOf } from "./shown-text.ts";
import { formatFields, formatTable } from "./table.ts";

test("columns are as wide as their widest cell, and nothing stands behind the last", () => {
  const lines = formatTable(
    [{ title: "NAME" }, { title: "N", align: "right" }, { title: "NOTE" }],
    [
      ["counter", "5", "short"],
      ["a", "1000", ""],
    ],
  );
  assert.deepEqual(lines, ["NAME        N  NOTE", "counter     5  short", "a        1000"]);
});

test("wide characters take two columns, and combining ones none", () => {
  assert.equal(widthOf("日本"), 4);
  assert.equal(widthOf("e\u0301"), 1);
  assert.equal(widthOf("👩‍👩‍👧"), 2);
  const [, first, second] = formatTable(
    [{ title: "K" }, { title: "V" }],
    [
      ["日本", "x"],
      ["abcd", "y"],
    ],
  );
  assert.equal(first, "日本  x");
  assert.equal(second, "abcd  y");
});

test("only columns that may shrink do, and say that something is missing", () => {
  const columns = [{ title: "ID" }, { title: "NOTE", shrinks: true }];
  const rows = [["inv_1", "a message that is much longer than the terminal is wide"]];
  const [, row = ""] = formatTable(columns, rows, { width: 30 });
  assert.equal(widthOf(row), 30);
  assert.ok(row.startsWith("inv_1  a message") && row.endsWith("…"));
  assert.equal(formatTable(columns, rows)[1], `inv_1  ${rows[0]?.[1]}`);
});

test("colours do not count for the width", () => {
  const cell = { text: "ok", style: "green" } as const;
  const [, row] = formatTable([{ title: "STATUS" }, { title: "X" }], [[cell, "y"]], { paint: coloured });
  assert.equal(row, "\u001b[32mok\u001b[0m      y");
});

test("fields are aligned, those without a value left out, and further lines indented", () => {
  const lines = formatFields([
    ["Id", "inv_1"],
    ["Nothing", undefined],
    ["Failure", { text: "first\nsecond", style: "red" }],
  ]);
  assert.deepEqual(lines, ["Id       inv_1", "Failure  first", "         second"]);
});

test("text of others cannot drive the terminal", () => {
  assert.equal(shownLine("a\u001b[2Jb\nc\u202ed\u0007"), "a\\u001b[2Jb\\nc\\u202ed\\u0007");
  assert.equal(shownLines("a\nb\r\u009bc"), "a\nb\\r\\u009bc");
  assert.deepEqual(formatTable([{ title: "K" }], [["x\u001b[31m"]]), ["K", "x\\u001b[31m"]);
  assert.equal(shownLine("Grüße, 日本 👩‍👩‍👧"), "Grüße, 日本 👩‍👩‍👧");
});

test("a text is cut between what people see as characters", () => {
  assert.equal(shortened("abcdef", 4), "abc…");
  assert.equal(shortened("日本語", 4), "日…");
  assert.equal(shortened("abcd", 4), "abcd");
});
