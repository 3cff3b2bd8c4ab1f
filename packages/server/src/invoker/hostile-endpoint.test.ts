/** A handler's process that lies, rambles, floods or comes back from the dead. Only its own invocation may suffer. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { checkTables } from "@holdfast/engine";
import { ErrorBehavior, FrameWriter, MessageType } from "@holdfast/protocol";
import type { HandlerRef, Message } from "@holdfast/protocol";

import {
  bodyOf,
  proposal,
  run,
  ScriptedEndpoint,
  type ScriptedSession,
} from "./scripted-endpoint.contract.ts";
import { eventually, pause, SessionWorld } from "./session-harness.contract.ts";

const script = {
  go: { service: "script", handler: "go", kind: "plain" } as HandlerRef<[], string>,
  other: { service: "script", handler: "other", kind: "plain" } as HandlerRef<[], string>,
};

let endpoint: ScriptedEndpoint;
let world: SessionWorld;

const retryPolicy = {
  initialIntervalMs: 5,
  factor: 1,
  maxIntervalMs: 5,
  maxAttempts: 3,
  onMaxAttempts: "pause",
} as const;

/** A new endpoint and engine for each test of the suite that calls this; hooks outside of one would serve every file. */
function freshForEachTest(): void {
  beforeEach(async () => {
    endpoint = await ScriptedEndpoint.listen();
    world = await SessionWorld.open(
      { endpoints: new Map(), url: endpoint.url, close: () => endpoint.close() },
      { limits: { messageBytesMax: 100_000 }, settings: { retryPolicy } },
    );
  });

  afterEach(async () => {
    await world.close();
  });
}

/** Runs `misbehave` on a session of `go`, with one of `other` open beside it. Returns the invocation of `go`. */
async function besideAnother(misbehave: (session: ScriptedSession) => void): Promise<string> {
  let beside: ScriptedSession | undefined;
  endpoint.onJournal = (session) => {
    if (session.start.handler === "other") beside = session;
    else misbehave(session);
  };
  const other = await world.client.send(script.other);
  await eventually(() => beside !== undefined, "the session beside");
  const { invocationId } = await world.client.send(script.go);
  await eventually(
    () => ["paused", "completed", "suspended"].includes(world.status(invocationId)),
    "an end of the misbehaviour",
  );
  await pause(20);
  beside?.finish("unharmed");
  assert.equal(await other.attach(), "unharmed");
  assert.equal(world.row(other.invocationId).attempt, 1, "the session beside was not lost");
  assert.equal(endpoint.connections.length, 1, "the connection was kept");
  assert.deepEqual(world.failures, []);
  assert.deepEqual(checkTables(world.engine.tables).problems, []);
  return invocationId;
}

const sleep = (completionId: number): Message => ({
  type: MessageType.Sleep,
  completionId,
  wakeUpAt: Date.now() + 3_600_000,
});

const output: Message = { type: MessageType.Output, result: { kind: "void" } };
const NOTHING = new Uint8Array(0);

