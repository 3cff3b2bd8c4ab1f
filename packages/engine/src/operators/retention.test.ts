import assert from "node:assert/strict";
import { test } from "node:test";

import type { HandlerOptions } from "@holdfast/protocol";

import { service, workflow } from "../testing/handlers.ts";
import { World, type InvokeOptions } from "../testing/world.ts";

const DAY_MS = 86_400_000;

function world(options: HandlerOptions = {}): World {
  return new World({ services: [service("mail", ["send"], options), workflow("flow", [], options)] });
}

/** An invocation that has completed. */
function done(w: World, address = "mail/send", options: InvokeOptions = {}): string {
  const id = w.invoke(address, options);
  w.attempt(id).return("sent");
  return id;
}

/** What is left of an invocation. */
function left(w: World, id: string): string {
  const row = w.tables.invocations.get(id);
  if (row === undefined) return "nothing";
  return row.journalLength === 0 ? "outcome" : "journal";
}

function expire(w: World, ids: readonly string[], budget = false): number | undefined {
  const { detail } = w.must({ kind: "expire", ids, budget });
  return detail?.removed;
}

test("journal and outcome are kept for a day, and gone after it", () => {
  const w = world();
  const ids = [done(w), done(w, "mail/send", { idempotencyKey: "k" }), done(w, "flow/k/run")];
  w.now += DAY_MS - 1;
  assert.equal(expire(w, ids), 0);
  w.now += 1;
  assert.equal(expire(w, ids), 3);
  assert.deepEqual(
    ids.map((id) => left(w, id)),
    ["nothing", "nothing", "nothing"],
  );
  assert.equal(expire(w, ids), 0, "once");
  w.checkStore();
});

test("a journal may go before the outcome that a key stands for", () => {
  const w = world({ journalRetentionMs: 10, idempotencyRetentionMs: 100, workflowRetentionMs: 200 });
  const ids = [done(w), done(w, "mail/send", { idempotencyKey: "k" }), done(w, "flow/k/run")];
  const at = (ms: number): string[] => {
    w.now = 1_000_000 + ms;
    expire(w, ids);
    return ids.map((id) => left(w, id));
  };
  assert.deepEqual(at(9), ["journal", "journal", "journal"]);
  assert.deepEqual(at(10), ["nothing", "outcome", "outcome"]);
  const { expiresAt } = w.tables.invocations.get(ids[1] ?? "") ?? assert.fail();
  assert.equal(expiresAt, 1_000_000 + 100, "when there is something to remove again");
  assert.equal(w.invoke("mail/send", { idempotencyKey: "k" }), ids[1], "answered still");
  assert.deepEqual(at(99), ["nothing", "outcome", "outcome"]);
  assert.deepEqual(at(100), ["nothing", "nothing", "outcome"]);
  assert.deepEqual(at(200), ["nothing", "nothing", "nothing"]);
  const again = w.tryInvoke("mail/send", { idempotencyKey: "k" });
  assert.ok(again.ok && again.detail?.existed === false, "a new invocation under the key");
});

test("to make room nothing goes that a key still stands for, only its journal", () => {
  const w = world({ journalRetentionMs: 1_000, idempotencyRetentionMs: 1_000, workflowRetentionMs: 1_000 });
  const running = w.invoke("mail/send");
  const ids = [done(w), done(w, "mail/send", { idempotencyKey: "k" }), done(w, "flow/k/run"), running];
  assert.equal(expire(w, ids, true), 3);
  assert.deepEqual(
    ids.map((id) => left(w, id)),
    ["nothing", "outcome", "outcome", "journal"],
  );
  assert.equal(expire(w, ids, true), 0, "there is nothing more to have");
  w.now += 1_000;
  assert.equal(expire(w, ids, true), 2);
  w.checkStore();
});

test("what is not kept at all is gone with the record that ends it, and its waiters are told all the same", () => {
  const w = world({ journalRetentionMs: 0 });
  const id = w.invoke("mail/send");
  const { id: callee, completionId } = w.attempt(id).call("mail/send");
  w.attempt(id).suspend([completionId]);
  w.attempt(callee).return("sent");
  assert.equal(left(w, callee), "nothing");
  assert.equal(w.attempt(id).number, 2);
  const keyed = done(w, "mail/send", { idempotencyKey: "k" });
  assert.equal(left(w, keyed), "outcome", "the key is kept for as long as keys are");
  w.checkStore();
  w.restart();
});

test("a purge removes what is over, or its journal alone", () => {
  const w = world();
  const id = done(w);
  w.checkpoint();
  w.must({ kind: "purge", id, journalOnly: true });
  assert.equal(left(w, id), "outcome");
  w.must({ kind: "purge", id, journalOnly: false });
  assert.equal(left(w, id), "nothing");
  w.checkStore();
  const codes = [id, w.invoke("mail/send")].map((each) => {
    const { outcome } = w.apply({ kind: "purge", id: each, journalOnly: false });
    return outcome.ok ? "" : outcome.code;
  });
  assert.deepEqual(codes, ["invocation-not-found", "invocation-not-completed"]);
});

test("who attached before the end is told, however short the retention", () => {
  const w = world({ journalRetentionMs: 0, idempotencyRetentionMs: 0 });
  const target = w.invoke("mail/send", { idempotencyKey: "k" });
  const waiter = w.attempt(w.invoke("flow/k/run"));
  waiter.suspend([waiter.attach(target)]);
  w.apply({ kind: "kill", id: target });
  assert.equal(w.attempt(waiter.id).number, 2);
});
