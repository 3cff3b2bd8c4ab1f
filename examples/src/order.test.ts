import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { createTestEngine } from "@holdfast/server/testing";

import { order, payments, told } from "./order.ts";

beforeEach(() => {
  told.length = 0;
});

test("an order is charged, labelled and delivered", async () => {
  await using engine = await createTestEngine({ services: [order, payments] });
  const run = await engine.send(order, { id: "1", item: "lamp", cents: 4_200 });
  const outcome = run.attach();
  await engine.settle();
  assert.equal(await engine.call(order.handlers.label, "1"), "label-1");
  await engine.call(order.handlers.deliver, "1");
  const { label, at } = await outcome;
  assert.equal(label, "label-1");
  assert.ok(at instanceof Date);
  assert.deepEqual(told, ["reserve lamp", "charge 4200"]);
});

test("a declined card takes back what was done before it, in reverse", async () => {
  await using engine = await createTestEngine({ services: [order, payments] });
  const run = await engine.send(order, { id: "2", item: "yacht", cents: 99_000_000 });
  await assert.rejects(run.attach(), { code: "card-declined", status: 402, message: "card declined" });
  assert.deepEqual(told, ["reserve yacht", "void label-2", "release yacht"]);
});

test("an order that is not delivered within two weeks ends without a date", async () => {
  await using engine = await createTestEngine({ services: [order, payments] });
  const outcome = (await engine.send(order, { id: "3", item: "lamp", cents: 1 })).attach();
  await engine.advance("14d");
  assert.equal((await outcome).at, undefined);
});
