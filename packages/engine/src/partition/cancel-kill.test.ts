import assert from "node:assert/strict";
import { test } from "node:test";

import { describeEffect, describeResult } from "../testing/describe.ts";
import { object, service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"]), object("cart", ["add"])] });
}

function row(w: World, id: string) {
  return w.tables.invocations.get(id) ?? assert.fail();
}

function outcome(w: World, id: string): string {
  const { result } = row(w, id);
  return result === undefined ? row(w, id).status : describeResult(result);
}

function cancel(w: World, id: string): string[] {
  const { outcome: came, effects } = w.apply({ kind: "cancel", id });
  assert.ok(came.ok, id);
  return effects.map(describeEffect);
}

const CANCELLED = 'failure 409 "cancelled"';

test("a cancel ends at once what has not begun: scheduled or queued", () => {
  const w = world();
  const scheduled = w.invoke("mail/send", { delayMs: 1_000 });
  w.invoke("cart/ada/add");
  const queued = w.invoke("cart/ada/add");
  assert.match(cancel(w, scheduled).join(), /clear-timer/);
  cancel(w, queued);
  assert.deepEqual([outcome(w, scheduled), outcome(w, queued)], [CANCELLED, CANCELLED]);
  assert.equal(w.tables.objects.get("cart\u0000ada")?.inboxLength, 0);
  assert.equal(w.nextDue(), undefined);
});

test("a running attempt is told, and decides how it ends", () => {
  const w = world();
  const id = w.invoke("mail/send", { as: "a" });
  assert.deepEqual(cancel(w, id), ["deliver a#1 Signal index=1 result=void (cancel)"]);
  assert.equal(row(w, id).status, "running");
  w.attempt(id).return("finished all the same");
  assert.equal(outcome(w, id), '"finished all the same"');
});

test("what is suspended, backing off or paused is attempted at once", () => {
  const w = world();
  const suspended = w.invoke("mail/send", { as: "s" });
  w.attempt(suspended).suspend([w.attempt(suspended).sleep(10_000)], { signals: [1] });
  const backingOff = w.invoke("mail/send", { as: "b" });
  w.attempt(backingOff).error("no");
  const paused = w.invoke("mail/send", { as: "p" });
  w.must({ kind: "pause", id: paused });
  assert.deepEqual(cancel(w, suspended), ["start-attempt s#2 on dp1: 3 entries"]);
  const [cleared = "", started = ""] = cancel(w, backingOff);
  assert.match(cleared, /clear-timer/);
  assert.equal(started, "start-attempt b#2 on dp1: 2 entries, retry 1");
  assert.deepEqual(cancel(w, paused), ["start-attempt p#2 on dp1: 2 entries"]);
});

test("a cancel of what is over, or never was, is refused", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).return("sent");
  const codes = [id, "nobody"].map((each) => {
    const { outcome: came } = w.apply({ kind: "cancel", id: each });
    return came.ok ? "" : came.code;
  });
  assert.deepEqual(codes, ["invocation-completed", "invocation-not-found"]);
  assert.equal(outcome(w, id), '"sent"');
});

test("a cancel goes on to the callees that are waited for, and not to what was sent", () => {
  const w = world();
  const root = w.invoke("mail/send", { as: "root" });
  const running = w.attempt(root).call("mail/send", { as: "running" }).id;
  const below = w.attempt(running).call("mail/send", { as: "below" }).id;
  w.invoke("cart/ada/add");
  const queued = w.attempt(root).call("cart/ada/add", { as: "queued" }).id;
  const done = w.attempt(root).call("mail/send", { as: "done" }).id;
  w.attempt(done).return("sent");
  const sent = w.attempt(root).sendTo("mail/send", { as: "sent" });
  assert.deepEqual(cancel(w, root), [
    "deliver root#1 Signal index=1 result=void (cancel)",
    "deliver running#1 Signal index=1 result=void (cancel)",
    "deliver below#1 Signal index=1 result=void (cancel)",
    `completed queued ${CANCELLED}`,
    `deliver root#1 CallCompletion completionId=4 result=${CANCELLED} (queued)`,
  ]);
  assert.deepEqual(
    [outcome(w, queued), outcome(w, done), row(w, sent).journalLength],
    [CANCELLED, '"sent"', 1],
  );
  assert.equal(row(w, below).cancelledInAttempt, 1);
});

test("a cancel of a handler behind Restate's SDK is passed on by that handler, as often as it does", () => {
  const w = new World();
  const restate = { minProtocolVersion: 5, maxProtocolVersion: 7, mode: "bidirectional", http: "2" } as const;
  w.register([service("theirs", ["go"])], { restate });
  w.register([service("mail", ["send"])]);
  const root = w.invoke("theirs/go", { as: "root" });
  const callee = w.attempt(root).call("mail/send", { as: "callee" }).id;
  const below = w.attempt(callee).call("mail/send", { as: "below" }).id;
  const cancels = (id: string): number => row(w, id).journalLength;
  const before = [callee, below].map(cancels);
  assert.deepEqual(cancel(w, root), ["deliver root#1 Signal index=1 result=void (cancel)"]);
  assert.deepEqual([callee, below].map(cancels), before, "nobody else was told");
  for (const times of [1, 2]) {
    w.attempt(root).cancel(callee);
    // Below it there is a handler of ours, which leaves that to the fold.
    assert.deepEqual(
      [callee, below].map(cancels),
      before.map((length) => length + times),
    );
  }
});

