import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { OPEN, OVER_HTTP1, REQUEST_BY_REQUEST, suiteTitle, SUSPENDED } from "../suite-titles.ts";
import type { FinishedTest } from "./finished-tests.ts";
import { compatibilityTable } from "./table.ts";

const NOW = new Date("2026-11-27T12:00:00Z");

function finished(kind: FinishedTest["kind"], title: string, name: string): FinishedTest {
  return { kind, name: `${title} › ${name}` };
}

/** The cells of a case: TypeScript, TypeScript over HTTP/1.1, Go, Python, Java, Rust. */
function cells(name: string, tests: readonly FinishedTest[]): string[] {
  const row = compatibilityTable(tests, NOW)
    .split("\n")
    .find((line) => line.startsWith(`| ${name} |`));
  assert.ok(row, `${name} has no row`);
  return row
    .split(" | ")
    .slice(2)
    .map((cell) => cell.replace(/ \|$/, ""));
}

const go = (mode: typeof OPEN): string => suiteTitle("Go", mode);

describe("the table of compatibility", () => {
  it("says that a case was not tried when no test names it", () => {
    assert.deepEqual(new Set(cells("State.add", [])), new Set(["not tried"]));
    const skipped = [finished("skip", go(OPEN), "adds [State.add]")];
    assert.deepEqual(new Set(cells("State.add", skipped)), new Set(["not tried"]));
  });

  it("says in which of the ways a case was tried", () => {
    const tests = [finished("pass", go(OPEN), "adds [State.add]")];
    assert.equal(cells("State.add", tests)[2], "yes, open");
    assert.equal(
      cells("State.add", [...tests, finished("pass", go(SUSPENDED), "adds [State.add]")])[2],
      "yes",
    );
    const http1 = finished("pass", suiteTitle(OVER_HTTP1, REQUEST_BY_REQUEST), "adds [State.add]");
    assert.equal(cells("State.add", [http1])[1], "yes");
  });

  it("says that a case fails when one of its tests does, whatever the others say", () => {
    const tests = [
      finished("pass", go(OPEN), "adds [State.add]"),
      finished("fail", go(SUSPENDED), "a › adds [State.add]"),
      finished("pass", go(SUSPENDED), "adds more [State.add] [Sleep.sleep]"),
    ];
    assert.equal(cells("State.add", tests)[2], "**fails** (suspended)");
    assert.equal(cells("Sleep.sleep", tests)[2], "yes, suspended");
  });

  it("counts suites that say more than their column", () => {
    const tests = [finished("pass", `${go(OPEN)}: in trouble`, "adds [State.add]")];
    assert.equal(cells("State.add", tests)[2], "yes, open");
  });

  it("refuses a case and a way that nobody knows", () => {
    assert.throws(() => compatibilityTable([finished("pass", go(OPEN), "[State.ad]")], NOW), /State\.ad/);
    const nowhere = "Restate's SDK for Go, upside down";
    assert.throws(() => compatibilityTable([finished("pass", nowhere, "[State.add]")], NOW), /upside down/);
  });

  it("has each case once", () => {
    const rows = compatibilityTable([], NOW)
      .split("\n")
      .filter((line) => line.startsWith("| "));
    const names = rows
      .map((row) => row.split(" | ")[0])
      .filter((name) => name !== "| case" && name !== "| ---");
    assert.equal(new Set(names).size, names.length);
  });
});
