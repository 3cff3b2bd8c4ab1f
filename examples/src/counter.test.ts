import assert from "node:assert/strict";
import { test } from "node:test";

import { createTestEngine } from "@holdfast/server/testing";

import { counter } from "./counter.ts";

test("concurrent additions to one key do not get lost, and state survives a crash", async () => {
  let engine = await createTestEngine({ services: [counter] });
  await Promise.all(Array.from({ length: 20 }, () => engine.call(counter.add, "visits", 1)));
  engine = await engine.restart();
  const { count, since } = await engine.call(counter.read, "visits");
  assert.equal(count, 20);
  assert.ok(since instanceof Date);
  assert.equal((await engine.call(counter.read, "others")).count, 0);
  await engine.call(counter.reset, "visits");
  assert.equal(await engine.call(counter.add, "visits", 5), 5);
  await engine.close();
});
