import assert from "node:assert/strict";
import { test } from "node:test";

import { describeEntry, describeResult } from "../testing/describe.ts";
import { object, service, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"]), object("cart", ["add"]), workflow("flow", [])] });
}

function told(w: World, id: string): string[] {
  return w.tables.journal(w.tables.invocations.get(id) ?? assert.fail()).map(describeEntry);
}

function status(w: World, id: string): string | undefined {
  return w.tables.invocations.get(id)?.status;
}

test("a call tells the callee's id at once and its outcome when there is one", () => {
  const w = world();
  const id = w.invoke("mail/send", { as: "caller" });
  const a = w.attempt(id);
  const call = a.call("cart/ada/add", { as: "callee", input: "shoe" });
  a.suspend([call.completionId]);
  assert.match(told(w, id).at(-1) ?? "", /CallInvocationIdCompletion completionId=1 result=id callee/);
  assert.deepEqual(w.tables.invocations.get("callee")?.source, { kind: "invocation", id });
  w.attempt("callee").return("added");
  assert.equal(told(w, id).at(-1), 'CallCompletion completionId=2 result="added" (callee)');
  assert.equal(status(w, id), "running");
});

test("a callee's failure is the call's, with everything it carries", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const { id: callee } = w.attempt(id).call("cart/ada/add");
  w.attempt(callee).return({ code: 418, message: "teapot", metadata: [["holdfast.data", "x"]] });
  assert.match(told(w, id).at(-1) ?? "", /failure 418 "teapot" holdfast\.data=x/);
});

test("an empty outcome is a value and not nothing", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const { id: callee } = w.attempt(id).call("cart/ada/add");
  w.attempt(callee).end();
  assert.match(told(w, id).at(-1) ?? "", /result="" /);
});

test("a send tells the id and nothing else, and starts when it was asked to", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const now = w.attempt(id).sendTo("cart/ada/add");
  const later = w.attempt(id).sendTo("cart/bob/add", { delayMs: 500 });
  assert.deepEqual([status(w, now), status(w, later)], ["running", "scheduled"]);
  w.attempt(id).return("done");
  w.attempt(now).return("added");
  w.advance(499);
  assert.equal(status(w, later), "scheduled");
  w.advance(1);
  assert.equal(status(w, later), "running");
  assert.equal(told(w, id).length, 6, "input, two sends with their ids, output");
});

test("an idempotency key stands for one input, for handlers as for callers", () => {
  const w = world();
  const first = w.invoke("cart/ada/add", { idempotencyKey: "k", input: "shoe" });
  const again = w.tryInvoke("cart/ada/add", { idempotencyKey: "k", input: "shoe" });
  assert.deepEqual(again, { ok: true, detail: { id: first, existed: true } });
  const conflict = w.tryInvoke("cart/ada/add", { idempotencyKey: "k", input: "hat" });
  assert.equal(conflict.ok ? "" : conflict.code, "idempotency-conflict");
  assert.notEqual(w.invoke("cart/bob/add", { idempotencyKey: "k", input: "hat" }), first, "another object");

  const caller = w.invoke("mail/send");
  w.attempt(caller).call("cart/ada/add", { idempotencyKey: "k", input: "hat" });
  assert.match(told(w, caller).at(-1) ?? "", /CallCompletion .*failure 409 .*different input/);
  w.attempt(caller).call("cart/ada/add", { idempotencyKey: "k", input: "shoe" });
  w.attempt(first).return("added");
  assert.match(told(w, caller).at(-1) ?? "", /CallCompletion .*"added"/);
  w.attempt(caller).call("cart/ada/add", { idempotencyKey: "k", input: "shoe" });
  assert.match(told(w, caller).at(-1) ?? "", /CallCompletion .*"added"/, "also when it is over");

  const late = w.tryInvoke("cart/ada/add", { idempotencyKey: "k", input: "shoe" });
  assert.ok(late.ok && late.detail?.result !== undefined);
  assert.equal(describeResult(late.detail.result), '"added"');
  const lateConflict = w.tryInvoke("cart/ada/add", { idempotencyKey: "k", input: "hat" });
  assert.equal(lateConflict.ok ? "" : lateConflict.code, "idempotency-conflict");
});

test("what cannot be called fails the attempt, which is tried again, and leaves no trace in the journal", () => {
  const w = world();
  const codes = (["nothing/x", "mail/nothing", "mail/key/send", "cart/add"] as const).map((address) => {
    const a = w.attempt(w.invoke("mail/send"));
    a.call(address);
    const row = w.tables.invocations.get(a.id) ?? assert.fail();
    assert.deepEqual([row.status, row.journalLength], ["backing-off", 1]);
    return row.lastFailure?.code;
  });
  assert.deepEqual(codes, ["service-not-found", "handler-not-found", "key-invalid", "key-missing"]);
  const a = w.attempt(w.invoke("mail/send"));
  a.call("mail/send", { idempotencyKey: "" });
  assert.equal(w.tables.invocations.get(a.id)?.lastFailure?.code, "idempotency-key-invalid");
});

test("what cannot be called from outside is refused with the same names", () => {
  const w = world();
  const codes = ["nothing/x", "mail/nothing", "mail/key/send", "cart/add"].map((address) => {
    const outcome = w.tryInvoke(address);
    return outcome.ok ? "" : outcome.code;
  });
  assert.deepEqual(codes, ["service-not-found", "handler-not-found", "key-invalid", "key-missing"]);
});

test("a command that is refused takes everything behind it along, what came before it stays", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.batch(() => {
    a.run("before");
    a.call("nothing/x");
    a.run("behind");
    a.return("never");
  });
  assert.deepEqual(told(w, id).slice(1), ['Run completionId=1 name="before"']);
  assert.equal(status(w, id), "backing-off");
});

test("a caller that is over is told nothing", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const { id: callee } = w.attempt(id).call("cart/ada/add");
  w.attempt(id).return("does not wait");
  const length = told(w, id).length;
  w.attempt(callee).return("added");
  assert.equal(told(w, id).length, length);
});
