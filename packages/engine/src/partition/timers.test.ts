import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { timerDue, timerKey } from "../tables/tables.ts";
import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"])] });
}

function status(w: World, id: string): string | undefined {
  return w.tables.invocations.get(id)?.status;
}

test("a timer that is reported before its time is armed again and fires at its time", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.suspend([a.sleep(1_000)]);
  const [key = assert.fail()] = [...w.tables.timers.all()].map(([each]) => each);
  // A clock that was set back between noticing that it is due and saying so.
  w.now += 999;
  const { effects } = w.apply({ kind: "timers-fired", keys: [key] });
  assert.deepEqual(effects, [{ kind: "set-timer", key, due: timerDue(key) }]);
  assert.equal(status(w, id), "suspended");
  w.advance(1);
  assert.equal(status(w, id), "running");
  w.restart();
});

test("a timer fires once, however often it is reported", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.sleep(10);
  const keys = [...w.tables.timers.all()].map(([key]) => key);
  w.advance(10);
  const length = w.tables.invocations.get(id)?.journalLength;
  w.must({ kind: "timers-fired", keys: [...keys, ...keys, "what is this"] });
  assert.equal(w.tables.invocations.get(id)?.journalLength, length);
});

test("timers sort by due time, then by the order they were set in", () => {
  const due = fc.oneof(
    fc.constantFrom(0, 1, 2 ** 31, 2 ** 32, 253402300800000, 2 ** 53 - 1),
    fc.maxSafeNat(),
  );
  const seq = fc.oneof(fc.nat(2), fc.nat(10 ** 12));
  fc.assert(
    fc.property(due, seq, due, seq, (dueA, seqA, dueB, seqB) => {
      const a = timerKey(dueA, seqA);
      const b = timerKey(dueB, seqB);
      const expected = dueA - dueB || seqA - seqB;
      assert.equal(Math.sign(expected), a < b ? -1 : a > b ? 1 : 0);
      assert.equal(timerDue(a), dueA);
    }),
  );
});

test("a sleep into the past ends at once, and one beyond all time is as late as can be said", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.sleep(-w.now);
  a.sleep(2 ** 53 - 1 - w.now);
  const dues = [...w.tables.timers.all()].map(([key]) => timerDue(key));
  assert.deepEqual(dues, [0, 2 ** 53 - 1]);
  w.advance(0);
  assert.deepEqual([...(w.tables.invocations.get(id)?.open.keys() ?? [])], [2]);
});

test("the partition's clock does not go back with the machine's", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const begun = w.now;
  w.now = begun - 500;
  w.attempt(id).error("no", { nextRetryDelayMs: 100 });
  assert.equal(w.tables.meta.now, begun);
  assert.equal(w.tables.invocations.get(id)?.nextRetryAt, begun + 100);
  w.now = begun + 50;
  w.invoke("mail/send");
  assert.equal(w.tables.meta.now, begun + 50);
  w.restart();
});
