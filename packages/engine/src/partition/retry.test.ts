import assert from "node:assert/strict";
import { test } from "node:test";

import { ErrorBehavior, type RetryPolicy } from "@holdfast/protocol";

import { describeEffect, describeResult } from "../testing/describe.ts";
import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(retryPolicy: Partial<RetryPolicy> = {}): World {
  return new World({ services: [service("mail", ["send"], { retryPolicy })] });
}

function row(w: World, id: string) {
  return w.tables.invocations.get(id) ?? assert.fail();
}

/** Fails the newest attempt and waits for the next. Returns the wait. */
function failOnce(w: World, id: string): number {
  w.attempt(id).error("no");
  const delay = row(w, id).nextRetryAt - w.now;
  w.advance(delay);
  return delay;
}

test("the wait grows by the policy's factor up to its longest, and a third more at most", () => {
  const w = world({ initialIntervalMs: 100, factor: 2, maxIntervalMs: 1_000, maxAttempts: 100 });
  const id = w.invoke("mail/send");
  for (const base of [100, 200, 400, 800, 1_000, 1_000]) {
    const delay = failOnce(w, id);
    assert.ok(delay >= base && delay <= Math.ceil((base * 4) / 3), `${delay} after ${base}`);
  }
  assert.equal(row(w, id).attempt, 7);
});

test("waits of different invocations are spread", () => {
  const w = world({ initialIntervalMs: 100_000 });
  const ids = Array.from({ length: 20 }, () => w.invoke("mail/send"));
  for (const id of ids) w.attempt(id).error("no");
  assert.ok(new Set(ids.map((id) => row(w, id).nextRetryAt)).size > 10);
});

test("an attempt does not start before its time", () => {
  const w = world({ initialIntervalMs: 100 });
  const id = w.invoke("mail/send");
  w.attempt(id).error("no");
  const due = row(w, id).nextRetryAt;
  w.restart();
  w.advance(due - w.now - 1);
  assert.equal(row(w, id).status, "backing-off");
  w.advance(1);
  assert.equal(row(w, id).status, "running");
});

test("after the last attempt the invocation is paused, with the reason", () => {
  const w = world({ maxAttempts: 3 });
  const id = w.invoke("mail/send");
  failOnce(w, id);
  failOnce(w, id);
  w.attempt(id).error("still no");
  assert.equal(row(w, id).status, "paused");
  const event = row(w, id).events.at(-1) ?? assert.fail();
  assert.deepEqual([event.kind, event.message], ["paused", "Paused after 3 failed attempts: still no"]);
  w.must({ kind: "resume", id, deployment: undefined });
  assert.equal(row(w, id).retryCount, 0, "counted anew");
});

test("or it ends with the failure, when the policy says so", () => {
  const w = world({ maxAttempts: 2, onMaxAttempts: "kill" });
  const id = w.invoke("mail/send");
  failOnce(w, id);
  w.attempt(id).error("no", { code: 503 });
  assert.equal(describeResult(row(w, id).result ?? assert.fail()), 'failure 503 "no"');
});

test("a single attempt is one that is not repeated", () => {
  const w = world({ maxAttempts: 1 });
  const id = w.invoke("mail/send");
  w.attempt(id).error("no");
  assert.equal(row(w, id).status, "paused");
});

test("a delay that the handler asks for is kept and costs no attempt", () => {
  const w = world({ maxAttempts: 2 });
  const id = w.invoke("mail/send");
  for (let again = 0; again < 5; again++) {
    w.attempt(id).error("later", { nextRetryDelayMs: 70 });
    assert.equal(row(w, id).nextRetryAt, w.now + 70);
    w.advance(70);
  }
  w.attempt(id).error("now", { nextRetryDelayMs: 0 });
  assert.deepEqual([row(w, id).status, row(w, id).attempt, row(w, id).retryCount], ["running", 7, 0]);
  assert.equal(row(w, id).lostAttempts, 0, "nor is it lost");
});

test("an attempt that is lost without the handler's doing is not counted, and tried again soon", () => {
  const w = world({ maxAttempts: 2, initialIntervalMs: 1_000, maxIntervalMs: 1_000_000 });
  const id = w.invoke("mail/send");
  for (let lost = 0; lost < 20; lost++) {
    w.lose(id);
    assert.ok(row(w, id).nextRetryAt - w.now <= 13_334, "ten seconds, and a third");
    w.advance(20_000);
  }
  assert.deepEqual([row(w, id).status, row(w, id).attempt, row(w, id).retryCount], ["running", 21, 0]);
  w.lose(id, { counted: true });
  assert.equal(row(w, id).retryCount, 1);
});

