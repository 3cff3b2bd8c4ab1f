import assert from "node:assert/strict";
import { test } from "node:test";

import { describeEffect } from "../testing/describe.ts";
import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"])] });
}

function status(w: World, id: string): string | undefined {
  return w.tables.invocations.get(id)?.status;
}

function code(w: World, body: Parameters<World["apply"]>[0]): string {
  const { outcome } = w.apply(body);
  return outcome.ok ? "" : outcome.code;
}

test("a pause cuts a running attempt off, and what it still sends is refused", () => {
  const w = world();
  const id = w.invoke("mail/send", { as: "a" });
  const attempt = w.attempt(id);
  const step = attempt.run("smtp");
  const { effects } = w.apply({ kind: "pause", id });
  assert.deepEqual(effects.map(describeEffect), ['abort-attempt a#1 "paused"']);
  assert.equal(attempt.batch(() => attempt.propose(step, "sent")).ok, false);
  w.must({ kind: "resume", id, deployment: undefined });
  assert.equal(w.attempt(id).number, 2);
  assert.deepEqual(
    w.tables.invocations.get(id)?.events.map(({ kind }) => kind),
    ["paused", "resumed"],
  );
});

test("what is paused stays so, whatever arrives, and finds it when it is resumed", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  const sleep = a.sleep(10);
  a.suspend([sleep], { signals: [17] });
  w.must({ kind: "pause", id });
  w.advance(10);
  w.signal(id, 17, "x");
  w.restart();
  assert.equal(status(w, id), "paused");
  const { effects } = w.apply({ kind: "resume", id, deployment: undefined });
  assert.match(effects.map(describeEffect).join(), /#2 on dp1: 4 entries/);
});

test("pausing what backs off takes its timer away", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).error("no");
  w.must({ kind: "pause", id });
  assert.equal(w.nextDue(), undefined);
  const again = w.apply({ kind: "pause", id }).outcome;
  assert.deepEqual(again, { ok: true, detail: { unchanged: true } });
});

test("a resume does not wait for what backs off or is suspended", () => {
  const w = world();
  const failing = w.invoke("mail/send");
  w.attempt(failing).error("no");
  const waiting = w.invoke("mail/send");
  w.attempt(waiting).suspend([w.attempt(waiting).sleep(10)]);
  for (const id of [failing, waiting]) {
    w.must({ kind: "resume", id, deployment: undefined });
    assert.equal(w.attempt(id).number, 2);
    const again = w.apply({ kind: "resume", id, deployment: undefined }).outcome;
    assert.deepEqual(again, { ok: true, detail: { unchanged: true } }, "it runs");
  }
  w.attempt(waiting).suspend([1]);
  w.advance(10);
  assert.equal(w.attempt(waiting).number, 3, "the sleep goes on all the while");
});

test("what has not begun or is over can be neither paused nor resumed", () => {
  const w = world();
  const scheduled = w.invoke("mail/send", { delayMs: 10 });
  const done = w.invoke("mail/send");
  w.attempt(done).return("sent");
  for (const kind of ["pause", "resume"] as const) {
    const codes = [scheduled, done, "nobody"].map((id) => code(w, { kind, id, deployment: undefined }));
    assert.deepEqual(codes, ["invocation-not-started", "invocation-completed", "invocation-not-found"]);
  }
});

test("a resume may move an invocation to another deployment that serves it", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).run("smtp");
  w.must({ kind: "pause", id });
  w.register([service("mail", ["send"])], { id: "fixed" });
  w.register([service("other", ["x"])], { id: "foreign" });
  assert.equal(code(w, { kind: "resume", id, deployment: "nowhere" }), "deployment-not-found");
  assert.equal(code(w, { kind: "resume", id, deployment: "foreign" }), "handler-not-found");
  assert.equal(status(w, id), "paused");
  const { effects } = w.apply({ kind: "resume", id, deployment: "fixed" });
  assert.match(effects.map(describeEffect).join(), /#2 on fixed: 2 entries, recorded on dp1/);
  const live = ["dp1", "fixed"].map((each) => w.tables.deployments.get(each)?.live);
  assert.deepEqual(live, [0, 1]);
  w.attempt(id).run("now here");
  assert.equal(w.tables.invocations.get(id)?.recordedOn, "fixed");
});
