/** The order in which a session writes and reads, when it stops doing either, and how long it waits for an SDK's end. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { decodeMessage, encodeMessage, MessageType, type SuspensionMessage } from "@holdfast/protocol";

import { frameOf } from "./scripted-restate.contract.ts";
import { entry, input, open, signal, slept, turn } from "./session-rig.contract.ts";

const DRAIN_TIMEOUT_MS = 5_000;

describe("a session of the Restate protocol", () => {
  it("begins with Start and the whole journal in its order, once it may write", () => {
    const { exchange, begin } = open([input, slept(1), signal("a")]);
    assert.deepEqual(exchange.log, []);
    begin();
    assert.deepEqual(exchange.types(), [
      MessageType.Start,
      MessageType.Input,
      MessageType.SleepCompletion,
      MessageType.Signal,
    ]);
    assert.deepEqual(exchange.log, ["write"]);
  });

  it("in request/response mode ends the request behind the journal, and says nothing more", async () => {
    const { exchange, session, begin } = open([input], { isRequestResponse: true });
    begin();
    session.deliver(slept(1));
    session.ackRun(2, slept(2));
    session.requestSuspend();
    await turn();
    assert.deepEqual(exchange.log, ["write", "end"]);
  });

  it("delivers notifications and confirmations in their order, those of one turn together", async () => {
    const { exchange, session, begin } = open();
    begin();
    const run = entry({
      type: MessageType.RunCompletion,
      completionId: 7,
      result: { kind: "value", value: new Uint8Array(1) },
    });
    session.deliver(slept(1));
    session.ackRun(7, run);
    session.deliver(slept(2));
    await turn();
    const { SleepCompletion, RunCompletion } = MessageType;
    assert.deepEqual(exchange.types().slice(2), [SleepCompletion, RunCompletion, SleepCompletion]);
    assert.deepEqual(exchange.log, ["write", "write"]);
  });

  it("asks to suspend by ending the request behind what was delivered before", async () => {
    const { exchange, session, begin } = open();
    begin();
    session.deliver(slept(1));
    session.requestSuspend();
    session.deliver(slept(2));
    await turn();
    assert.deepEqual(exchange.types().slice(2), [MessageType.SleepCompletion]);
    assert.deepEqual(exchange.log, ["write", "write", "end"]);
  });

  it("writes no more than it may, and goes on where it stopped", async () => {
    const large = entry({ type: MessageType.Input, headers: [], value: new Uint8Array(100_000) });
    const { exchange, session, begin } = open([
      large,
      ...Array.from({ length: 5 }, (_, at) => slept(at + 1)),
    ]);
    exchange.room = 1;
    begin();
    session.requestSuspend();
    await turn();
    assert.deepEqual([exchange.log, exchange.types()], [["write"], [MessageType.Start]]);
    exchange.room = 1;
    exchange.listener.onWritable();
    assert.deepEqual(exchange.types(), [MessageType.Start, MessageType.Input]);
    exchange.room = Number.POSITIVE_INFINITY;
    exchange.listener.onWritable();
    assert.equal(exchange.frames.length, 7);
    assert.deepEqual(exchange.log, ["write", "write", "write", "end"]);
  });

  it("reads on while it cannot write", () => {
    const { exchange, heard, say, begin } = open();
    exchange.room = 1;
    begin();
    say({ type: MessageType.Run, completionId: 1 });
    assert.equal(heard.messages.length, 1);
    assert.ok(!exchange.log.includes("pause"));
  });

  it("stops reading while the engine has a megabyte to take care of", () => {
    const { exchange, session, heard, say, begin } = open();
    begin();
    const value = { kind: "value", value: new Uint8Array(400_000) } as const;
    for (let id = 1; id <= 3; id++)
      say({ type: MessageType.ProposeRunCompletion, completionId: id, result: value });
    assert.deepEqual(exchange.log, ["write", "pause"]);
    session.consumed(heard.bytes[0] ?? 0);
    assert.deepEqual(exchange.log, ["write", "pause"], "half of it is still to do");
    session.consumed((heard.bytes[1] ?? 0) + (heard.bytes[2] ?? 0));
    assert.deepEqual(exchange.log, ["write", "pause", "resume"]);
  });

  it("stops reading messages without a body, too, while the engine has thousands of them to take care of", () => {
    const { exchange, session, heard, say, begin } = open();
    begin();
    for (let sent = 0; sent < 10_000 && !exchange.log.includes("pause"); sent++)
      say({ type: MessageType.ClearAllState });
    assert.deepEqual(exchange.log, ["write", "pause"]);
    session.consumed(heard.bytes.reduce((sum, bytes) => sum + bytes, 0));
    assert.deepEqual(exchange.log, ["write", "pause", "resume"]);
  });

  it("tells a suspension which signals of a name the handler has seen: those that were sent", async () => {
    const { session, heard, say, begin } = open([input, signal("a"), signal("b")]);
    begin();
    session.deliver(signal("a"));
    session.requestSuspend();
    session.deliver(signal("a"));
    await turn();
    const namedSignals = ["a", "b", "c"].map((name) => [name, 0] as const);
    say({ type: MessageType.Suspension, completions: [1], signals: [1], namedSignals });
    const [suspension] = heard.messages as [SuspensionMessage];
    assert.deepEqual(suspension.namedSignals, [
      ["a", 2],
      ["b", 1],
      ["c", 0],
    ]);
    assert.deepEqual(decodeMessage(MessageType.Suspension, heard.bodies[0] ?? new Uint8Array(0)), suspension);
  });

  it("gives the bytes of a command on as they came, with what it does not know in them", () => {
    const { exchange, heard, begin } = open();
    begin();
    const body = Buffer.concat([
      encodeMessage({ type: MessageType.Run, completionId: 1, name: "step" }),
      // Field 99, a text of one letter.
      Buffer.from("9a060178", "hex"),
    ]);
    exchange.listener.onData(frameOf(MessageType.Run, body));
    assert.deepEqual(Buffer.from(heard.bodies[0] ?? []), body);
  });

  it("gives an SDK a while to end its response, and then resets the stream", () => {
    const { clock, exchange, say, begin } = open();
    begin();
    say({ type: MessageType.End });
    assert.deepEqual(exchange.log, ["write", "end"]);
    assert.deepEqual(clock.waits, [DRAIN_TIMEOUT_MS]);
    clock.runOut(DRAIN_TIMEOUT_MS);
    assert.deepEqual(exchange.log, ["write", "end", "cancel"]);
  });

  it("waits for nothing when the SDK ends its response", () => {
    const { clock, exchange, heard, say, begin } = open();
    begin();
    say({ type: MessageType.End });
    exchange.listener.onEnd();
    assert.deepEqual([clock.waits, heard.lost], [[], undefined]);
    assert.deepEqual(exchange.log, ["write", "end"]);
  });

  it("that is aborted resets the stream and hears nothing more", () => {
    const { exchange, session, heard, say, begin } = open();
    begin();
    session.abort("killed");
    say({ type: MessageType.End });
    exchange.listener.onBroken("gone", true);
    session.abort("again");
    assert.deepEqual([heard.messages, heard.lost], [[], undefined]);
    assert.deepEqual(exchange.log, ["write", "cancel"]);
  });

  it("sends a caller an empty value where the callee returned nothing", () => {
    const answers = [MessageType.CallCompletion, MessageType.AttachInvocationCompletion] as const;
    for (const type of answers) {
      const completion = entry({ type, completionId: 2, result: { kind: "void" } });
      const { exchange, begin } = open([input, completion]);
      begin();
      const sent = decodeMessage(type, exchange.frames.at(-1)?.body ?? new Uint8Array(0));
      assert.deepEqual(sent, { type, completionId: 2, result: { kind: "value", value: new Uint8Array(0) } });
    }
  });
});
