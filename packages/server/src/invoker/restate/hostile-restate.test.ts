/** An endpoint of the Restate protocol that lies, rambles, breaks off or is none. Only its own invocation may suffer. */
import assert from "node:assert/strict";
import { constants } from "node:http2";
import { afterEach, beforeEach, describe, it } from "node:test";

import { checkTables } from "@holdfast/engine";
import { encodeMessage, ErrorBehavior, MessageType, type HandlerRef, type Message } from "@holdfast/protocol";

import { eventually, pause, SessionWorld } from "../session-harness.contract.ts";
import { frameOf, ScriptedRestate, type ScriptedAttempt } from "./scripted-restate.contract.ts";

const script = {
  go: { service: "script", handler: "go", kind: "plain" } as HandlerRef<[], string>,
  other: { service: "script", handler: "other", kind: "plain" } as HandlerRef<[], string>,
};
const ATTEMPTS_MAX = 3;
const retryPolicy = {
  initialIntervalMs: 2,
  factor: 1,
  maxIntervalMs: 2,
  maxAttempts: ATTEMPTS_MAX,
  onMaxAttempts: "pause",
} as const;

let endpoint: ScriptedRestate;
let world: SessionWorld;

function freshForEachTest(): void {
  beforeEach(async () => {
    endpoint = await ScriptedRestate.listen();
    world = await SessionWorld.open(
      { endpoints: new Map(), url: endpoint.url, close: () => endpoint.close() },
      { limits: { messageBytesMax: 100_000 }, settings: { retryPolicy } },
    );
  });

  afterEach(async () => {
    await world.close();
  });
}

/** Runs `misbehave` in every attempt of `go`, with one of `other` beside it. Returns the invocation of `go`, at rest. */
async function besideAnother(misbehave: (attempt: ScriptedAttempt) => void): Promise<string> {
  let beside: ScriptedAttempt | undefined;
  endpoint.onAttempt = (attempt) => {
    if (attempt.handler === "other") beside = attempt;
    else misbehave(attempt);
  };
  const other = await world.client.send(script.other);
  await eventually(() => beside !== undefined, "the attempt beside");
  beside?.answer();
  const { invocationId } = await world.client.send(script.go);
  await eventually(
    () => ["paused", "completed", "suspended"].includes(world.status(invocationId)),
    "an end of the misbehaviour",
  );
  beside?.finish("unharmed");
  assert.equal(await other.attach(), "unharmed");
  assert.equal(world.row(other.invocationId).attempt, 1, "the attempt beside was not lost");
  assert.deepEqual(world.failures, []);
  assert.deepEqual(checkTables(world.engine.tables).problems, []);
  return invocationId;
}

const NOTHING = new Uint8Array(0);
const run = (completionId: number): Message => ({ type: MessageType.Run, completionId });
const END = frameOf(MessageType.End, NOTHING);

/** Answers as a session begins, and goes on with these bytes. */
const says =
  (...parts: readonly Uint8Array[]) =>
  (attempt: ScriptedAttempt): void => {
    attempt.answer();
    attempt.sendBytes(Buffer.concat(parts));
  };
const saysMessage = (message: Message): ((attempt: ScriptedAttempt) => void) =>
  says(frameOf(message.type, encodeMessage(message)));
const answers =
  (status: number, headers: Readonly<Record<string, string>> = {}) =>
  (attempt: ScriptedAttempt): void => {
    attempt.answer(status, headers);
    attempt.stream.end("<html>secret</html>");
  };
const header = (type: number, flags: number, length: number): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16BE(type, 0);
  bytes.writeUInt16BE(flags, 2);
  bytes.writeUInt32BE(length, 4);
  return bytes;
};

