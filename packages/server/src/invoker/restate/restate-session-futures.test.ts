/** What version 7 of the Restate protocol changes in a session. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { JournalEntry } from "@holdfast/engine";
import {
  CANCEL_SIGNAL,
  decodeMessage,
  encodeMessage,
  ErrorBehavior,
  FUTURE_DEPTH_MAX,
  MessageType,
  type ErrorMessage,
  type Message,
  type SuspensionMessage,
} from "@holdfast/protocol";

import { frameOf } from "./scripted-restate.contract.ts";
import { entry, input, open, signal, slept, turn } from "./session-rig.contract.ts";

const AWAITING_ON = 0x0006;
const version = 7;
const EMPTY = new Uint8Array(0);

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));

/** A frame of a proposal that asks for its acknowledgement. */
function proposal(completionId: number): Uint8Array {
  const result = { kind: "value", value: Uint8Array.of(1) } as const;
  const message: Message = { type: MessageType.ProposeRunCompletion, completionId, result };
  const frame = frameOf(message.type, encodeMessage(message));
  frame[2] = 0x80;
  return frame;
}

const ran = (completionId: number): JournalEntry =>
  entry({
    type: MessageType.RunCompletion,
    completionId,
    result: { kind: "value", value: Uint8Array.of(1) },
  });
const settled = (index: number): JournalEntry =>
  entry({ type: MessageType.Signal, index, result: { kind: "void" } });

/** Within field 4. */
function nested(body: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = body.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Uint8Array.of(0x22, ...length), body]);
}

/** Any of: completions 1 to 3, all of completion 4 and awakeable 17, the signal "go", a cancel. */
const TREE = nested(
  Buffer.concat([
    nested(
      Buffer.concat([hex("0a 03 010203"), nested(hex("0a 01 04 12 01 11 28 02")), hex("1a 02 676f 28 01")]),
    ),
    hex("12 01 01 28 01"),
  ]),
);

async function awaitedBy(
  body: Uint8Array,
  journal: readonly JournalEntry[],
  hasEnded = true,
): Promise<SuspensionMessage> {
  const { exchange, session, heard, begin } = open(journal, { version });
  begin();
  if (hasEnded) session.requestSuspend();
  await turn();
  exchange.listener.onData(frameOf(MessageType.Suspension, body));
  return heard.messages[0] as SuspensionMessage;
}

describe("a session of version 7 of the Restate protocol", () => {
  it("tells the handler the key under which it was called", () => {
    const { exchange, begin } = open([input], { version, start: { idempotencyKey: "once" } });
    begin();
    const body = Buffer.from(exchange.frames[0]?.body ?? EMPTY);
    // Field 12, a text of four bytes, behind the seed.
    assert.match(body.toString("hex"), /480162046f6e6365$/);
    const without = open([input], { version });
    without.begin();
    assert.match(Buffer.from(without.exchange.frames[0]?.body ?? EMPTY).toString("hex"), /4801$/);
    const before = open([input], { version: 6, start: { idempotencyKey: "once" } });
    before.begin();
    assert.match(Buffer.from(before.exchange.frames[0]?.body ?? EMPTY).toString("hex"), /4801$/);
  });

  it("confirms a step by a message of its own where that was asked for, in its place among the notifications", async () => {
    const { exchange, session, heard, begin } = open([input], { version });
    begin();
    exchange.listener.onData(proposal(7));
    session.deliver(slept(1));
    session.ackRun(7, ran(7));
    session.ackRun(8, ran(8));
    session.deliver(slept(2));
    await turn();
    const { SleepCompletion, RunAck, RunCompletion } = MessageType;
    assert.deepEqual(exchange.types().slice(2), [SleepCompletion, RunAck, RunCompletion, SleepCompletion]);
    const ack = exchange.frames[3];
    assert.deepEqual(ack, { type: RunAck, flags: 0, body: hex("08 07") });
    assert.equal(heard.messages.length, 1);
  });

  it("passes over what a handler says it is waiting for, however often", () => {
    const { exchange, heard, begin } = open([input], { version });
    begin();
    for (let times = 0; times < 3; times++)
      exchange.listener.onData(frameOf(AWAITING_ON, hex("0a 04 0a 01 01 28 01")));
    exchange.listener.onData(
      frameOf(MessageType.Run, encodeMessage({ type: MessageType.Run, completionId: 1 })),
    );
    assert.deepEqual([heard.messages.length, heard.lost], [1, undefined]);
  });

  it("leaves it to the SDK whether an error is tried again", () => {
    for (const behavior of Object.values(ErrorBehavior)) {
      const { heard, say, begin } = open([input], { version });
      begin();
      say({ type: MessageType.Error, code: 500, message: "no", stacktrace: "", behavior });
      assert.equal((heard.messages[0] as ErrorMessage).behavior, behavior);
      assert.deepEqual(decodeMessage(MessageType.Error, heard.bodies[0] ?? EMPTY), heard.messages[0]);
    }
  });

  it("refuses scopes, which there are none of", () => {
    const call = { service: "a", handler: "b", key: "", parameter: EMPTY, headers: [] };
    const ids = { invocationIdCompletionId: 1, completionId: 2 };
    const cases: ReadonlyArray<readonly [Message, string]> = [
      [{ type: MessageType.Call, ...call, ...ids }, "3a 01 78"],
      [{ type: MessageType.Call, ...call, ...ids }, "42 01 78"],
      [{ type: MessageType.OneWayCall, ...call, invokeAt: 0, invocationIdCompletionId: 1 }, "42 01 78"],
      [{ type: MessageType.OneWayCall, ...call, invokeAt: 0, invocationIdCompletionId: 1 }, "4a 01 78"],
    ];
    for (const [message, field] of cases) {
      const { exchange, heard, begin } = open([input], { version });
      begin();
      exchange.listener.onData(frameOf(message.type, encodeMessage(message)));
      assert.equal(heard.lost, undefined);
      exchange.listener.onData(frameOf(message.type, Buffer.concat([encodeMessage(message), hex(field)])));
      assert.match(heard.lost ?? "", /^protocol-violation: .* asks for a scope or a limit key/);
    }
    for (const target of ["1a 03 2a 01 78", "22 03 1a 01 78"]) {
      const { exchange, heard, begin } = open([input], { version });
      begin();
      exchange.listener.onData(
        frameOf(MessageType.AttachInvocation, Buffer.concat([hex(target), hex("58 01")])),
      );
      assert.match(heard.lost ?? "", /^protocol-violation: AttachInvocation asks for a scope/);
    }
  });
});