test("a callee that is shared by two who are cancelled together is told once", () => {
  const w = world();
  const root = w.invoke("mail/send");
  const callers = ["left", "right"].map((as) => w.attempt(root).call("mail/send", { as }).id);
  for (const caller of callers) w.attempt(caller).call("mail/send", { idempotencyKey: "shared" });
  cancel(w, root);
  assert.equal(row(w, "ik:mail//send/shared").journalLength, 2);
});

test("a kill ends an invocation wherever it is, and all that it waits for", () => {
  const w = world();
  const root = w.invoke("mail/send", { as: "root" });
  const below = w.attempt(root).call("cart/ada/add", { as: "below" }).id;
  const next = w.invoke("cart/ada/add", { as: "next" });
  const waiting = w.attempt(w.invoke("mail/send", { as: "waiting" }));
  waiting.attach(below);
  const { effects } = w.apply({ kind: "kill", id: root });
  assert.deepEqual(effects.map(describeEffect), [
    'abort-attempt root#1 "killed"',
    'completed root failure 409 "killed"',
    'abort-attempt below#1 "killed"',
    "start-attempt next#1 on dp1: 1 entries",
    'completed below failure 409 "killed"',
    'deliver waiting#1 AttachInvocationCompletion completionId=1 result=failure 409 "killed" (below)',
  ]);
  assert.equal(row(w, next).status, "running");
  assert.equal(row(w, root).journalLength, 3, "nothing is told to who is dead");
});

test("a kill of a handler behind Restate's SDK ends what it sent to as well, and all that this began", () => {
  const w = new World();
  const restate = { minProtocolVersion: 5, maxProtocolVersion: 6, mode: "bidirectional", http: "2" } as const;
  w.register([service("theirs", ["go"])], { restate });
  w.register([service("mail", ["send"])]);
  const shared = w.invoke("theirs/go", { idempotencyKey: "shared" });
  const root = w.invoke("theirs/go", { as: "root" });
  const attempt = w.attempt(root);
  const sent = attempt.sendTo("theirs/go", { as: "sent" });
  const later = attempt.sendTo("theirs/go", { as: "later", delayMs: 1_000 });
  const done = attempt.sendTo("theirs/go", { as: "done" });
  assert.equal(attempt.sendTo("theirs/go", { idempotencyKey: "shared" }), shared);
  const ours = attempt.call("mail/send", { as: "ours" }).id;
  const below = w.attempt(sent).sendTo("theirs/go", { as: "below" });
  const onItsOwn = w.attempt(ours).sendTo("mail/send", { as: "onItsOwn" });
  w.attempt(done).return("done");
  // From the store as well, and although nobody knows the deployment any more.
  w.checkpoint();
  w.restart();
  w.must({ kind: "remove-deployment", id: row(w, root).deployment ?? "", force: true });
  w.must({ kind: "kill", id: root });
  for (const id of [root, sent, later, below, ours]) assert.equal(outcome(w, id), 'failure 409 "killed"', id);
  assert.deepEqual(
    [outcome(w, done), outcome(w, shared), outcome(w, onItsOwn)],
    ['"done"', "running", "running"],
  );
  assert.equal(w.nextDue(), undefined, "what was to begin later does not");
});

test("a kill works in every status", () => {
  const reach: Readonly<Record<string, (w: World) => string>> = {
    scheduled: (w) => w.invoke("mail/send", { delayMs: 10 }),
    queued: (w) => {
      w.invoke("cart/ada/add");
      return w.invoke("cart/ada/add");
    },
    running: (w) => w.invoke("mail/send"),
    "backing-off": (w) => {
      const id = w.invoke("mail/send");
      w.attempt(id).error("no");
      return id;
    },
    suspended: (w) => {
      const id = w.invoke("mail/send");
      w.attempt(id).suspend([w.attempt(id).sleep(10)]);
      return id;
    },
    paused: (w) => {
      const id = w.invoke("mail/send");
      w.must({ kind: "pause", id });
      return id;
    },
  };
  for (const [status, make] of Object.entries(reach)) {
    const w = world();
    const id = make(w);
    assert.equal(row(w, id).status, status);
    w.checkpoint();
    w.restart();
    assert.ok(w.apply({ kind: "kill", id }).outcome.ok);
    assert.equal(outcome(w, id), 'failure 409 "killed"');
    assert.equal(w.nextDue(), undefined, "no timer is left");
    assert.equal(w.apply({ kind: "kill", id }).outcome.ok, false, "once");
  }
});

test("of a cancel and the end of the handler the first in the log wins, and all see the same", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).return("sent");
  assert.equal(w.apply({ kind: "cancel", id }).outcome.ok, false);
  assert.equal(w.apply({ kind: "kill", id }).outcome.ok, false);
  const other = w.invoke("mail/send");
  w.apply({ kind: "kill", id: other });
  const late = w.attempt(other).batch(() => {});
  assert.equal(late.ok, false);
  assert.deepEqual([outcome(w, id), outcome(w, other)], ['"sent"', 'failure 409 "killed"']);
});
