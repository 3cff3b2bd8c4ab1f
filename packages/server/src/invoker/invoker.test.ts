import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkTables } from "@holdfast/engine";
import {
  FIRST_AWAKEABLE_SIGNAL,
  formatInvocationId,
  MessageType,
  RAW_INVOCATION_ID_BYTES,
  type HandlerRef,
  type Message,
} from "@holdfast/protocol";
import { handler, service, type Context } from "@holdfast/sdk";

import { systemClock } from "../clock.ts";
import { Gate, request, rowOf, statusOf, until } from "../embedded/semantics-rig.contract.ts";
import { createTestEngine } from "../testing.ts";
import { dialOverHttp } from "./native-dial.ts";
import { NativeWire } from "./native-wire.ts";
import { ScriptedEndpoint } from "./scripted-endpoint.contract.ts";
import { anyAddress, eventually, SessionWorld } from "./session-harness.contract.ts";

describe("more attempts than attemptsMax", () => {
  it("wait in the order in which they became due", async () => {
    const gates = Array.from({ length: 9 }, () => new Gate());
    const order: number[] = [];
    const work = service("work", {
      go: async (ctx, n: number) => {
        order.push(n);
        await ctx.run("wait", () => gates[n]?.pass());
      },
    });
    await using engine = await createTestEngine({ services: [work], limits: { attemptsMax: 3 } });
    const handles = [];
    for (let n = 0; n < 9; n++) handles.push(await engine.send(work.go, n));
    await until(() => order.length === 3);
    assert.equal(engine.engine.health().runningAttempts, 3);
    for (const n of [1, 0, 2, 3, 4, 5, 6, 7, 8]) {
      await until(() => (gates[n]?.arrivals ?? 0) === 1);
      gates[n]?.open();
      await handles[n]?.attach();
    }
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("miss nothing that arrives while they wait", async () => {
    const gate = new Gate();
    const work = service("work", {
      block: async (ctx) => ctx.run("block", () => gate.pass()),
      listen: async (ctx) => {
        const { promise } = ctx.awakeable<string>();
        return [await promise, await ctx.signal<string>("s"), await ctx.signal<string>("s")];
      },
    });
    await using engine = await createTestEngine({ services: [work], limits: { attemptsMax: 1 } });
    const blocking = await engine.send(work.block);
    await until(() => gate.arrivals === 1);
    const listening = await engine.send(work.listen);
    assert.equal(statusOf(engine, listening.invocationId), "running", "due, and waiting for a place");
    const value = (text: string) =>
      ({ kind: "value", value: new TextEncoder().encode(JSON.stringify(text)) }) as const;
    const signal = { kind: "signal", id: listening.invocationId, cause: "test" } as const;
    await request(engine, { ...signal, index: undefined, name: "s", result: value("first") });
    await request(engine, {
      ...signal,
      index: FIRST_AWAKEABLE_SIGNAL,
      name: undefined,
      result: value("awake"),
    });
    await request(engine, { ...signal, index: undefined, name: "s", result: value("second") });
    gate.open();
    await blocking.attach();
    assert.deepEqual(await listening.attach(), ["awake", "first", "second"]);
    assert.equal(rowOf(engine, listening.invocationId).attempt, 1);
  });

  it("can be cancelled, killed and paused while they wait, and free no place that they did not take", async () => {
    const gate = new Gate();
    const begun: string[] = [];
    const work = service("work", {
      block: async (ctx) => ctx.run("block", () => gate.pass()),
      go: async (ctx) => {
        begun.push(ctx.invocationId);
        await ctx.sleep("1s");
        return "done";
      },
    });
    await using engine = await createTestEngine({ services: [work], limits: { attemptsMax: 1 } });
    const blocking = await engine.send(work.block);
    await until(() => gate.arrivals === 1);
    const [cancelled, killed, paused, last] = await Promise.all([1, 2, 3, 4].map(() => engine.send(work.go)));
    assert.ok(cancelled && killed && paused && last);
    await cancelled.cancel();
    await request(engine, { kind: "kill", id: killed.invocationId });
    await request(engine, { kind: "pause", id: paused.invocationId });
    assert.deepEqual(begun, []);
    gate.open();
    await blocking.attach();
    await engine.advance("1m");
    await assert.rejects(cancelled.attach(), { code: 409 });
    assert.equal(await last.attach(), "done");
    assert.deepEqual(new Set(begun), new Set([cancelled.invocationId, last.invocationId]));
    assert.deepEqual(checkTables(engine.engine.tables).problems, []);
  });

  it("all get their turn, also when attempts fail, suspend and end in every way", async () => {
    const work = service("work", {
      go: handler(
        { inactivityTimeout: "1s", retry: { initial: "10ms" } },
        async (ctx: Context, n: number) => {
          if (n % 3 === 0 && ctx.attempt === 1) throw new Error("once");
          if (n % 3 === 1) await ctx.sleep("1m");
          return ctx.run("step", () => n);
        },
      ),
    });
    await using engine = await createTestEngine({ services: [work], limits: { attemptsMax: 2 } });
    const handles = [];
    for (let n = 0; n < 40; n++) handles.push(await engine.send(work.go, n));
    await engine.advance("10m");
    const results = await Promise.all(handles.map((handle) => handle.attach()));
    assert.deepEqual(
      results,
      Array.from({ length: 40 }, (_, n) => n),
    );
    assert.equal(engine.engine.health().runningAttempts, 0);
  });
});

describe("a connection whose session numbers are used up", () => {
  it("is replaced by a new one, and ends with its last session", async () => {
    await using endpoint = await ScriptedEndpoint.listen();
    const wire = new NativeWire({
      clock: systemClock,
      url: endpoint.url,
      headers: {},
      messageBytesMax: 1_000_000,
      dial: dialOverHttp(anyAddress()),
      sessionNumberMax: 2,
    });
    using _closing = { [Symbol.dispose]: () => wire.close() };
    const said: string[] = [];
    const start = {
      type: MessageType.Start,
      invocationId: formatInvocationId(new Uint8Array(RAW_INVOCATION_ID_BYTES)),
      knownEntries: 1,
      state: [],
      partialState: true,
      key: "",
      retryCount: 0,
      sinceLastEntryMs: 0,
      randomSeed: 1n,
      service: "script",
      handler: "go",
      attempt: 1,
      stepFailures: [],
      recordedOn: "",
      deployment: "dp_1",
    } as const;
    const input = {
      type: MessageType.Input,
      body: new Uint8Array(0),
      at: 0,
      attempt: 0,
      deployment: "",
      cause: "",
    };
    const open = (name: string): void => {
      wire.open(start, [input], {
        onMessage: (message) => said.push(`${name} ${message.type}`),
        onLost: (code) => said.push(`${name} ${code}`),
      });
    };
    open("a");
    await eventually(() => endpoint.sessions.length === 1, "the first session");
    open("b");
    open("c");
    await eventually(() => endpoint.sessions.length === 3, "three sessions");
    assert.equal(endpoint.connections.length, 2);
    const end: Message = { type: MessageType.End };
    for (const session of endpoint.sessions) session.send(end);
    await eventually(() => said.length === 3, "three ends");
    assert.deepEqual(said.toSorted(), [
      `a ${MessageType.End}`,
      `b ${MessageType.End}`,
      `c ${MessageType.End}`,
    ]);
    await eventually(() => endpoint.connections[0]?.isClosed === true, "the end of the first connection");
    assert.equal(endpoint.connections[1]?.isClosed, false);
  });
});

describe("a deployment whose process drains", () => {
  it("is sent no new sessions on that connection; what runs there ends there", async () => {
    await using endpoint = await ScriptedEndpoint.listen();
    await using world = await SessionWorld.open({
      endpoints: new Map(),
      url: endpoint.url,
      close: () => endpoint.close(),
    });
    const go = { service: "script", handler: "go", kind: "plain" } as HandlerRef<[], string>;
    const first = await world.client.send(go);
    await eventually(() => endpoint.sessions.length === 1, "the first session");
    const [old] = endpoint.connections;
    old?.writer.appendGoAway("draining");
    old?.flush();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const second = await world.client.send(go);
    await eventually(() => endpoint.sessions.length === 2, "the second session");
    assert.equal(endpoint.connections.length, 2);
    endpoint.sessions[0]?.finish("old");
    endpoint.sessions[1]?.finish("new");
    assert.deepEqual(await Promise.all([first.attach(), second.attach()]), ["old", "new"]);
    assert.equal(world.row(first.invocationId).attempt, 1);
  });
});
