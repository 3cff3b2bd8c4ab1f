import assert from "node:assert/strict";
import { test } from "node:test";

import { describeEntry } from "../testing/describe.ts";
import { object, service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"]), object("cart", ["add"])] });
}

function status(w: World, id: string): string | undefined {
  return w.tables.invocations.get(id)?.status;
}

function move(w: World, id: string, startAt: number): string {
  const { outcome } = w.apply({ kind: "reschedule", id, startAt });
  return outcome.ok ? "" : outcome.code;
}

test("a delayed start can be put off, brought forward, and made now", () => {
  const w = world();
  const id = w.invoke("mail/send", { delayMs: 100 });
  const begun = w.now;
  assert.equal(move(w, id, begun + 1_000), "");
  assert.equal(w.tables.invocations.get(id)?.scheduledAt, begun + 1_000);
  w.advance(500);
  assert.equal(status(w, id), "scheduled", "the first time is void");
  move(w, id, w.now + 10);
  w.restart();
  w.advance(10);
  assert.equal(status(w, id), "running");
  const other = w.invoke("mail/send", { delayMs: 100 });
  move(w, other, 0);
  assert.deepEqual([status(w, other), w.nextDue()], ["running", undefined]);
});

test("one that is made to start now waits for its lock like any other", () => {
  const w = world();
  w.invoke("cart/ada/add");
  const id = w.invoke("cart/ada/add", { delayMs: 100 });
  move(w, id, 0);
  assert.equal(status(w, id), "queued");
});

test("only what is scheduled can be moved", () => {
  const w = world();
  const running = w.invoke("mail/send");
  const done = w.invoke("mail/send");
  w.attempt(done).return("sent");
  const codes = [running, done, "nobody"].map((id) => move(w, id, w.now + 10));
  assert.deepEqual(codes, ["invocation-not-scheduled", "invocation-completed", "invocation-not-found"]);
});

test("a handler moves what it sent, and is told when it is too late", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  const sent = a.sendTo("mail/send", { delayMs: 100 });
  const told = (): string => {
    const journal = w.tables.journal(w.tables.invocations.get(id) ?? assert.fail());
    return describeEntry(journal.at(-1) ?? assert.fail());
  };
  a.reschedule(sent, 1_000);
  assert.match(told(), /RescheduleCompletion completionId=2 result=void/);
  w.advance(999);
  assert.equal(status(w, sent), "scheduled");
  w.advance(1);
  a.reschedule(sent, 0);
  assert.match(told(), /failure 409 .*holdfast\.code=invocation-not-scheduled/);
  a.reschedule("nobody", 0);
  assert.match(told(), /failure 404 .*holdfast\.code=invocation-not-found/, "the status is that of the code");
});

test("a delayed send is cancelled before it starts, by an operator or by a handler", () => {
  const w = world();
  const a = w.attempt(w.invoke("mail/send"));
  const [first, second] = [a.sendTo("mail/send", { delayMs: 100 }), a.sendTo("mail/send", { delayMs: 100 })];
  a.cancel(first);
  w.apply({ kind: "cancel", id: second });
  assert.deepEqual([status(w, first), status(w, second), w.nextDue()], ["completed", "completed", undefined]);
});

test("a start at this very moment needs no timer", () => {
  const w = world();
  const id = w.invoke("mail/send", { delayMs: 100 });
  move(w, id, w.now);
  assert.deepEqual([status(w, id), w.nextDue()], ["running", undefined]);
  const a = w.attempt(id);
  const sent = a.sendTo("mail/send", { delayMs: 0 });
  assert.deepEqual([status(w, sent), w.nextDue()], ["running", undefined]);
});