describe("what a session must not send pauses its invocation with a reason", () => {
  freshForEachTest();

  const cases: ReadonlyArray<{
    readonly name: string;
    readonly send: (session: ScriptedSession) => void;
    readonly reason: RegExp;
  }> = [
    {
      name: "a message type that does not exist",
      send: (session) => session.sendRaw(0x0222, NOTHING),
      reason: /^protocol-violation: /,
    },
    {
      name: "a command type that does not exist",
      send: (session) => session.sendRaw(0x04ff, NOTHING),
      reason: /^protocol-violation: /,
    },
    {
      name: "a body that is no message",
      send: (session) => session.sendRaw(MessageType.Run, Uint8Array.of(0xff, 0xff, 0xff, 0xff)),
      reason: /^protocol-violation: /,
    },
    {
      name: "a Start of its own",
      send: (session) => session.send(session.start),
      reason: /^protocol-violation: /,
    },
    {
      name: "a second input",
      send: (session) => session.send({ type: MessageType.Input, headers: [], value: NOTHING }),
      reason: /^protocol-violation: /,
    },
    {
      name: "a completion, as if it were the engine",
      send: (session) =>
        session.send(run(1), { type: MessageType.RunCompletion, completionId: 1, result: { kind: "void" } }),
      reason: /^protocol-violation: /,
    },
    {
      name: "a signal to itself as a notification",
      send: (session) => session.send({ type: MessageType.Signal, index: 1, result: { kind: "void" } }),
      reason: /^protocol-violation: /,
    },
    {
      name: "an acknowledgement",
      send: (session) => session.send({ type: MessageType.RunAck, completionId: 1 }),
      reason: /^protocol-violation: /,
    },
    {
      name: "a completion id that is in use",
      send: (session) => session.send(run(1), run(1)),
      reason: /^protocol-violation: .*1/,
    },
    {
      name: "a completion id of zero",
      send: (session) => session.sendRaw(MessageType.Run, bodyOf(run(0))),
      reason: /^protocol-violation: /,
    },
    {
      name: "the result of a step for something that is no step",
      send: (session) => session.send(sleep(1), proposal(1)),
      reason: /^protocol-violation: /,
    },
    {
      name: "a failure of a step for something that is no step",
      send: (session) =>
        session.send(sleep(1), {
          type: MessageType.RunAttemptFailed,
          completionId: 1,
          failure: { code: 500, message: "x" },
          failures: 1,
          nextDelayMs: 1,
        }),
      reason: /^protocol-violation: /,
    },
    {
      name: "state in a plain service",
      send: (session) => session.send({ type: MessageType.SetState, key: "k", value: NOTHING }),
      reason: /^state-not-allowed: /,
    },
    {
      name: "a promise outside of a workflow",
      send: (session) => session.send({ type: MessageType.GetPromise, key: "p", completionId: 1 }),
      reason: /^protocol-violation: /,
    },
    {
      name: "a suspension that waits for nothing",
      send: (session) =>
        session.send({ type: MessageType.Suspension, completions: [], signals: [], namedSignals: [] }),
      reason: /^protocol-violation: /,
    },
    {
      name: "a suspension for something it never asked for",
      send: (session) =>
        session.send({ type: MessageType.Suspension, completions: [99], signals: [], namedSignals: [] }),
      reason: /^protocol-violation: .*never asked for/,
    },
    {
      name: "a message that is too large",
      send: (session) => session.sendRaw(MessageType.Output, new Uint8Array(200_000)),
      reason: /^message-too-large: .*200000.*messageBytesMax.*100000/s,
    },
  ];
  for (const { name, send, reason } of cases) {
    it(name, async () => {
      const id = await besideAnother(send);
      assert.equal(world.status(id), "paused");
      assert.match(world.reason(id), reason);
      assert.equal(world.row(id).attempt, 1, "it was not tried again");
    });
  }
});

describe("what a session says behind its end counts for nothing", () => {
  freshForEachTest();

  it("commands behind End", async () => {
    const id = await besideAnother((session) => {
      session.send(run(1), output, { type: MessageType.End }, run(2), proposal(2), output, {
        type: MessageType.End,
      });
    });
    assert.equal(world.status(id), "completed");
    assert.deepEqual(
      world.journal(id).map(({ type }) => type),
      [MessageType.Input, MessageType.Run, MessageType.Output],
    );
  });

  it("commands behind an error", async () => {
    let sessions = 0;
    const id = await besideAnother((session) => {
      sessions += 1;
      session.send(
        {
          type: MessageType.Error,
          code: 500,
          message: "down",
          stacktrace: "",
          behavior: ErrorBehavior.Retry,
        },
        run(sessions),
        { type: MessageType.End },
      );
    });
    assert.equal(world.status(id), "paused");
    assert.equal(sessions, 3);
    assert.equal(world.row(id).commandCount, 1);
  });

  it("commands behind a suspension", async () => {
    const id = await besideAnother((session) => {
      session.send(
        sleep(1),
        { type: MessageType.Suspension, completions: [1], signals: [1], namedSignals: [] },
        run(2),
      );
    });
    assert.equal(world.status(id), "suspended");
    assert.equal(world.row(id).commandCount, 2);
  });

  it("frames of sessions that never were", async () => {
    const id = await besideAnother((session) => {
      const { writer } = session.connection;
      writer.appendMessage(4_000_000, run(1));
      writer.appendCloseSession(77, "whatever");
      writer.appendCredit(78, 1_000);
      session.finish("done");
    });
    assert.equal(world.status(id), "completed");
  });
});

