/** The version of the protocol that an invocation began in is the one that it ends in. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { MessageType, type HandlerRef, type StartMessage } from "@holdfast/protocol";

import { eventually, SessionWorld } from "../session-harness.contract.ts";
import {
  scriptedRestateManifest,
  ScriptedRestate,
  type ScriptedAttempt,
} from "./scripted-restate.contract.ts";

const go = { service: "script", handler: "go", kind: "plain" } as HandlerRef<[], string>;
const retryPolicy = {
  initialIntervalMs: 2,
  factor: 1,
  maxIntervalMs: 2,
  maxAttempts: 9,
  onMaxAttempts: "pause",
} as const;

async function openWorld(newest: number): Promise<[ScriptedRestate, SessionWorld]> {
  const endpoint = await ScriptedRestate.listen();
  endpoint.manifest = { ...scriptedRestateManifest, maxProtocolVersion: newest };
  const reach = { endpoints: new Map(), url: endpoint.url, close: () => endpoint.close() };
  return [endpoint, await SessionWorld.open(reach, { settings: { retryPolicy } })];
}

async function reRegister(world: SessionWorld, endpoint: ScriptedRestate, newest: number): Promise<void> {
  endpoint.manifest = { ...scriptedRestateManifest, maxProtocolVersion: newest };
  await world.request({
    kind: "register-deployment",
    id: world.engine.deploymentId(),
    url: endpoint.url,
    manifest: await world.engine.discover(endpoint.url, {}),
    metadata: {},
    headers: {},
    force: true,
    breaking: true,
    dryRun: false,
  });
}

function spoken({ headers }: ScriptedAttempt): string {
  assert.equal(headers.accept, headers["content-type"]);
  return String(headers["content-type"]).replace("application/vnd.restate.invocation.", "");
}

async function startOf(attempt: ScriptedAttempt): Promise<StartMessage> {
  await eventually(() => attempt.received.length > 0, "Start");
  const [start] = attempt.messages();
  assert.ok(start?.type === MessageType.Start);
  return start;
}

test("a deployment that is replaced by one of a newer version goes on in the old one with what it has begun", async () => {
  const [endpoint, world] = await openWorld(5);
  await using _ = world;
  const old = await world.client.send(go);
  await eventually(() => endpoint.attempts.length === 1, "the first attempt");
  await reRegister(world, endpoint, 7);
  // The way to the old endpoint was closed, and the attempt with it.
  await eventually(() => endpoint.attempts.length === 2, "the second attempt");
  const [first, second] = endpoint.attempts;
  assert.ok(first && second);
  assert.deepEqual([spoken(first), spoken(second)], ["v5", "v5"]);
  // An SDK that is told a seed would draw other numbers than before.
  assert.equal((await startOf(second)).randomSeed, 0n);
  second.answer();
  second.finish("old");
  assert.equal(await old.attach(), "old");

  const next = await world.client.send(go);
  await eventually(() => endpoint.attempts.length === 3, "the next invocation");
  const third = endpoint.attempts[2];
  assert.ok(third);
  assert.equal(spoken(third), "v6");
  assert.notEqual((await startOf(third)).randomSeed, 0n);
  third.answer();
  third.finish("new");
  assert.equal(await next.attach(), "new");
});

test("it stays through a crash of the engine", async () => {
  const [endpoint, world] = await openWorld(5);
  await using _ = world;
  const { invocationId } = await world.client.send(go);
  await eventually(() => endpoint.attempts.length === 1, "the first attempt");
  await reRegister(world, endpoint, 6);
  await eventually(() => endpoint.attempts.length === 2, "the second attempt");
  await world.crash();
  await eventually(() => endpoint.attempts.length >= 3, "an attempt of the next engine");
  assert.deepEqual(new Set(endpoint.attempts.map(spoken)), new Set(["v5"]));
  assert.equal(world.row(invocationId).restateVersion, 5);
});