describe("a suspension of version 7 of the Restate protocol", () => {
  it("waits for every leaf of its tree, each once", async () => {
    const suspension = await awaitedBy(TREE, [input]);
    assert.deepEqual(suspension, {
      type: MessageType.Suspension,
      completions: [4, 1, 2, 3],
      signals: [17, CANCEL_SIGNAL],
      namedSignals: [["go", 0]],
    });
  });

  it("waits for nothing that the handler was told, but for another cancel and another signal of a name", async () => {
    const journal = [input, slept(2), settled(17), settled(CANCEL_SIGNAL), signal("go")];
    assert.deepEqual(await awaitedBy(TREE, journal), {
      type: MessageType.Suspension,
      completions: [4, 1, 3],
      signals: [CANCEL_SIGNAL],
      namedSignals: [["go", 1]],
    });
  });

  it("counts a confirmed step as told, and one that was confirmed too late as not", async () => {
    for (const isLate of [false, true]) {
      const { exchange, session, heard, begin } = open([input], { version });
      begin();
      exchange.listener.onData(proposal(1));
      if (isLate) session.requestSuspend();
      session.ackRun(1, ran(1));
      session.requestSuspend();
      await turn();
      exchange.listener.onData(frameOf(MessageType.Suspension, hex("22 06 0a 02 01 05 28 02")));
      assert.deepEqual((heard.messages[1] as SuspensionMessage).completions, isLate ? [1, 5] : [5]);
    }
  });

  it("of an SDK that has not read to the end waits for all of it", async () => {
    assert.deepEqual(
      (await awaitedBy(hex("22 06 0a 02 01 02 28 02"), [input, slept(2)], false)).completions,
      [1, 2],
    );
  });

  it("that waits for what the handler was told alone is left for the fold to refuse", async () => {
    assert.deepEqual((await awaitedBy(hex("22 05 0a 01 02 28 02"), [input, slept(2)])).completions, [2]);
  });

  it("that waits for nothing breaks the protocol, in the old form too", () => {
    for (const body of ["", "22 00", "0a 01 01", "22 02 22 00"]) {
      const { exchange, heard, begin } = open([input], { version });
      begin();
      exchange.listener.onData(frameOf(MessageType.Suspension, hex(body)));
      assert.match(heard.lost ?? "", /^protocol-violation: Suspension waits for nothing/);
    }
  });

  it("may be nested as deep as the limit and no deeper", () => {
    for (const [depth, lost] of [
      [FUTURE_DEPTH_MAX, undefined],
      [
        FUTURE_DEPTH_MAX + 1,
        "future-too-deep: Suspension waits for promises that are combined in more than 100 levels; combine them in fewer",
      ],
      [
        10_000,
        "future-too-deep: Suspension waits for promises that are combined in more than 100 levels; combine them in fewer",
      ],
    ] as const) {
      let body: Uint8Array = hex("0a 01 01");
      for (let level = 0; level < depth; level++) body = nested(body);
      const { exchange, heard, begin } = open([input], { version });
      begin();
      exchange.listener.onData(frameOf(MessageType.Suspension, body));
      assert.equal(heard.lost, lost);
    }
  });
});

describe("what only version 7 knows", () => {
  it("breaks the protocol before", () => {
    const frames = [proposal(1), frameOf(AWAITING_ON, hex("0a 04 0a 01 01 28 01"))];
    for (const frame of frames) {
      const { exchange, heard, begin } = open([input], { version: 6 });
      begin();
      exchange.listener.onData(frame);
      assert.match(heard.lost ?? "", /^protocol-violation: /);
    }
  });
});
