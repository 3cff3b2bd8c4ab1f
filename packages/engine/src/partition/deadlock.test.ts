import assert from "node:assert/strict";
import { test } from "node:test";

import type { Attempt, CallHandle } from "../testing/attempt.ts";
import { describeEntry } from "../testing/describe.ts";
import { object, service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({
    services: [
      object("a", ["x", "shared s"]),
      object("b", ["x"]),
      object("c", ["x"]),
      service("mail", ["send"]),
    ],
  });
}

/** What the newest completion told an invocation. */
function told(w: World, id: string): string {
  const journal = w.tables.journal(w.tables.invocations.get(id) ?? assert.fail());
  return describeEntry(journal.at(-1) ?? assert.fail());
}

function status(w: World, id: string): string | undefined {
  return w.tables.invocations.get(id)?.status;
}

/** The holder of an object's lock calls on, and waits. */
function callAndWait(attempt: Attempt, address: string): CallHandle {
  const call = attempt.call(address);
  attempt.suspend([call.completionId]);
  return call;
}

test("a call of an object's own exclusive handler fails at once and says what to write instead", () => {
  const w = world();
  const id = w.invoke("a/k/x", { as: "one" });
  const { id: callee } = w.attempt(id).call("a/k/x");
  assert.equal(status(w, callee), "completed");
  assert.match(
    told(w, id),
    /failure 409 .*Deadlock: a\/k\/x \(one\) .* a\/k.* ctx\.send.* holdfast\.code=deadlock/,
  );
  assert.equal(status(w, id), "running");
  w.attempt(id).call("a/other/x");
  assert.match(told(w, id), /id one\.\d/, "another key is another lock");
});

test("two objects that call each other are a deadlock, and both are named", () => {
  const w = world();
  callAndWait(w.attempt(w.invoke("a/k/x", { as: "one" })), "b/k/x");
  const second = w.tables.objects.get("b\u0000k")?.holder ?? assert.fail();
  w.attempt(second).call("a/k/x");
  assert.match(
    told(w, second),
    /Deadlock: a\/k is held by a\/k\/x \(one\), which waits for b\/k\/x \(one\.\d\), which now calls a\/k/,
  );
  w.attempt(second).return("found out");
  assert.match(told(w, "one"), /found out/);
});

test("a circle through three objects is a deadlock, found by whoever closes it", () => {
  const w = world();
  callAndWait(w.attempt(w.invoke("a/k/x", { as: "one" })), "b/k/x");
  const second = w.tables.objects.get("b\u0000k")?.holder ?? assert.fail();
  callAndWait(w.attempt(second), "c/k/x");
  const third = w.tables.objects.get("c\u0000k")?.holder ?? assert.fail();
  w.attempt(third).call("a/k/x");
  assert.match(told(w, third), /deadlock/);
  assert.deepEqual(
    [status(w, "one"), status(w, second), status(w, third)],
    ["suspended", "suspended", "running"],
  );
});

test("a circle through a plain service and a queue is a deadlock", () => {
  const w = world();
  w.invoke("b/k/x", { as: "busy" });
  const mail = callAndWait(w.attempt(w.invoke("a/k/x", { as: "one" })), "mail/send").id;
  const { id: queued } = w.attempt(mail).call("b/k/x");
  assert.equal(status(w, queued), "queued");
  // Who holds b calls a, whose holder waits for mail, which waits for b.
  w.attempt("busy").call("a/k/x");
  assert.match(told(w, "busy"), /deadlock/);
  assert.equal(status(w, queued), "queued");
});

test("a long queue is no deadlock", () => {
  const w = world();
  const first = w.invoke("a/k/x");
  for (let place = 0; place < 50; place++) w.invoke("a/k/x");
  const caller = w.invoke("b/k/x");
  const { id: callee, completionId } = w.attempt(caller).call("a/k/x");
  assert.equal(status(w, callee), "queued");
  w.attempt(caller).suspend([completionId]);
  w.attempt(first).call("b/other/x");
  w.attempt(first).call("a/k/s");
  assert.equal(status(w, caller), "suspended");
  assert.equal(status(w, callee), "queued");
});

test("sending to one's own object is no deadlock: it starts when the lock is free", () => {
  const w = world();
  const id = w.invoke("a/k/x");
  const sent = w.attempt(id).sendTo("a/k/x");
  w.attempt(id).return("done");
  assert.equal(status(w, sent), "running");
});

test("attaching to what waits for one's own lock is a deadlock, and harms nobody but who attaches", () => {
  const w = world();
  const id = w.invoke("a/k/x");
  const sent = w.attempt(id).sendTo("a/k/x");
  w.attempt(id).attach(sent);
  assert.match(told(w, id), /AttachInvocationCompletion .*deadlock/);
  assert.equal(status(w, sent), "queued");
  const later = w.attempt(id).sendTo("a/k/x", { delayMs: 60_000 });
  w.attempt(id).attach(later);
  assert.match(told(w, id), /deadlock/, "it could never start before its time, nor after it");
  w.attempt(id).attach(id);
  assert.match(told(w, id), /deadlock/);
  w.attempt(id).return("done");
  assert.equal(status(w, sent), "running");
});

test("a circle that an attach is part of is a deadlock", () => {
  const w = world();
  const id = w.invoke("a/k/x");
  const a = w.attempt(id);
  const sent = a.sendTo("b/k/x");
  a.suspend([a.attach(sent)]);
  w.attempt(sent).call("a/k/x");
  assert.match(told(w, sent), /deadlock/);
});

test("a deadlock with an invocation that was there before does not end it", () => {
  const w = world();
  const id = w.invoke("a/k/x", { as: "one" });
  const callee = w.invoke("a/k/x", { idempotencyKey: "once" });
  w.attempt(id).call("a/k/x", { idempotencyKey: "once" });
  assert.match(told(w, id), /CallCompletion .*deadlock/);
  assert.equal(status(w, callee), "queued");
  w.attempt(id).return("done");
  assert.equal(status(w, callee), "running");
});

test("calling an invocation that waits for the caller is a deadlock without any lock", () => {
  const w = world();
  const first = w.invoke("mail/send", { idempotencyKey: "first" });
  const { id: second } = callAndWait(w.attempt(first), "mail/send");
  w.attempt(second).call("mail/send", { idempotencyKey: "first" });
  assert.match(told(w, second), /deadlock/);
  // With a lock in between: the one that is called runs, and waits for the caller's lock.
  const holder = w.invoke("a/k/x");
  const shared = w.invoke("mail/send", { idempotencyKey: "shared" });
  callAndWait(w.attempt(shared), "a/k/x");
  w.attempt(holder).call("mail/send", { idempotencyKey: "shared" });
  assert.match(told(w, holder), /deadlock/);
  w.attempt(holder).return("done");
  assert.equal(status(w, shared), "suspended");
});

test("a circle of many is told with its ends only", () => {
  const w = new World({ monitored: false, services: [object("o", ["x"])] });
  let id = w.invoke("o/0/x");
  for (let key = 1; key < 3_000; key++) id = callAndWait(w.attempt(id), `o/${key}/x`).id;
  w.attempt(id).call("o/0/x");
  const text = told(w, id);
  assert.match(text, /deadlock/);
  assert.ok(text.length < 3_000, `${text.length} characters`);
});