describe("what is no session uses up the attempts of the retry policy, and then pauses with a reason:", () => {
  freshForEachTest();

  const cases: ReadonlyArray<{
    readonly name: string;
    readonly misbehave: (attempt: ScriptedAttempt) => void;
    readonly reason: RegExp;
  }> = [
    {
      name: "a web page",
      misbehave: answers(200, { "content-type": "text/html; charset=utf-8" }),
      reason:
        /^endpoint-refused: .*answered 200 with text\/html instead of application\/vnd.restate.invocation.v6/,
    },
    {
      name: "another version of the protocol",
      misbehave: answers(200, { "content-type": "application/vnd.restate.invocation.v5" }),
      reason: /^endpoint-refused: .*with application\/vnd.restate.invocation.v5 instead of/,
    },
    {
      name: "a redirect",
      misbehave: answers(302, { location: "http://elsewhere.invalid" }),
      reason: /^endpoint-refused: .*302: redirects are not followed/,
    },
    { name: "401", misbehave: answers(401), reason: /^endpoint-refused: .*401: .*identity key/ },
    {
      name: "404",
      misbehave: answers(404),
      reason: /^endpoint-refused: .*404: it does not serve this handler/,
    },
    { name: "413", misbehave: answers(413), reason: /^endpoint-refused: .*413: .*larger/ },
    { name: "429", misbehave: answers(429), reason: /^endpoint-refused: .*429: it is overloaded/ },
    { name: "500", misbehave: answers(500), reason: /^endpoint-refused: .*answered 500/ },
    { name: "502", misbehave: answers(502), reason: /^endpoint-refused: .*gateway answered 502/ },
    { name: "503", misbehave: answers(503), reason: /^endpoint-refused: .*503: it is overloaded/ },
    {
      name: "an answer that ends at once",
      misbehave: (attempt) => {
        attempt.answer();
        attempt.stream.end();
      },
      reason: /^connection-lost: .*ended its response without saying how/,
    },
    {
      name: "a stream that is reset",
      misbehave: (attempt) => {
        attempt.answer();
        attempt.stream.destroy(new Error("not one byte more"));
      },
      reason: /^connection-lost: .*reset \(INTERNAL_ERROR\)/,
    },
    {
      name: "a message type that does not exist",
      misbehave: says(header(0x0222, 0, 0)),
      reason: /^protocol-violation: .*0x0222/,
    },
    {
      name: "a command type that does not exist",
      misbehave: says(header(0x04ff, 0, 0)),
      reason: /^protocol-violation: .*0x04ff/,
    },
    {
      name: "a message that only our own SDK sends",
      misbehave: saysMessage({
        type: MessageType.RunAttemptFailed,
        completionId: 1,
        failure: { code: 500, message: "" },
        failures: 1,
        nextDelayMs: 1,
      }),
      reason: /^protocol-violation: An SDK may not send RunAttemptFailed/,
    },
    {
      name: "a command that only our own SDK sends",
      misbehave: saysMessage({ type: MessageType.Reschedule, target: "inv_1", invokeAt: 1, completionId: 1 }),
      reason: /^protocol-violation: An SDK may not send Reschedule/,
    },
    {
      name: "a Start",
      misbehave: (attempt) => {
        attempt.answer();
        attempt.stream.once("data", (chunk: Uint8Array) => attempt.sendBytes(chunk));
      },
      reason: /^protocol-violation: An SDK may not send Start/,
    },
    {
      name: "an input",
      misbehave: saysMessage({ type: MessageType.Input, headers: [], value: NOTHING }),
      reason: /^protocol-violation: An SDK may not send Input/,
    },
    {
      name: "a completion",
      misbehave: saysMessage({ type: MessageType.RunCompletion, completionId: 1, result: { kind: "void" } }),
      reason: /^protocol-violation: An SDK may not send RunCompletion/,
    },
    {
      name: "a signal",
      misbehave: saysMessage({ type: MessageType.Signal, index: 17, result: { kind: "void" } }),
      reason: /^protocol-violation: An SDK may not send Signal/,
    },
    {
      name: "an acknowledgement",
      misbehave: saysMessage({ type: MessageType.RunAck, completionId: 1 }),
      reason: /^protocol-violation: An SDK may not send RunAck/,
    },
    {
      name: "a request for an acknowledgement that does not exist",
      misbehave: says(header(MessageType.Run, 0x8000, 2), encodeMessage(run(1))),
      reason: /^protocol-violation: Run has the flags 0x8000/,
    },
    {
      name: "a body that is no message",
      misbehave: says(header(MessageType.Run, 0, 4), Buffer.from("ffffffff", "hex")),
      reason: /^protocol-violation: /,
    },
    {
      name: "a suspension that waits for nothing",
      misbehave: says(header(MessageType.Suspension, 0, 0)),
      reason: /^protocol-violation: Suspension waits for nothing/,
    },
  ];
  for (const { name, misbehave, reason } of cases) {
    it(name, async () => {
      const id = await besideAnother(misbehave);
      assert.equal(world.row(id).attempt, ATTEMPTS_MAX);
      const failed = world.row(id).events.find(({ kind }) => kind === "attempt-failed");
      assert.match(`${failed?.code}: ${failed?.message}`, reason);
      assert.match(world.reason(id), /Paused after 3 failed attempts/);
      assert.doesNotMatch(JSON.stringify(world.row(id).events), /secret|elsewhere/);
    });
  }
});

