import assert from "node:assert/strict";
import { test } from "node:test";

import type { Outcome } from "../effect.ts";
import { describeEffect, describeEntry } from "../testing/describe.ts";
import { object, service, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"]), object("cart", ["add"]), workflow("flow", [])] });
}

function refusal(w: World, id: string, fromCommand: number): string {
  const body = { kind: "restart", id, newId: "refused", fromCommand, deployment: undefined } as const;
  const outcome: Outcome = w.apply(body).outcome;
  return outcome.ok ? "" : outcome.code;
}

function journal(w: World, id: string): string[] {
  return w.tables.journal(w.tables.invocations.get(id) ?? assert.fail()).map(describeEntry);
}

/** Restarts `id` as "again", keeping its journal up to and with a command. */
function restart(w: World, id: string, fromCommand: number): void {
  w.must({ kind: "restart", id, newId: "again", fromCommand, deployment: undefined });
}

function entries(w: World, id: string): number {
  return w.tables.invocations.get(id)?.journalLength ?? assert.fail();
}

test("a restart from the beginning keeps the input and nothing else", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.signal(id, "paid", "early");
  w.attempt(id).run("smtp");
  w.attempt(id).return("sent");
  restart(w, id, 0);
  assert.equal(entries(w, "again"), 1);
});

test("signals in a kept prefix count: an awakeable has one outcome, and a later signal wakes", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  const step = a.run("smtp");
  w.signal(id, 17, "first");
  w.signal(id, "paid", "first");
  a.propose(step, "sent");
  a.return("done");
  restart(w, id, 1);
  const kept = entries(w, "again");
  w.signal("again", 17, "second");
  assert.equal(entries(w, "again"), kept, "the awakeable has its outcome");
  // The handler has consumed the first "paid". The second crosses its suspension.
  const again = w.attempt("again");
  w.signal("again", "paid", "second");
  again.suspend([], { namedSignals: [["paid", 1]] });
  assert.equal(w.attempt("again").number, 2);
  w.restart();
});

test("a restart keeps the old invocation, its input and its object's queue", () => {
  const w = world();
  const id = w.invoke("cart/ada/add", { input: "shoe", idempotencyKey: "once" });
  w.attempt(id).return("added");
  w.invoke("cart/ada/add");
  restart(w, id, 0);
  const again = w.tables.invocations.get("again") ?? assert.fail();
  assert.deepEqual(
    [again.status, again.source, again.idempotencyKey],
    ["queued", { kind: "restart", id }, undefined],
  );
  assert.deepEqual(journal(w, "again"), ['Input value="shoe"']);
  assert.equal(w.tables.invocations.get(id)?.status, "completed");
  assert.equal(
    w.invoke("cart/ada/add", { input: "shoe", idempotencyKey: "once" }),
    id,
    "the key stays with the old one",
  );
});

test("a kept prefix brings its results along, also those that came later, and nothing else", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  const first = a.run("first");
  const second = a.run("second");
  a.propose(second, "2");
  a.cancel(id);
  a.propose(first, "1");
  a.return("done");
  restart(w, id, 1);
  assert.deepEqual(journal(w, "again"), [
    'Input value=""',
    'Run completionId=1 name="first"',
    'RunCompletion completionId=1 result="1" (handler)',
  ]);
  assert.equal(w.tables.invocations.get("again")?.seedId, id, "what was drawn before is drawn again");
  w.checkpoint();
  w.restart();
  w.continueCompletionIds("again", id);
  const again = w.attempt("again");
  again.propose(again.run("second"), "2");
  again.return("done");
});

test("a prefix that ends within what never had a result, at the output, or behind the end is refused", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.propose(a.run("done"), "1");
  a.sleep(1_000);
  a.return("done");
  assert.deepEqual(
    [2, 3, 4].map((from) => refusal(w, id, from)),
    Array(3).fill("restart-point-invalid"),
  );
  assert.equal(w.tables.invocations.get("refused"), undefined);
  restart(w, id, 1);
});

test("what has not ended, is a workflow, or has lost its journal cannot be restarted", () => {
  const w = world();
  const flow = w.invoke("flow/k/run");
  w.attempt(flow).return("done");
  const purged = w.invoke("mail/send");
  w.attempt(purged).return("done");
  w.must({ kind: "purge", id: purged, journalOnly: true });
  const ids = ["nobody", w.invoke("mail/send"), w.invoke("mail/send", { delayMs: 9 }), flow, purged];
  assert.deepEqual(
    ids.map((id) => refusal(w, id, 0)),
    [
      "invocation-not-found",
      "invocation-not-completed",
      "invocation-not-started",
      "restart-unsupported",
      "journal-gone",
    ],
  );
});

test("a restart may choose its deployment, and says where its prefix was recorded", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.propose(a.run("step"), "1");
  a.return("done");
  w.register([service("mail", ["send"])], { id: "dp9" });
  const body = { kind: "restart", id, newId: "again", fromCommand: 1, deployment: "dp9" } as const;
  const { effects } = w.apply(body);
  assert.deepEqual(effects.map(describeEffect), ["start-attempt again#1 on dp9: 3 entries, recorded on dp1"]);
  assert.equal(w.tables.deployments.get("dp9")?.live, 1);
  const unknown = w.apply({ ...body, newId: "other", deployment: "dp0" }).outcome;
  assert.equal(unknown.ok ? "" : unknown.code, "deployment-not-found");
  const unable = w.apply({
    ...body,
    newId: "other",
    id: w.invoke("cart/ada/add"),
    deployment: "dp9",
  }).outcome;
  assert.equal(unable.ok, false);
});

test("a cancel is not repeated with the prefix that it fell into", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  const step = a.run("step");
  w.apply({ kind: "cancel", id });
  w.signal(id, "paid", "yes");
  a.propose(step, "done");
  a.return({ code: 409, message: "cancelled" });
  restart(w, id, 1);
  assert.deepEqual(journal(w, "again").slice(2), [
    'Signal signalName="paid" result="yes" (ingress)',
    'RunCompletion completionId=1 result="done" (handler)',
  ]);
});
