import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";

import { DataLockedError, lockData } from "./data-lock.ts";

describe("the lock on a data directory", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "slipway-lock-"));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const facts = { pid: 4_711, startedAt: "2030-01-01T00:00:00Z" };

  it("is held by one, who is named to the others", () => {
    const lock = lockData(directory, facts);
    try {
      assert.throws(
        () => lockData(directory, { ...facts, pid: 4_712 }),
        (error) => error instanceof DataLockedError && error.holder?.pid === 4_711,
      );
    } finally {
      lock.release();
    }
    lockData(directory, facts).release();
  });

  it("keeps the directory out of git", () => {
    lockData(directory, facts).release();
    assert.equal(readFileSync(join(directory, ".gitignore"), "utf8"), "*\n");
  });
});
