import assert from "node:assert/strict";
import { test } from "node:test";

import { formatAwakeableId, formatInvocationId } from "@holdfast/protocol";

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
