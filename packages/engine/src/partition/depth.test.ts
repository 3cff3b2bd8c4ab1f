import assert from "node:assert/strict";
import { test } from "node:test";

import { object, service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

/** Deep enough for any recursion to end in an overflow of the stack. */
const DEPTH = 20_000;

function world(): World {
  return new World({ monitored: false, services: [service("chain", ["next"]), object("lock", ["take"])] });
}

/** Invocations that each wait for the next one. */
function chain(w: World): string[] {
  const ids = [w.invoke("chain/next", { as: "c0" })];
  for (let depth = 1; depth < DEPTH; depth++) {
    ids.push(w.attempt(`c${depth - 1}`).call("chain/next", { as: `c${depth}` }).id);
  }
  return ids;
}

test("a cancel reaches the end of the longest chain of calls", () => {
  const w = world();
  const ids = chain(w);
  w.apply({ kind: "cancel", id: "c0" });
  assert.equal(w.tables.invocations.get(ids.at(-1) ?? "")?.cancelledInAttempt, 1);
});

test("a kill ends the longest chain of calls, and with it the one who called it", () => {
  const w = world();
  const ids = chain(w);
  const { effects } = w.apply({ kind: "kill", id: "c0" });
  assert.equal(effects.filter(({ kind }) => kind === "completed").length, DEPTH);
  assert.equal(w.tables.invocations.get(ids.at(-1) ?? "")?.status, "completed");
});

test("a lock passes through the longest queue, and its inbox is empty afterwards", () => {
  const w = world();
  for (let place = 0; place < DEPTH; place++) w.invoke("lock/k/take", { as: `q${place}` });
  for (let place = DEPTH - 1; place > 1; place -= 2) w.apply({ kind: "cancel", id: `q${place}` });
  w.attempt("q0").return("done");
  w.attempt("q1").return("done");
  for (let place = 2; place < DEPTH; place += 2) w.attempt(`q${place}`).return("done");
  assert.equal([...w.tables.inbox.all()].length, 0);
  assert.equal([...w.tables.objects.all()].length, 0);
});

test("as many waiters as there can be are told of one outcome", () => {
  const w = world();
  const id = w.invoke("chain/next", { as: "target" });
  for (let waiter = 0; waiter < DEPTH / 10; waiter++) {
    const each = w.attempt(w.invoke("chain/next", { as: `w${waiter}` }));
    each.suspend([each.attach(id)]);
  }
  w.attempt(id).return("done");
  assert.equal(w.attempt("w0").number, 2);
});
