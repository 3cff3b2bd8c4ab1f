import assert from "node:assert/strict";
import { test } from "node:test";

import type { HandlerOptions } from "@holdfast/protocol";

import type { FoldSettings } from "../limits.ts";
import { describeEffect, describeEntry, describeValue } from "../testing/describe.ts";
import { object, service, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

const KEY = "cart\u0000ada";

function world(settings: Partial<FoldSettings> = {}, options: HandlerOptions = {}): World {
  const services = [
    object("cart", ["add", "shared show"], options),
    service("mail", ["send"]),
    workflow("flow", ["look"]),
  ];
  return new World({ settings, services });
}

function state(w: World, key = KEY): string {
  return describeValue(w.tables.objects.get(key)?.state);
}

/** The newest entry of a journal. */
function newest(w: World, id: string): string {
  const journal = w.tables.journal(w.tables.invocations.get(id) ?? assert.fail());
  return describeEntry(journal.at(-1) ?? assert.fail());
}

/** Why an invocation's newest attempt failed. */
function failure(w: World, id: string): string | undefined {
  return w.tables.invocations.get(id)?.lastFailure?.code;
}

test("state is written with the command, and stays when the attempt fails", () => {
  const w = world();
  const id = w.invoke("cart/ada/add");
  const a = w.attempt(id);
  a.set("a", "1");
  a.set("b", "22");
  a.set("a", "333");
  a.clear("b");
  a.clear("never there");
  a.error("no");
  assert.equal(state(w), '[["a", "333"]]');
  assert.deepEqual([w.tables.objects.get(KEY)?.stateVersion, w.tables.objects.get(KEY)?.stateBytes], [4, 4]);
  w.checkpoint();
  w.restart();
});

test("the next attempt starts with the state that was recorded, in full", () => {
  const w = world();
  const id = w.invoke("cart/ada/add");
  w.attempt(id).set("a", "1");
  w.attempt(id).set("b", "2");
  w.lose(id);
  const { effects } = w.apply({ kind: "resume", id, deployment: undefined });
  const started = effects.map(describeEffect).find((effect) => effect.startsWith("start-attempt"));
  assert.equal(started, `start-attempt ${id}#2 on dp1: 3 entries, state [["a", "1"], ["b", "2"]]`);
});

test("clearing all of what is not there changes no version and leaves no row", () => {
  const w = world();
  const id = w.invoke("cart/ada/add");
  w.attempt(id).clearAll();
  assert.equal(w.tables.objects.get(KEY)?.stateVersion, 0);
  w.attempt(id).return("done");
  assert.equal(w.tables.objects.get(KEY), undefined);
});

test("clear all removes everything and counts as one change", () => {
  const w = world();
  const a = w.attempt(w.invoke("cart/ada/add"));
  a.set("a", "1");
  a.set("b", "2");
  a.clearAll();
  const { stateVersion, stateBytes } = w.tables.objects.get(KEY) ?? assert.fail();
  assert.deepEqual([state(w), stateVersion, stateBytes], ["[]", 3, 0]);
});

test("shared handlers read state and may not write it, plain services have none", () => {
  const w = world();
  const reader = w.invoke("cart/ada/show");
  w.attempt(reader).getLazy("a");
  assert.match(newest(w, reader), /^GetLazyStateCompletion completionId=1 result=void/);
  w.attempt(reader).set("a", "1");
  const plain = w.invoke("mail/send");
  w.attempt(plain).getLazy("a");
  const looker = w.invoke("flow/k/look");
  w.attempt(looker).clearAll();
  for (const id of [reader, plain, looker]) {
    assert.deepEqual([w.tables.invocations.get(id)?.status, failure(w, id)], ["paused", "state-not-allowed"]);
  }
  assert.equal(w.tables.objects.get(KEY), undefined);
});

test("a workflow's run writes state that its shared handlers see", () => {
  const w = world();
  w.attempt(w.invoke("flow/k/run")).set("step", "built");
  const looker = w.attempt(w.invoke("flow/k/look"));
  looker.getLazy("step");
  assert.match(newest(w, looker.id), /result="built"/);
});

test("lazy reads answer with what is there when they are recorded, keys in order", () => {
  const w = world({}, { lazyState: true });
  const id = w.invoke("cart/ada/add");
  const a = w.attempt(id);
  a.set("b", "2");
  a.set("a", "1");
  a.getLazyKeys();
  assert.match(newest(w, id), /keys \["a", "b"\]/);
  a.getLazy("b");
  assert.match(newest(w, id), /result="2"/);
  const { effects } = w.apply({
    kind: "attempt-lost",
    id,
    attempt: 1,
    code: "x",
    message: "",
    counted: false,
    pause: false,
    retryDelayMs: 0,
  });
  assert.match(effects.map(describeEffect).join(), /7 entries, partial state/, "the state is not sent along");
});

test("a value or a state that is too large pauses the invocation and names the limit", () => {
  const w = world({ stateValueBytesMax: 4, stateBytesMax: 8 });
  const large = w.attempt(w.invoke("cart/ada/add"));
  large.set("a", "12345");
  const row = w.tables.invocations.get(large.id);
  assert.deepEqual([row?.status, row?.lastFailure?.code], ["paused", "message-too-large"]);
  assert.match(row?.lastFailure?.message ?? "", /stateValueBytesMax is 4/);
  const many = w.attempt(w.invoke("cart/bob/add"));
  many.set("a", "1234");
  many.set("a", "4321");
  many.set("b", "12");
  assert.equal(w.tables.invocations.get(many.id)?.status, "running", "8 of 8 bytes");
  many.set("c", "");
  assert.match(w.tables.invocations.get(many.id)?.lastFailure?.message ?? "", /stateBytesMax is 8/);
  assert.equal(state(w, "cart\u0000bob"), '[["a", "4321"], ["b", "12"]]');
});
