/** Attempts and engines that were given up and do not know it. What they say must change nothing. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { decodeRecords } from "@holdfast/engine";
import {
  MessageType,
  type EngineEnd,
  type HandlerEndpoint,
  type HandlerRef,
  type SdkMessage,
  type StartMessage,
} from "@holdfast/protocol";
import { service } from "@holdfast/sdk";

import { systemClock } from "../clock.ts";
import { endpointsOf } from "../embedded/endpoints.ts";
import { LocalClient } from "../embedded/local-client.ts";
import { Engine } from "../engine.ts";
import { LogMemory, MemoryLog } from "../log/memory-log.ts";
import { MemoryStore } from "../store/memory-store.ts";
import {
  proposal,
  run,
  ScriptedEndpoint,
  scriptedManifest,
  type ScriptedSession,
} from "./scripted-endpoint.contract.ts";
import { eventually, pause, SessionWorld } from "./session-harness.contract.ts";

const go = { service: "script", handler: "go", kind: "plain" } as HandlerRef<[], string>;

/** Handlers in this process whose sessions the test plays by hand. */
class Puppets implements HandlerEndpoint {
  readonly manifest = { ...scriptedManifest, wires: ["in-process"] as const };
  readonly sessions: Array<{ readonly start: StartMessage; readonly engine: EngineEnd; aborted: string }> =
    [];

  open(start: StartMessage, engine: EngineEnd): { receive: () => void; abort: (reason: string) => void } {
    const session = { start, engine, aborted: "" };
    this.sessions.push(session);
    return {
      receive: () => {},
      abort: (reason) => {
        session.aborted = reason;
      },
    };
  }

  async session(attempt: number): Promise<EngineEnd> {
    const find = () => this.sessions.find(({ start }) => start.attempt === attempt);
    await eventually(() => find() !== undefined, `attempt ${attempt}`);
    return find()?.engine as EngineEnd;
  }
}

async function puppetWorld(): Promise<
  { puppets: Puppets; world: SessionWorld; id: string } & AsyncDisposable
> {
  const puppets = new Puppets();
  const endpoints = new Map([["puppets", puppets]]);
  const world = await SessionWorld.open({ endpoints, url: undefined, close: () => Promise.resolve() });
  const { invocationId } = await world.client.send(go);
  return { puppets, world, id: invocationId, [Symbol.asyncDispose]: () => world.close() };
}

const LAST_WORDS: readonly SdkMessage[] = [
  run(7) as SdkMessage,
  proposal(7, "from the dead") as SdkMessage,
  { type: MessageType.Output, result: { kind: "void" } },
  { type: MessageType.End },
];

describe("an attempt that was given up", () => {
  it("adds nothing once the next one has begun, whatever it still sends", async () => {
    await using played = await puppetWorld();
    const { puppets, world, id } = played;
    const zombie = await puppets.session(1);
    await world.request({ kind: "pause", id });
    await world.request({ kind: "resume", id, deployment: undefined });
    const living = await puppets.session(2);
    for (const message of LAST_WORDS) zombie.receive(message);
    zombie.closed("lost");
    living.receive(run(1, "living") as SdkMessage);
    await eventually(() => world.row(id).commandCount === 2, "the living one's command");
    await pause(20);
    assert.deepEqual(
      [world.status(id), world.row(id).attempt, world.row(id).journalLength],
      ["running", 2, 2],
    );
  });

  it("is refused by the fold when its messages were on their way to the log as it was given up", async () => {
    await using played = await puppetWorld();
    const { puppets, world, id } = played;
    const zombie = await puppets.session(1);
    // In one turn: its messages are taken in, the invocation goes on elsewhere, and then they are handed over.
    for (const message of LAST_WORDS) zombie.receive(message);
    const paused = world.request({ kind: "pause", id });
    const resumed = world.request({ kind: "resume", id, deployment: undefined });
    await Promise.all([paused, resumed]);
    await puppets.session(2);
    const records = world.log.appended.flatMap(({ payload }) =>
      decodeRecords(payload).map(({ body }) => body),
    );
    const order = records.flatMap((body) => ("id" in body && body.id === id ? [body.kind] : []));
    assert.deepEqual(order, ["invoke", "pause", "resume", "attempt-messages"], "they are in the log");
    assert.deepEqual(
      [world.status(id), world.row(id).attempt, world.row(id).journalLength],
      ["running", 2, 1],
    );
    await world.crash();
    assert.deepEqual([world.status(id), world.row(id).journalLength], ["running", 1]);
  });

  it("hears of it", async () => {
    await using played = await puppetWorld();
    const { puppets, world, id } = played;
    await puppets.session(1);
    await world.request({ kind: "kill", id });
    await eventually(() => puppets.sessions[0]?.aborted !== "", "the abort");
    assert.match(puppets.sessions[0]?.aborted ?? "", /killed/);
  });

  it("over a socket goes on sending in its old session without effect", async () => {
    await using endpoint = await ScriptedEndpoint.listen();
    await using world = await SessionWorld.open(
      { endpoints: new Map(), url: endpoint.url, close: () => endpoint.close() },
      { settings: { inactivityTimeoutMs: 30, abortTimeoutMs: 30 } },
    );
    const sessions: ScriptedSession[] = [];
    endpoint.onJournal = (session) => sessions.push(session);
    const handle = await world.client.send(go);
    // The first attempt neither says anything nor suspends: it is cut off, and the second begins.
    await eventually(() => sessions.length === 2, "the second attempt");
    const [zombie, living] = sessions;
    zombie?.send(...LAST_WORDS);
    living?.send(run(1, "living"), proposal(1));
    zombie?.send(...LAST_WORDS);
    living?.finish("alive");
    assert.equal(await handle.attach(), "alive");
    const { length } = world.journal(handle.invocationId);
    assert.equal(length, 4, "input, step, result, output");
  });
});

describe("an engine that was replaced and does not know it", () => {
  it("can no longer record anything, tells nobody anything, and says so", async () => {
    const memory = new LogMemory();
    let passed = 0;
    const gates: Array<() => void> = [];
    const flow = service("flow", {
      go: async (ctx) => {
        await ctx.run("step", () => new Promise<void>((resolve) => void gates.push(resolve)));
        passed += 1;
      },
    });
    const failures: Error[] = [];
    const open = async (onFailed: (reason: Error) => void): Promise<Engine> =>
      Engine.open({
        clock: systemClock,
        log: await MemoryLog.open({ memory }),
        store: await MemoryStore.open(),
        endpoints: endpointsOf([flow]),
        onFailed,
        onWarning: assert.fail,
      });
    const zombie = await open((reason) => failures.push(reason));
    using _abandoning = { [Symbol.dispose]: () => zombie.abandon() };
    const { invocationId } = await new LocalClient(zombie).send(flow.go);
    await eventually(() => gates.length === 1, "the step");
    const living = await open(assert.fail);
    await using _closing = { [Symbol.asyncDispose]: () => living.close() };
    await eventually(() => gates.length === 2, "the step of the next attempt");
    gates[0]?.();
    await eventually(() => failures.length === 1, "the failure");
    assert.match(failures[0]?.message ?? "", /taken over/);
    assert.equal(passed, 0);
    await assert.rejects(new LocalClient(zombie).send(flow.go), { code: "shutting-down" });
    gates[1]?.();
    await new LocalClient(living).handle(invocationId).attach();
    assert.equal(passed, 1);
  });
});
