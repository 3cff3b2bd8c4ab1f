import assert from "node:assert/strict";
import { test } from "node:test";

import { objectKey } from "../tables/tables.ts";
import { describeEffect } from "../testing/describe.ts";
import { object } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

const KEY = "cart\u0000ada";

function world(inboxMax = 100): World {
  return new World({ settings: { inboxMax }, services: [object("cart", ["add", "shared show"])] });
}

function status(w: World, id: string): string | undefined {
  return w.tables.invocations.get(id)?.status;
}

function holder(w: World): string | undefined {
  return w.tables.objects.get(KEY)?.holder;
}

test("exclusive handlers of one key run one at a time, in the order they came", () => {
  const w = world();
  const ids = [1, 2, 3, 4].map(() => w.invoke("cart/ada/add"));
  const other = w.invoke("cart/bob/add");
  assert.deepEqual(
    ids.map((id) => status(w, id)),
    ["running", "queued", "queued", "queued"],
  );
  assert.equal(status(w, other), "running");
  for (const id of ids) {
    assert.equal(holder(w), id);
    w.attempt(id).return("done");
  }
  assert.equal(w.tables.objects.get(KEY), undefined, "nothing is left of an object without state");
});

test("the lock passes on in the very record that ends its holder", () => {
  const w = world();
  const first = w.invoke("cart/ada/add", { as: "first" });
  w.invoke("cart/ada/add", { as: "second" });
  const { effects } = w.apply({ kind: "kill", id: first });
  assert.deepEqual(effects.map(describeEffect), [
    'abort-attempt first#1 "killed"',
    "start-attempt second#1 on dp1: 1 entries",
    'completed first failure 409 "killed"',
  ]);
});

test("the lock is held through retries, suspension and pause", () => {
  const w = world();
  const first = w.invoke("cart/ada/add");
  const second = w.invoke("cart/ada/add");
  w.attempt(first).error("no");
  assert.deepEqual([status(w, first), status(w, second), holder(w)], ["backing-off", "queued", first]);
  w.advance(1_000);
  const sleep = w.attempt(first).sleep(1_000);
  w.attempt(first).suspend([sleep]);
  assert.deepEqual([status(w, first), status(w, second), holder(w)], ["suspended", "queued", first]);
  w.must({ kind: "pause", id: first });
  w.advance(1_000);
  assert.deepEqual([status(w, first), status(w, second), holder(w)], ["paused", "queued", first]);
  w.must({ kind: "resume", id: first, deployment: undefined });
  w.attempt(first).return("done");
  assert.deepEqual([status(w, second), holder(w)], ["running", second]);
});

test("every way to end gives the lock back", () => {
  const endings: ReadonlyArray<(w: World, id: string) => void> = [
    (w, id) => w.attempt(id).return({ code: 500, message: "no" }),
    (w, id) => w.attempt(id).error("no", { behavior: 2 }),
    (w, id) => w.apply({ kind: "kill", id }),
    (w, id) => {
      w.must({ kind: "pause", id });
      w.apply({ kind: "kill", id });
    },
    (w, id) => {
      const a = w.attempt(id);
      a.suspend([a.sleep(1_000)], { signals: [1] });
      w.apply({ kind: "cancel", id });
      w.attempt(id).return({ code: 409, message: "cancelled" });
    },
  ];
  for (const end of endings) {
    const w = world();
    const id = w.invoke("cart/ada/add");
    const next = w.invoke("cart/ada/add");
    end(w, id);
    assert.deepEqual([status(w, id), status(w, next)], ["completed", "running"]);
  }
});

test("shared handlers run beside the one that holds the lock", () => {
  const w = world();
  w.invoke("cart/ada/add");
  const shared = w.invoke("cart/ada/show");
  assert.equal(status(w, shared), "running");
  w.attempt(shared).return("ok");
  assert.notEqual(holder(w), undefined);
});

test("who gives up its place in the queue leaves a gap and keeps nobody waiting", () => {
  const w = world();
  const ids = [1, 2, 3, 4, 5].map(() => w.invoke("cart/ada/add"));
  w.apply({ kind: "cancel", id: ids[1] ?? "" });
  w.apply({ kind: "kill", id: ids[2] ?? "" });
  w.checkpoint();
  w.restart();
  w.attempt(ids[0] ?? "").return("done");
  assert.equal(holder(w), ids[3]);
  w.apply({ kind: "cancel", id: ids[4] ?? "" });
  w.attempt(ids[3] ?? "").return("done");
  assert.equal(w.tables.objects.get(KEY), undefined);
  assert.equal([...w.tables.inbox.all()].length, 0);
});

test("a delayed start takes its place in the queue when its time comes", () => {
  const w = world();
  const first = w.invoke("cart/ada/add");
  const delayed = w.invoke("cart/ada/add", { delayMs: 100 });
  const second = w.invoke("cart/ada/add");
  w.advance(100);
  const third = w.invoke("cart/ada/add");
  for (const id of [first, second, delayed, third]) {
    assert.equal(holder(w), id);
    w.attempt(id).return("done");
  }
});

test("a queue that is full refuses callers and handlers, and names its limit", () => {
  const w = world(2);
  for (let place = 0; place < 3; place++) w.invoke("cart/ada/add");
  const refused = w.tryInvoke("cart/ada/add");
  assert.equal(refused.ok ? "" : refused.code, "overloaded");
  assert.match(refused.ok ? "" : refused.message, /the limit inboxMax is 2/);
  const caller = w.attempt(w.invoke("cart/bob/add"));
  caller.call("cart/ada/add");
  const row = w.tables.invocations.get(caller.id) ?? assert.fail();
  assert.deepEqual([row.status, row.lastFailure?.code, row.journalLength], ["backing-off", "overloaded", 1]);
  w.attempt(holder(w) ?? "").return("done");
  assert.ok(w.tryInvoke("cart/ada/add").ok);
});

test("a full queue does not refuse whoever has to get on before it can move", () => {
  const w = world(1);
  const holding = w.attempt(w.invoke("cart/ada/add"));
  w.invoke("cart/ada/add");
  holding.sendTo("cart/ada/add");
  const own = holding.call("cart/ada/add");
  const helper = holding.call("cart/bob/add");
  const helping = w.attempt(helper.id);
  helping.sendTo("cart/ada/add");
  const stranger = w.attempt(w.invoke("cart/eve/add"));
  stranger.sendTo("cart/ada/add");
  assert.equal(w.tables.invocations.get(own.id)?.result?.kind, "failure", "a deadlock, as with room");
  assert.equal(w.tables.objects.get(objectKey("cart", "ada"))?.inboxLength, 3);
  assert.equal(status(w, helping.id), "running");
  assert.equal(status(w, stranger.id), "backing-off");
});

test("a key may hold any character, also those that keys are made of", () => {
  const w = world();
  const keys = ["a", "a\u0000000000000001", "a\u0000", "\u0000", "\uffff", "a/b"];
  const first = keys.map((key) => w.invoke(`cart/${key}/add`));
  const second = keys.map((key) => w.invoke(`cart/${key}/add`));
  w.checkpoint();
  w.restart();
  for (const [index, id] of first.entries()) {
    w.attempt(id).return("done");
    assert.equal(status(w, second[index] ?? ""), "running");
  }
});
