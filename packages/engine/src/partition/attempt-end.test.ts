import assert from "node:assert/strict";
import { test } from "node:test";

import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

test("a suspended invocation reads back from the store as it was", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.suspend([a.sleep(1_000)], { signals: [1, 17], namedSignals: [["paid", 0]] });
  w.checkpoint();
  w.restart();
  assert.equal(w.tables.invocations.get(id)?.status, "suspended");
});

test("delays and retentions beyond all time are cut off at its end", () => {
  const forever = Number.MAX_SAFE_INTEGER;
  const w = new World({ services: [service("mail", ["send"], { journalRetentionMs: forever })] });
  const failing = w.invoke("mail/send");
  w.attempt(failing).error("later", { nextRetryDelayMs: forever });
  const trying = w.invoke("mail/send");
  const a = w.attempt(trying);
  a.stepFailed(a.run("smtp"), 1, forever);
  const done = w.invoke("mail/send");
  w.attempt(done).return("sent");
  w.checkpoint();
  w.restart();
  assert.equal(w.tables.invocations.get(failing)?.nextRetryAt, forever);
  assert.equal(w.tables.invocations.get(trying)?.open.get(1)?.nextTryAt, forever);
  assert.equal(w.tables.invocations.get(done)?.expiresAt, forever);
});

test("a handler that is tried again at once may be so for ever", () => {
  const retryPolicy = { initialIntervalMs: 0, factor: 10, maxAttempts: 2_000 };
  const w = new World({ monitored: false, services: [service("mail", ["send"], { retryPolicy })] });
  const id = w.invoke("mail/send");
  for (let attempt = 1; attempt < 2_000; attempt++) w.attempt(id).error("no");
  assert.equal(w.tables.invocations.get(id)?.status, "running");
  w.restart();
});

test("a failure is no longer the newest once a step has its result or the handler waits", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const failure = (id: string): string | undefined => w.tables.invocations.get(id)?.lastFailure?.message;
  const stepping = w.invoke("mail/send");
  const step = w.attempt(stepping).run("smtp");
  w.attempt(stepping).error("no", { nextRetryDelayMs: 0 });
  assert.equal(failure(stepping), "no");
  w.attempt(stepping).propose(step, "sent");
  assert.equal(failure(stepping), undefined);
  const waiting = w.invoke("mail/send");
  const sleep = w.attempt(waiting).sleep(1_000);
  w.attempt(waiting).error("no", { nextRetryDelayMs: 0 });
  w.attempt(waiting).suspend([sleep]);
  assert.equal(failure(waiting), undefined);
});

test("crashes of the engine are counted through attempts that were lost before they got to the handler", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  const counted = (): readonly unknown[] => {
    const { lastFailure, status } = w.tables.invocations.get(id) ?? assert.fail();
    return [status, lastFailure?.code, lastFailure?.count];
  };
  for (let crash = 0; crash < 25; crash++) {
    w.lose(id, { code: "engine-crashed" });
    w.advance(20_000);
    w.lose(id, { code: "connection-lost" });
    w.advance(20_000);
  }
  assert.deepEqual(counted(), ["running", "engine-crashed", 25]);
  assert.equal(w.tables.invocations.get(id)?.events.at(-1)?.code, "connection-lost");
  w.lose(id, { code: "engine-restarted" });
  w.advance(20_000);
  w.lose(id, { code: "engine-crashed" });
  w.advance(20_000);
  assert.deepEqual(counted(), ["running", "engine-crashed", 1], "a restart that was meant begins anew");
});
