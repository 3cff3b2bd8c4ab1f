import assert from "node:assert/strict";
import { test } from "node:test";

import { formatAwakeableId, formatInvocationId } from "@holdfast/protocol";

import { describeEntry } from "../testing/describe.ts";
import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"])] });
}

test("signal 0, which a record cannot say, is refused the same way live and replayed", () => {
  const w = world();
  const id = w.invoke("mail/send");
  assert.equal(w.signal(id, 0, "x").ok, false);
  w.restart();
  assert.equal(w.tables.invocations.get(id)?.journalLength, 1);
});

test("an awakeable id cannot stand for a signal of the engine's own", () => {
  const w = world();
  const target = formatInvocationId(new Uint8Array(24).fill(7));
  w.invoke("mail/send", { as: target });
  for (const index of [0, 1, 16]) {
    const id = w.invoke("mail/send");
    w.attempt(id).completeAwakeable(formatAwakeableId(target, index), "forged");
    const { status, lastFailure } = w.tables.invocations.get(id) ?? assert.fail();
    assert.deepEqual([status, lastFailure?.code], ["backing-off", "awakeable-id-invalid"]);
  }
  const row = w.tables.invocations.get(target) ?? assert.fail();
  assert.deepEqual([row.status, row.journalLength, row.events.length], ["running", 1, 0]);
});

test("signals from outside cannot make a journal longer than it may be, a cancel still arrives", () => {
  const w = new World({ settings: { journalEntriesMax: 5 }, services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  for (let count = 1; count < 5; count++) assert.ok(w.signal(id, "paid", `${count}`).ok);
  const refused = w.signal(id, "paid", "5");
  assert.equal(refused.ok ? "" : refused.code, "limit-exceeded");
  assert.match(refused.ok ? "" : refused.message, /journalEntriesMax is 5/);
  assert.ok(w.apply({ kind: "cancel", id }).outcome.ok);
  assert.equal(w.tables.invocations.get(id)?.journalLength, 6);
});

test("an awakeable whose outcome filled the journal is answered like any other when it is completed again", () => {
  const w = new World({ settings: { journalEntriesMax: 2 }, services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  assert.deepEqual(w.signal(id, 17, "first"), { ok: true });
  assert.deepEqual(w.signal(id, 17, "first"), { ok: true, detail: { unchanged: true } });
});

function told(w: World, id: string): string {
  const journal = w.tables.journal(w.tables.invocations.get(id) ?? assert.fail());
  return describeEntry(journal.at(-1) ?? assert.fail());
}

test("an awakeable has one outcome: whoever comes second changes nothing and is told so", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).suspend([], { signals: [17] });
  assert.deepEqual(w.signal(id, 17, "first"), { ok: true });
  assert.equal(w.attempt(id).number, 2);
  assert.deepEqual(w.signal(id, 17, "second"), { ok: true, detail: { unchanged: true } });
  assert.equal(told(w, id), 'Signal index=17 result="first" (ingress)');
  w.checkpoint();
  w.restart();
  assert.deepEqual(w.signal(id, 17, "third"), { ok: true, detail: { unchanged: true } });
});

test("an awakeable may be completed before anyone waits for it", () => {
  const w = world();
  const id = w.invoke("mail/send", { delayMs: 100 });
  w.signal(id, 17, "early");
  w.advance(100);
  assert.equal(w.attempt(id).number, 1);
  assert.equal(told(w, id), 'Signal index=17 result="early" (ingress)', "the first attempt begins with it");
});

test("a handler completes another's awakeable by its id", () => {
  const w = world();
  const id = formatInvocationId(new Uint8Array(24).fill(9));
  w.invoke("mail/send", { as: id });
  const other = w.attempt(w.invoke("mail/send", { as: "other" }));
  other.completeAwakeable(formatAwakeableId(id, 17), { code: 400, message: "rejected" });
  assert.equal(told(w, id), 'Signal index=17 result=failure 400 "rejected" (other)');
  other.completeAwakeable("not an id", "x");
  assert.equal(w.tables.invocations.get("other")?.lastFailure?.code, "awakeable-id-invalid");
});

test("named signals arrive as often as they are sent, in their order", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const other = w.attempt(w.invoke("mail/send", { as: "other" }));
  w.signal(id, "paid", "1");
  other.signal(id, "paid", "2");
  assert.equal(told(w, id), 'Signal signalName="paid" result="2" (other)');
  assert.equal(w.tables.invocations.get(id)?.namedSignals.get("paid"), 2);
  w.attempt(id).suspend([], { namedSignals: [["paid", 2]] });
  assert.equal(w.tables.invocations.get(id)?.status, "suspended");
  w.signal(id, "other name", "x");
  assert.equal(w.tables.invocations.get(id)?.status, "suspended");
  w.signal(id, "paid", "3");
  assert.equal(w.tables.invocations.get(id)?.status, "running");
});

test("a signal to nobody or to one that is over is refused outside and dropped inside", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).return("sent");
  const codes = [w.signal(id, 17, "x"), w.signal("nobody", 17, "x")].map((outcome) =>
    outcome.ok ? "" : outcome.code,
  );
  assert.deepEqual(codes, ["invocation-completed", "invocation-not-found"]);
  const other = w.attempt(w.invoke("mail/send"));
  other.signal(id, "paid", "x");
  other.signal("nobody", 17, "x");
  other.return("fine");
  assert.equal(w.tables.invocations.get(id)?.journalLength, 2);
});
