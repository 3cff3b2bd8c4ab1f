import assert from "node:assert/strict";
import { test } from "node:test";

import { describeEntry } from "../testing/describe.ts";
import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"])] });
}

function told(w: World, id: string): string {
  const journal = w.tables.journal(w.tables.invocations.get(id) ?? assert.fail());
  return describeEntry(journal.at(-1) ?? assert.fail());
}

test("attaching waits for an outcome, and has it at once when it is there", () => {
  const w = world();
  const target = w.invoke("mail/send");
  const early = w.attempt(w.invoke("mail/send"));
  early.suspend([early.attach(target)]);
  w.attempt(target).return("sent");
  assert.match(told(w, early.id), /AttachInvocationCompletion completionId=1 result="sent"/);
  assert.equal(w.attempt(early.id).number, 2);
  const late = w.attempt(w.invoke("mail/send"));
  late.attach(target);
  assert.match(told(w, late.id), /AttachInvocationCompletion completionId=1 result="sent"/);
});

test("many attach to one, each has its outcome", () => {
  const w = world();
  const target = w.invoke("mail/send");
  const waiters = [1, 2, 3].map(() => w.attempt(w.invoke("mail/send")));
  for (const waiter of waiters) waiter.attach(target);
  w.checkpoint();
  w.restart();
  w.apply({ kind: "kill", id: target });
  for (const { id } of waiters) assert.match(told(w, id), /failure 409 "killed"/);
});

test("attaching to what does not exist says so", () => {
  const w = world();
  const a = w.attempt(w.invoke("mail/send"));
  a.attach("nobody");
  assert.match(told(w, a.id), /failure 404 "not found" holdfast\.code=invocation-not-found/);
  a.output("nobody");
  assert.match(told(w, a.id), /GetInvocationOutputCompletion .*failure 404/);
});

test("the output of one that goes on is nothing yet, of one that is over its outcome", () => {
  const w = world();
  const target = w.invoke("mail/send");
  const a = w.attempt(w.invoke("mail/send"));
  a.output(target);
  assert.match(told(w, a.id), /result=void/);
  w.attempt(target).return({ code: 500, message: "no" });
  a.output(target);
  assert.match(told(w, a.id), /failure 500 "no"/);
});

test("an idempotent call is attached to by what it was called with", () => {
  const w = world();
  const target = w.invoke("mail/send", { idempotencyKey: "k" });
  const a = w.attempt(w.invoke("mail/send"));
  a.attach({ kind: "idempotent", service: "mail", key: "", handler: "send", idempotencyKey: "k" });
  w.attempt(target).return("sent");
  assert.match(told(w, a.id), /result="sent"/);
});