describe("what no other attempt would mend pauses at once:", () => {
  freshForEachTest();

  it("a message that is larger than the limit, before it has come", async () => {
    const id = await besideAnother(says(header(MessageType.Output, 0, 100_001)));
    assert.equal(world.row(id).attempt, 1);
    assert.equal(
      world.reason(id),
      "message-too-large: A message of 100001 bytes is larger than the limit session.messageBytesMax (100000)",
    );
  });

  it("a message of four gigabytes", async () => {
    const id = await besideAnother(says(header(MessageType.Output, 0, 0xffffffff), NOTHING));
    assert.match(world.reason(id), /^message-too-large: A message of 4294967295 bytes/);
  });

  it("a completion id that is in use", async () => {
    const step = frameOf(MessageType.Run, encodeMessage(run(1)));
    const id = await besideAnother(says(step, step));
    assert.match(world.reason(id), /^protocol-violation: Completion id 1 is not free/);
  });
});

describe("an attempt of a Restate SDK", () => {
  freshForEachTest();

  it("that is cut off after any byte is tried again, and counts what it had said", async () => {
    const step = frameOf(MessageType.Run, encodeMessage({ ...run(1), name: "step" } as Message));
    const result = frameOf(
      MessageType.ProposeRunCompletion,
      encodeMessage({
        type: MessageType.ProposeRunCompletion,
        completionId: 1,
        result: { kind: "value", value: new TextEncoder().encode("1") },
      }),
    );
    const session = Buffer.concat([step, result]);
    for (let cut = 0; cut <= session.length; cut++) {
      let attempts = 0;
      endpoint.onAttempt = (attempt) => {
        attempts += 1;
        attempt.answer();
        if (attempts > 1) {
          attempt.finish("whole");
          return;
        }
        attempt.stream.end(session.subarray(0, cut));
      };
      const { invocationId } = await world.client.send(script.go);
      assert.equal(await world.client.handle(invocationId).attach(), "whole");
      const recorded = world.journal(invocationId).map(({ type }) => type);
      const expected = [
        MessageType.Input,
        ...(cut >= step.length ? [MessageType.Run] : []),
        ...(cut >= session.length ? [MessageType.RunCompletion] : []),
        MessageType.Output,
      ];
      assert.deepEqual(recorded, expected, `cut after ${cut}`);
    }
    assert.deepEqual(checkTables(world.engine.tables).problems, []);
  });

  it("that the endpoint refused to begin is no failure of the handler", async () => {
    let attempts = 0;
    endpoint.onAttempt = (attempt) => {
      attempts += 1;
      if (attempts <= 5) attempt.stream.close(constants.NGHTTP2_REFUSED_STREAM);
      else {
        attempt.answer();
        attempt.finish("begun");
      }
    };
    assert.equal(await world.client.call(script.go), "begun");
  });

  it("whose version of the protocol is gone does not use up the policy's attempts", async () => {
    let attempts = 0;
    endpoint.onAttempt = (attempt) => {
      attempts += 1;
      attempt.answer(attempts <= 5 ? 415 : 200);
      if (attempts <= 5) attempt.stream.end();
      else attempt.finish("spoken");
    };
    assert.equal(await world.client.call(script.go), "spoken");
  });

  it("is tried again when the endpoint asked for that, and such waits are not counted", async () => {
    let attempts = 0;
    endpoint.onAttempt = (attempt) => {
      attempts += 1;
      if (attempts > 5) {
        attempt.answer();
        attempt.finish("ready");
        return;
      }
      attempt.answer(503, { "retry-after": "0" });
      attempt.stream.end();
    };
    assert.equal(await world.client.call(script.go), "ready");
  });

  it("ends in its last message, whatever the endpoint says behind it", async () => {
    endpoint.onAttempt = (attempt) => {
      attempt.answer();
      attempt.finish("over");
      attempt.sendBytes(Buffer.concat([END, header(0x0222, 0xffff, 0xffffffff), Buffer.alloc(1_000_000)]));
    };
    assert.equal(await world.client.call(script.go), "over");
    await eventually(() => endpoint.attempts[0]?.closedWith !== undefined, "the end of the stream");
    assert.equal(endpoint.attempts[0]?.hasEnded, true);
  });

  it("hears the end of the request at once when it has ended", async () => {
    endpoint.onAttempt = (attempt) => {
      attempt.answer();
      attempt.send({
        type: MessageType.Error,
        code: 500,
        message: "no",
        stacktrace: "",
        behavior: ErrorBehavior.Retry,
      });
      attempt.stream.on("end", () => attempt.stream.end());
    };
    const { invocationId } = await world.client.send(script.go);
    await eventually(() => world.status(invocationId) === "paused", "the pause");
    await eventually(
      () => endpoint.attempts.every(({ closedWith }) => closedWith === constants.NGHTTP2_NO_ERROR),
      "the ends of all streams, none by a reset",
    );
  });

  it("is reset with CANCEL when it is killed", async () => {
    endpoint.onAttempt = (attempt) => attempt.answer();
    const { invocationId } = await world.client.send(script.go);
    await eventually(() => (endpoint.attempts[0]?.received.length ?? 0) === 2, "Start and input");
    await world.request({ kind: "kill", id: invocationId });
    await eventually(() => endpoint.attempts[0]?.closedWith === constants.NGHTTP2_CANCEL, "the reset");
  });

  it("may not decide, before version 7, what becomes of it", async () => {
    endpoint.onAttempt = (attempt) => {
      attempt.answer();
      const behavior = ErrorBehavior.Fail;
      attempt.send({ type: MessageType.Error, code: 500, message: "no", stacktrace: "", behavior });
    };
    const { invocationId } = await world.client.send(script.go);
    await eventually(() => world.status(invocationId) === "paused", "the pause");
    assert.equal(world.row(invocationId).attempt, ATTEMPTS_MAX);
  });

  it("gets its steps confirmed by their completions, in their place among the notifications", async () => {
    endpoint.onAttempt = (attempt) => {
      attempt.answer();
      attempt.send(run(1), { type: MessageType.Sleep, completionId: 2, wakeUpAt: 1 });
      const result = { kind: "value", value: new TextEncoder().encode("1") } as const;
      attempt.send({ type: MessageType.ProposeRunCompletion, completionId: 1, result });
    };
    const { invocationId } = await world.client.send(script.go);
    await eventually(() => (endpoint.attempts[0]?.received.length ?? 0) === 4, "both notifications");
    const notifications = world.journal(invocationId).filter(({ type }) => type >= 0x8000);
    assert.deepEqual(endpoint.attempts[0]?.messages().slice(2), notifications);
    assert.deepEqual(
      new Set(notifications.map(({ type }) => type)),
      new Set([MessageType.RunCompletion, MessageType.SleepCompletion]),
    );
    await pause(10);
    assert.equal(endpoint.attempts.length, 1);
  });
});