test("an attempt that can never succeed is paused at once", () => {
  const w = world();
  const lost = w.invoke("mail/send");
  w.lose(lost, { pause: true });
  const said = w.invoke("mail/send");
  w.attempt(said).error("cannot be stored", { behavior: ErrorBehavior.Pause });
  assert.deepEqual([row(w, lost).status, row(w, said).status], ["paused", "paused"]);
});

test("an error that is the outcome ends the invocation", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).error("no", { behavior: ErrorBehavior.Fail, code: 422 });
  assert.equal(describeResult(row(w, id).result ?? assert.fail()), 'failure 422 "no"');
});

test("progress resets the count: a command, a step's result, a suspension", () => {
  const w = world({ maxAttempts: 3, initialIntervalMs: 1 });
  const id = w.invoke("mail/send");
  const progress = [
    () => w.attempt(id).run("step"),
    () => w.attempt(id).propose(1, "done"),
    () => {
      w.attempt(id).sleep(1);
      w.attempt(id).suspend([2]);
      w.advance(1);
    },
  ];
  for (const step of progress) {
    failOnce(w, id);
    failOnce(w, id);
    assert.equal(row(w, id).retryCount, 2);
    step();
    assert.equal(row(w, id).retryCount, 0);
  }
  assert.equal(row(w, id).status, "running");
});

test("a step's own failures are counted through attempts and told to the next", () => {
  const w = world();
  const id = w.invoke("mail/send", { as: "a" });
  const a = w.attempt(id);
  const step = a.run("smtp");
  a.stepFailed(step, 2, 500);
  a.stepFailed(99, 1, 1);
  assert.equal(row(w, id).open.get(step)?.nextTryAt, w.now + 500);
  a.error("waits for the step", { nextRetryDelayMs: 500 });
  w.checkpoint();
  w.restart();
  const { effects } = w.apply({ kind: "resume", id, deployment: undefined });
  assert.match(
    effects.map(describeEffect).join(),
    /start-attempt a#2 on dp1: 2 entries, step failures \[\[1, 2\]\]/,
  );
});

test("the same failure again is counted and not repeated, and only the newest events are kept", () => {
  const w = world({ maxAttempts: 1_000, initialIntervalMs: 1 });
  const id = w.invoke("mail/send");
  for (let again = 0; again < 5; again++) failOnce(w, id);
  assert.deepEqual(
    row(w, id).events.map(({ count }) => count),
    [5],
  );
  for (let other = 0; other < 30; other++) {
    w.attempt(id).error(`no ${other}`);
    w.advance(100_000);
  }
  assert.equal(row(w, id).events.length, 20);
  assert.equal(row(w, id).events.at(-1)?.message, "no 29");
});

test("errors of the protocol have names of their own", () => {
  const w = world();
  const codes = [500, 570, 571, 404].map((code) => {
    const id = w.invoke("mail/send");
    w.attempt(id).error("no", { code });
    return row(w, id).lastFailure?.code;
  });
  assert.deepEqual(codes, ["handler-error", "journal-mismatch", "protocol-violation", "handler-error"]);
});

test("messages of an attempt that is over are refused whole, and change nothing", () => {
  const w = world({ initialIntervalMs: 1 });
  const id = w.invoke("mail/send");
  const zombie = w.attempt(id);
  failOnce(w, id);
  const before = row(w, id).journalLength;
  const refused = zombie.batch(() => {
    zombie.set("a", "1");
    zombie.run("step");
    zombie.return("from the dead");
  });
  assert.equal(refused.ok ? "" : refused.code, "stale-attempt");
  const early = w.attempt(id, 3);
  assert.equal(early.batch(() => early.run("step")).ok, false, "nor is one that has not begun");
  const lost = w.apply({
    kind: "attempt-lost",
    id,
    attempt: 1,
    code: "x",
    message: "",
    counted: true,
    pause: true,
    retryDelayMs: -1,
  });
  assert.equal(lost.outcome.ok, false);
  assert.equal(row(w, id).status, "running");
  assert.equal(row(w, id).journalLength, before);
  w.apply({ kind: "kill", id });
  assert.equal(w.attempt(id).batch(() => {}).ok, false);
  const nobody = w.apply({ kind: "attempt-messages", id: "nobody", attempt: 1, messages: [], childIds: [] });
  assert.equal(nobody.outcome.ok, false);
});
