import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { commandDifference, sameCommand } from "./command-comparison.ts";
import { commandArbitraries } from "./message-arbitrary.contract.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { MessageType, type CallCommand, type Command, type Failure } from "./message.ts";

const utf8 = new TextEncoder();

const CALL: CallCommand = {
  type: MessageType.Call,
  service: "Router",
  handler: "promote",
  key: "eu",
  parameter: utf8.encode('{"version":1}'),
  headers: [["x-tenant", "a"]],
  idempotencyKey: "once",
  invocationIdCompletionId: 1,
  completionId: 2,
};

const FAILURE: Failure = { code: 500, message: "no" };

test("a command is the same as itself after a round trip, wherever it was issued", () => {
  for (const arbitrary of Object.values(commandArbitraries)) {
    fc.assert(
      fc.property(arbitrary, fc.string(), fc.nat(), (command, callSite, inputHash) => {
        const again = decodeMessage(command.type, encodeMessage(command)) as Command;
        assert.ok(sameCommand(command, again));
        assert.ok(sameCommand({ ...command, callSite, inputHash }, again));
      }),
      { numRuns: 30 },
    );
  }
});

/** Pairs that differ in one field each. The field is what the difference must name. */
const DIFFERENT: ReadonlyArray<readonly [field: string, recorded: Command, now: Command]> = [
  ["type", CALL, { type: MessageType.Run, completionId: 2 }],
  [
    "name",
    { type: MessageType.Run, completionId: 1, name: "charge" },
    { type: MessageType.Run, completionId: 1 },
  ],
  ["completionId", { type: MessageType.Run, completionId: 1 }, { type: MessageType.Run, completionId: 2 }],
  ["service", CALL, { ...CALL, service: "Other" }],
  ["handler", CALL, { ...CALL, handler: "demote" }],
  ["key", CALL, { ...CALL, key: "us" }],
  ["parameter", CALL, { ...CALL, parameter: utf8.encode('{"version":2}') }],
  ["headers", CALL, { ...CALL, headers: [["x-tenant", "b"]] }],
  ["headers", CALL, { ...CALL, headers: [] }],
  ["idempotencyKey", CALL, { ...CALL, idempotencyKey: "twice" }],
  ["invocationIdCompletionId", CALL, { ...CALL, invocationIdCompletionId: 5 }],
  ["completionId", CALL, { ...CALL, completionId: 3 }],
  ["key", { type: MessageType.ClearState, key: "a" }, { type: MessageType.ClearState, key: "b" }],
  [
    "value",
    { type: MessageType.SetState, key: "a", value: utf8.encode("1") },
    { type: MessageType.SetState, key: "a", value: utf8.encode("10") },
  ],
  [
    "result",
    { type: MessageType.Output, result: { kind: "value", value: utf8.encode("1") } },
    { type: MessageType.Output, result: { kind: "failure", failure: FAILURE } },
  ],
  [
    "failure",
    { type: MessageType.Output, result: { kind: "failure", failure: FAILURE } },
    {
      type: MessageType.Output,
      result: { kind: "failure", failure: { ...FAILURE, metadata: [["a", "b"]] } },
    },
  ],
  [
    "signal",
    { type: MessageType.SendSignal, target: "inv", index: 17, result: { kind: "void" } },
    { type: MessageType.SendSignal, target: "inv", signalName: "go", result: { kind: "void" } },
  ],
  [
    "target",
    {
      type: MessageType.AttachInvocation,
      target: { kind: "workflow", service: "a", key: "b" },
      completionId: 1,
    },
    { type: MessageType.AttachInvocation, target: { kind: "invocation", id: "a" }, completionId: 1 },
  ],
  [
    "awakeableId",
    { type: MessageType.CompleteAwakeable, awakeableId: "sign_1a", result: { kind: "void" } },
    { type: MessageType.CompleteAwakeable, awakeableId: "sign_1b", result: { kind: "void" } },
  ],
  [
    "completionId",
    { type: MessageType.CompletePromise, key: "p", result: { kind: "void" }, completionId: 1 },
    { type: MessageType.CompletePromise, key: "p", result: { kind: "void" }, completionId: 2 },
  ],
];

for (const [field, recorded, now] of DIFFERENT) {
  test(`a different ${field} is found in command 0x${recorded.type.toString(16)}`, () => {
    assert.equal(commandDifference(recorded, now)?.field, field);
    assert.equal(commandDifference(now, recorded)?.field, field);
    assert.ok(!sameCommand(recorded, now));
  });
}

/** What may differ without harm. */
const SAME: ReadonlyArray<readonly [what: string, recorded: Command, now: Command]> = [
  [
    "the time a sleep ends",
    { type: MessageType.Sleep, wakeUpAt: 1, completionId: 1 },
    { type: MessageType.Sleep, wakeUpAt: 2, completionId: 1 },
  ],
  [
    "the time a send starts",
    { ...CALL, type: MessageType.OneWayCall, invokeAt: 1 },
    { ...CALL, type: MessageType.OneWayCall, invokeAt: 2 },
  ],
  [
    "the time a start is moved to",
    { type: MessageType.Reschedule, target: "inv", invokeAt: 1, completionId: 1 },
    { type: MessageType.Reschedule, target: "inv", invokeAt: 2, completionId: 1 },
  ],
  [
    "the state that was read",
    { type: MessageType.GetEagerState, key: "a", value: utf8.encode("1") },
    { type: MessageType.GetEagerState, key: "a", value: undefined },
  ],
  [
    "the state keys that were read",
    { type: MessageType.GetEagerStateKeys, keys: ["a"] },
    { type: MessageType.GetEagerStateKeys, keys: [] },
  ],
  [
    "the input",
    { type: MessageType.Input, headers: [], value: utf8.encode("1") },
    { type: MessageType.Input, headers: [["a", "b"]], value: utf8.encode("2"), name: "x" },
  ],
];

for (const [what, recorded, now] of SAME) {
  test(`${what} is not compared`, () => {
    assert.equal(commandDifference(recorded, now), undefined);
  });
}

test("a difference shows both values for people", () => {
  assert.deepEqual(commandDifference(CALL, { ...CALL, parameter: utf8.encode('{"version":2}') }), {
    field: "parameter",
    recorded: '{"version":1}',
    now: '{"version":2}',
  });
  assert.deepEqual(commandDifference(CALL, { type: MessageType.Run, completionId: 2 }), {
    field: "type",
    recorded: "Call",
    now: "Run",
  });
});

test("a difference deep in long values is cut to where it is", () => {
  const long = (version: number): Uint8Array =>
    utf8.encode(`${"a".repeat(5000)}${version}${"b".repeat(5000)}`);
  const difference = commandDifference({ ...CALL, parameter: long(1) }, { ...CALL, parameter: long(2) });
  assert.match(difference?.recorded ?? "", /^…a{40}1b{79}…$/);
  assert.match(difference?.now ?? "", /^…a{40}2b{79}…$/);
});

test("bytes that are no text differ all the same", () => {
  const difference = commandDifference(
    { ...CALL, parameter: Uint8Array.of(0xff) },
    { ...CALL, parameter: Uint8Array.of(0xfe) },
  );
  assert.deepEqual(difference, { field: "parameter", recorded: "1 bytes", now: "1 other bytes" });
});
