import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageType, type SdkMessage } from "@holdfast/protocol";

import { sessionMessage } from "../testing/attempt.ts";
import { describeMessage, describeResult } from "../testing/describe.ts";
import { service, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

test("an output that was recorded is the outcome, also when a later attempt ends the invocation", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  w.attempt(id).outputValue("sent");
  w.lose(id);
  w.advance(10_000);
  assert.equal(w.attempt(id).number, 2);
  // The handler's return is replayed from the journal, so all that is new is the end.
  w.attempt(id).end();
  const { result } = w.tables.invocations.get(id) ?? assert.fail();
  assert.equal(describeResult(result ?? assert.fail()), '"sent"');
});

test("a result proposed for something that is no step pauses the invocation and harms nobody else", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.propose(a.sleep(1_000), "slept");
  const row = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([row.status, row.events.at(-1)?.code], ["paused", "protocol-violation"]);
  assert.equal(row.open.size, 1, "the sleep goes on");
  w.restart();
});

test("a failed execution of something that is no step pauses the invocation too", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  const failure = { code: 500, message: "down" };
  const completionId = a.sleep(1_000);
  a.send({ type: MessageType.RunAttemptFailed, completionId, failure, failures: 1, nextDelayMs: 1 });
  const row = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([row.status, row.events.at(-1)?.code], ["paused", "protocol-violation"]);
});

test("a suspension that waits for nothing pauses the invocation instead of putting it to sleep for ever", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  w.attempt(id).suspend([]);
  const row = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([row.status, row.events.at(-1)?.code], ["paused", "protocol-violation"]);
});

test("bytes that are no message pause the invocation, live and replayed", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  const broken = { type: MessageType.Run, body: Uint8Array.of(0xff, 0xff), message: undefined };
  const outcome = w.apply({ kind: "attempt-messages", id, attempt: 1, messages: [broken], childIds: [] });
  assert.ok(outcome.outcome.ok);
  const row = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([row.status, row.journalLength], ["paused", 1]);
  w.restart();
});

test("a completion id that is in use is refused to every command", () => {
  const reuses: ReadonlyArray<(completionId: number) => SdkMessage> = [
    (completionId) => ({ type: MessageType.Run, completionId }),
    (completionId) => ({ type: MessageType.Sleep, completionId, wakeUpAt: 0 }),
    (completionId) => ({ type: MessageType.GetLazyState, completionId, key: "k" }),
    (completionId) => ({ type: MessageType.GetLazyStateKeys, completionId }),
    (completionId) => ({ type: MessageType.GetPromise, completionId, key: "k" }),
    (completionId) => ({ type: MessageType.PeekPromise, completionId, key: "k" }),
    (completionId) => ({
      type: MessageType.CompletePromise,
      completionId,
      key: "k",
      result: { kind: "void" },
    }),
    (completionId) => ({ type: MessageType.Reschedule, completionId, target: "i", invokeAt: 0 }),
    (completionId) => ({
      type: MessageType.AttachInvocation,
      completionId,
      target: { kind: "invocation", id: "i" },
    }),
    (completionId) => ({
      type: MessageType.GetInvocationOutput,
      completionId,
      target: { kind: "invocation", id: "i" },
    }),
    (completionId) => ({ ...CALL, completionId, invocationIdCompletionId: 99 }),
    (completionId) => ({ ...CALL, completionId: 99, invocationIdCompletionId: completionId }),
    (completionId) => ({
      ...CALL,
      completionId: completionId + 1,
      invocationIdCompletionId: completionId + 1,
    }),
    (completionId) => ({
      ...CALL,
      type: MessageType.OneWayCall,
      invokeAt: 0,
      invocationIdCompletionId: completionId,
    }),
  ];
  for (const reuse of reuses) {
    const w = new World({ services: [workflow("flow", [])] });
    const id = w.invoke("flow/k/run");
    const a = w.attempt(id);
    const message = reuse(a.sleep(1_000));
    const record = { kind: "attempt-messages", id, attempt: 1, messages: [sessionMessage(message)] } as const;
    w.apply({ ...record, childIds: ["child"] });
    const row = w.tables.invocations.get(id) ?? assert.fail();
    assert.deepEqual([row.status, row.journalLength], ["paused", 2], describeMessage(message));
    w.restart();
  }
});

const CALL = {
  type: MessageType.Call,
  service: "flow",
  key: "other",
  handler: "run",
  parameter: new Uint8Array(0),
  headers: [],
} as const;

test("a journal that is full takes no further command, and lets its handler come to its end", () => {
  const w = new World({ settings: { journalEntriesMax: 3 }, services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.run("one");
  a.run("two");
  a.run("three");
  const row = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([row.status, row.lastFailure?.code, row.journalLength], ["paused", "journal-too-long", 3]);
  assert.match(row.lastFailure?.message ?? "", /journalEntriesMax is 3/);
  w.must({ kind: "resume", id, deployment: undefined });
  w.attempt(id).return("enough");
  assert.equal(w.tables.invocations.get(id)?.status, "completed");
});

test("a journal with too many bytes takes no further command", () => {
  const w = new World({ settings: { journalBytesMax: 100 }, services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send", { input: "x".repeat(60) });
  w.attempt(id).run("a name of more than twenty bytes");
  const row = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([row.status, row.lastFailure?.code, row.journalLength], ["paused", "journal-too-long", 1]);
  assert.match(row.lastFailure?.message ?? "", /journalBytesMax is 100/);
});
