import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { createTestEngine } from "@holdfast/server/testing";

import { done } from "./cloud.ts";
import { cleanup, deploy } from "./deploy-approval.ts";

beforeEach(() => {
  done.length = 0;
});

test("an approved deployment switches traffic, and removes the old revision three days later", async () => {
  await using engine = await createTestEngine({ services: [deploy, cleanup] });
  const run = await engine.send(deploy, { app: "shop", rev: "2", prev: "1" });
  const outcome = run.attach();
  await engine.settle();
  assert.deepEqual(done, ["build shop@2", "migrate shop for shop:2", "ask about shop@2"]);

  await engine.promise(deploy, "shop@2", "approval").resolve({ ok: true });
  await outcome;
  assert.equal(done.at(-1), "switch shop to shop:2");

  await engine.advance("3d");
  assert.equal(done.at(-1), "destroy shop@1");
});

test("a deployment that nobody approves within a day is taken back", async () => {
  await using engine = await createTestEngine({ services: [deploy, cleanup] });
  const run = await engine.send(deploy, { app: "shop", rev: "3" });
  const outcome = assert.rejects(run.attach(), /not approved/);
  await engine.advance("24h");
  await outcome;
  assert.equal(done.at(-1), "roll back shop");
});
