import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";

import { KnownKeys, type ReadKeys } from "./known-keys.ts";

const VALUE = new Uint8Array(1);

function reader(keys: () => readonly string[]): ReadKeys {
  return (table, after, limit) =>
    table === "objects"
      ? keys()
          .filter((key) => key > after)
          .toSorted()
          .slice(0, limit)
      : [];
}

async function until(isSo: () => boolean): Promise<void> {
  for (let wait = 0; wait < 2_000 && !isSo(); wait++) await setTimeout(2);
  assert.ok(isSo());
}

describe("the known keys", () => {
  it("lack nothing before all keys were read, and what is not there afterwards", async () => {
    const keys = Array.from({ length: 2_500 }, (_, index) => `key-${index}`);
    const known = new KnownKeys({ readKeys: reader(() => keys) });
    assert.ok(!known.lacks("objects", "other"));
    await until(() => known.lacks("objects", "other"));
    assert.ok(keys.every((key) => !known.lacks("objects", key)));
    known.close();
  });

  it("know what is written, before and after all keys were read", async () => {
    const keys = Array.from({ length: 2_500 }, (_, index) => `key-${index}`);
    const known = new KnownKeys({ readKeys: reader(() => keys) });
    // It sorts before what has been read by now.
    known.add({ table: "objects", key: "a", value: VALUE });
    await until(() => known.lacks("objects", "other"));
    known.add({ table: "objects", key: "b", value: VALUE });
    assert.deepEqual([known.lacks("objects", "a"), known.lacks("objects", "b")], [false, false]);
    known.close();
  });

  it("say nothing about tables that they do not keep", () => {
    const known = new KnownKeys({ readKeys: reader(() => []) });
    assert.deepEqual([known.lacks("timers", "x"), known.lacks("objects", "x")], [false, true]);
  });

  it("go on without a table whose keys cannot be read", () => {
    const failures: unknown[] = [];
    const known = new KnownKeys({
      readKeys: () => {
        throw new Error("disk I/O error");
      },
      onFailed: (error) => failures.push(error),
    });
    assert.equal(failures.length, 2);
    known.add({ table: "objects", key: "a", value: VALUE });
    assert.ok(!known.lacks("objects", "b"));
  });

  it("forget keys of rows that are gone when they have been given many", async () => {
    let keys: string[] = [];
    const known = new KnownKeys({ readKeys: reader(() => keys), keysBeforeRefill: 1_000 });
    for (let index = 0; index < 999; index++)
      known.add({ table: "objects", key: `old-${index}`, value: VALUE });
    assert.ok(!known.lacks("objects", "old-7"));
    keys = ["kept"];
    // In the middle of a commit: these are not among the keys that can be read yet.
    for (let index = 0; index < 60; index++)
      known.add({ table: "objects", key: `new-${index}`, value: VALUE });
    await setTimeout(30);
    assert.deepEqual([known.lacks("objects", "new-0"), known.lacks("objects", "old-7")], [false, false]);
    keys = ["kept", ...Array.from({ length: 60 }, (_, index) => `new-${index}`)];
    known.betweenCommits();
    await until(() => known.lacks("objects", "old-7"));
    assert.deepEqual([known.lacks("objects", "kept"), known.lacks("objects", "new-0")], [false, false]);
    known.close();
  });

  it("take a key for what the file makes of it", () => {
    const known = new KnownKeys({ readKeys: reader(() => ["svc\ufffd"]) });
    assert.ok(!known.lacks("objects", "svc\ud800"));
  });
});