describe("the connection itself", () => {
  freshForEachTest();

  it("takes pings, unknown frame types of the connection, and reasons that cannot be read", async () => {
    const id = await besideAnother((session) => {
      const { writer } = session.connection;
      writer.appendPing(new Uint8Array(5));
      writer.append(0xfc77, 0, new Uint8Array(10));
      writer.append(0xfc77, session.number, new Uint8Array(10));
      session.finish("done");
    });
    assert.equal(world.status(id), "completed");
  });

  it("is given up when it carries garbage; the invocations on it are tried again on a new one", async () => {
    let isFirst = true;
    endpoint.onJournal = (session) => {
      if (isFirst) session.connection.socket.write(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
      else session.finish("second connection");
      isFirst = false;
    };
    const handle = await world.client.send(script.go);
    assert.equal(await handle.attach(), "second connection");
    assert.equal(endpoint.connections.length, 2);
    await eventually(() => endpoint.connections[0]?.isClosed === true, "the end of the first connection");
    assert.deepEqual(world.failures, []);
  });

  it("that is ended by the endpoint in the middle of every frame loses nothing that was recorded", async () => {
    const script1 = new FrameWriter();
    endpoint.onJournal = (session) => {
      if (session.start.knownEntries >= 3) {
        session.finish(`knew ${session.start.knownEntries}`);
        return;
      }
      script1.appendMessage(session.number, run(1));
      script1.appendMessage(session.number, proposal(1));
      script1.appendMessage(session.number, run(2));
      const bytes = script1.take();
      session.connection.socket.write(bytes.subarray(0, bytes.length - 3));
      setTimeout(() => session.connection.socket.destroy(), 5);
    };
    const handle = await world.client.send(script.go);
    assert.equal(await handle.attach(), "knew 3");
  });

  it("that an endpoint turns sessions away on is used again later, and that does not count as failing", async () => {
    let refusals = 0;
    endpoint.onJournal = (session) => {
      if (refusals < 6) {
        refusals += 1;
        session.connection.writer.appendCloseSession(session.number, "too many attempts here");
        session.connection.flush();
      } else session.finish("at last");
    };
    const handle = await world.client.send(script.go);
    await eventually(() => refusals > 0, "a refusal");
    await eventually(() => world.row(handle.invocationId).lastFailure !== undefined, "the reason");
    assert.match(world.row(handle.invocationId).lastFailure?.message ?? "", /too many attempts here/);
    assert.equal(await handle.attach(), "at last");
  });
});

describe("pressure", () => {
  freshForEachTest();

  it("an endpoint that reads without granting credit is sent no more than the credit and one message", async () => {
    const chunk = "x".repeat(50_000);
    const commands: Message[] = [];
    for (let id = 1; id <= 15; id++) commands.push(run(id), proposal(id, chunk));
    endpoint.onJournal = (session) => session.send(...commands);
    const { invocationId } = await world.client.send(script.go);
    await eventually(() => world.row(invocationId).journalLength === 31, "the journal");
    await world.request({ kind: "pause", id: invocationId });
    // With these the journal is four times the credit.
    const result = { kind: "value", value: new Uint8Array(50_000) } as const;
    for (let i = 0; i < 60; i++) {
      await world.request({
        kind: "signal",
        id: invocationId,
        index: undefined,
        name: "s",
        result,
        cause: "test",
      });
    }
    endpoint.onJournal = () => {};
    const before = endpoint.sessions.length;
    await world.request({ kind: "resume", id: invocationId, deployment: undefined });
    await eventually(() => endpoint.sessions.length > before, "the next attempt");
    const session = endpoint.sessions.at(-1);
    assert.ok(session);
    await eventually(() => session.receivedBytes > 1_000_000, "a credit's worth of journal");
    await pause(50);
    assert.ok(session.receivedBytes <= 1024 * 1024 + 100_000, `${session.receivedBytes} bytes were sent`);
    // Credit makes the rest come, in its order.
    for (let grants = 0; session.received.length < session.start.knownEntries && grants < 100; grants++) {
      session.connection.writer.appendCredit(session.number, 300_000);
      session.connection.flush();
      await pause(5);
    }
    const sent = session.messages().map((message) => [message.type, bodyOf(message).length]);
    const recorded = world.journal(invocationId).map((message) => [message.type, bodyOf(message).length]);
    assert.deepEqual(sent, recorded);
  });

  it("an endpoint that sends more than it was granted is cut off", async () => {
    // The log is held, so nothing is taken care of and nothing granted.
    let flooding: ScriptedSession | undefined;
    endpoint.onJournal = (session) => {
      flooding = session;
    };
    const { invocationId } = await world.client.send(script.go);
    await eventually(() => flooding !== undefined, "the session");
    world.log.isHeld = true;
    for (let id = 1; id <= 60; id++) flooding?.send(run(id), proposal(id, "x".repeat(50_000)));
    await eventually(() => flooding?.isClosed === true, "the end of the session");
    world.log.isHeld = false;
    world.log.release();
    await eventually(() => world.status(invocationId) === "paused", "the pause");
    assert.match(world.reason(invocationId), /^protocol-violation: .*credit/);
    assert.ok(
      world.row(invocationId).journalBytes <= 1024 * 1024 + 200_000,
      `${world.row(invocationId).journalBytes}`,
    );
  });
});
