import assert from "node:assert/strict";
import { test } from "node:test";

import type { Outcome } from "../effect.ts";
import { describeEntry, describeOutcome } from "../testing/describe.ts";
import { bytesOf, object, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [workflow("deploy", ["approve"]), object("cart", ["add"])] });
}

function told(w: World, id: string): string {
  const journal = w.tables.journal(w.tables.invocations.get(id) ?? assert.fail());
  return describeEntry(journal.at(-1) ?? assert.fail());
}

function settle(w: World, name: string, value: string, key = "app"): Outcome {
  const result = { kind: "value", value: bytesOf(value) } as const;
  return w.apply({ kind: "complete-promise", service: "deploy", key, name, result }).outcome;
}

test("a promise that is resolved wakes whoever waits for it", () => {
  const w = world();
  const run = w.attempt(w.invoke("deploy/app/run"));
  run.suspend([run.promise("approval")]);
  const approver = w.attempt(w.invoke("deploy/app/approve"));
  approver.resolve("approval", "yes");
  assert.match(told(w, approver.id), /CompletePromiseCompletion completionId=1 result=void/);
  assert.match(told(w, run.id), /GetPromiseCompletion completionId=1 result="yes" \(promise approval\)/);
  assert.equal(w.attempt(run.id).number, 2);
});

test("a promise may be resolved before anyone waits for it", () => {
  const w = world();
  const approver = w.attempt(w.invoke("deploy/app/approve"));
  approver.resolve("approval", "yes");
  const run = w.attempt(w.invoke("deploy/app/run"));
  run.promise("approval");
  assert.match(told(w, run.id), /GetPromiseCompletion completionId=1 result="yes"/);
});

test("the first outcome of a promise stays, and whoever comes second learns that there is one", () => {
  const w = world();
  w.invoke("deploy/app/run");
  const approver = w.attempt(w.invoke("deploy/app/approve"));
  approver.resolve("approval", { code: 400, message: "rejected" });
  approver.resolve("approval", "yes");
  assert.match(told(w, approver.id), /failure 409 .*holdfast\.code=promise-already-completed/);
  approver.peek("approval");
  assert.match(told(w, approver.id), /PeekPromiseCompletion .*failure 400 "rejected"/);
  assert.match(describeOutcome(settle(w, "approval", "no")), /existed=true result=failure 400 "rejected"/);
});

test("peeking never waits", () => {
  const w = world();
  const run = w.attempt(w.invoke("deploy/app/run"));
  run.peek("approval");
  assert.match(told(w, run.id), /PeekPromiseCompletion completionId=1 result=void/);
  assert.equal(w.tables.objects.get("deploy\u0000app")?.promises.size, 0, "and leaves nothing");
});

test("several handlers wait for one promise", () => {
  const w = world();
  const waiters = ["run", "approve", "approve"].map((handler) =>
    w.attempt(w.invoke(`deploy/app/${handler}`)),
  );
  for (const waiter of waiters) waiter.suspend([waiter.promise("approval")]);
  w.checkpoint();
  w.restart();
  assert.match(describeOutcome(settle(w, "approval", "yes")), /existed=false/);
  for (const { id } of waiters) assert.match(told(w, id), /"yes"/);
});

test("when the workflow ends its promises are closed: waiters fail, what was settled stays to be read", () => {
  const w = world();
  const run = w.attempt(w.invoke("deploy/app/run"));
  const waiter = w.attempt(w.invoke("deploy/app/approve"));
  waiter.suspend([waiter.promise("open")]);
  settle(w, "settled", "yes");
  run.return("live");
  assert.match(told(w, waiter.id), /GetPromiseCompletion .*failure 409 .*its promises are closed/);
  const late = w.attempt(w.invoke("deploy/app/approve"));
  late.promise("settled");
  assert.match(told(w, late.id), /"yes"/);
  late.promise("open");
  assert.match(told(w, late.id), /failure 409/);
  late.resolve("open", "x");
  assert.match(told(w, late.id), /failure 409 .*holdfast\.code=workflow-completed/);
  const outside = settle(w, "open", "x");
  assert.equal(outside.ok ? "" : outside.code, "workflow-completed");
  w.checkpoint();
  w.restart();
});

test("a promise of a workflow that was never started cannot be settled from outside", () => {
  const w = world();
  const outcome = settle(w, "approval", "yes");
  assert.equal(outcome.ok ? "" : outcome.code, "promise-not-found");
  assert.equal(w.tables.objects.get("deploy\u0000app"), undefined);
});

test("promises belong to workflows", () => {
  const w = world();
  for (const ask of ["promise", "peek"] as const) {
    const a = w.attempt(w.invoke("cart/ada/add", { idempotencyKey: ask }));
    a[ask]("approval");
    const row = w.tables.invocations.get(a.id) ?? assert.fail();
    assert.deepEqual([row.status, row.lastFailure?.code], ["paused", "protocol-violation"]);
    w.apply({ kind: "kill", id: a.id });
  }
});

test("whoever stops waiting for a promise or an invocation is forgotten there", () => {
  const w = world();
  const run = w.attempt(w.invoke("deploy/app/run"));
  run.suspend([run.promise("approval")]);
  for (let i = 0; i < 3; i++) {
    const looker = w.attempt(w.invoke("deploy/app/approve"));
    looker.promise("approval");
    looker.attach(run.id);
    looker.return("seen enough");
  }
  assert.equal(w.tables.objects.get("deploy\u0000app")?.promises.get("approval")?.waiters.length, 1);
  assert.equal(w.tables.invocations.get(run.id)?.waiters.length, 0);
});
