import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { after, test } from "node:test";

import {
  decodeReason,
  decodeValue,
  FrameType,
  INITIAL_SESSION_CREDIT_BYTES,
  MANIFEST_MEDIA_TYPE,
  MessageType,
} from "@holdfast/protocol";

import { service } from "../definition/service.ts";
import { NativeClient, until, upgradeRequest } from "./native-client.contract.ts";
import { requireNode, serve, type ServedEndpoint, type ServeOptions } from "./serve.ts";

const tested = service("tested", {
  echo: async (_ctx, text: string) => text,
  steps: async (ctx, count: number) => {
    let sum = 0;
    for (let index = 0; index < count; index++) sum += await ctx.run(`step ${index}`, () => index);
    return sum;
  },
  large: async (ctx) =>
    (await Promise.all([1, 2, 3].map((n) => ctx.run(`large ${n}`, () => "x".repeat(700_000))))).length,
  waits: async (ctx) => ctx.awakeable().promise,
  slow: async (ctx) =>
    ctx.run(
      "slow",
      ({ signal }) =>
        new Promise((resolve) => signal.addEventListener("abort", () => resolve(stopped.push("slow")))),
    ),
});
const stopped: string[] = [];

const endpoints: ServedEndpoint[] = [];
const clients: NativeClient[] = [];
after(async () => {
  for (const client of clients) client.socket.destroy();
  await Promise.all(endpoints.map((endpoint) => endpoint.close()));
});

async function start(options: Partial<ServeOptions> = {}): Promise<ServedEndpoint> {
  const endpoint = await serve({ services: [tested], port: 0, log: () => {}, ...options });
  endpoints.push(endpoint);
  return endpoint;
}

async function dial(endpoint: ServedEndpoint): Promise<NativeClient> {
  const client = await NativeClient.dial(endpoint.url);
  clients.push(client);
  return client;
}

test("discovery, health and everything else", async () => {
  const { url } = await start({ basePath: "/app" });
  const discovery = await fetch(`${url}/discover`);
  assert.equal(discovery.headers.get("content-type"), MANIFEST_MEDIA_TYPE);
  const manifest = (await discovery.json()) as {
    wires: unknown;
    services: Array<{ name: string; handlers: unknown[] }>;
  };
  assert.deepEqual(
    [manifest.wires, manifest.services[0]?.name, manifest.services[0]?.handlers.length],
    [["native"], "tested", 5],
  );
  assert.deepEqual(await (await fetch(`${url}/health`)).json(), { status: "ok" });
  assert.equal((await fetch(`${url}/other`)).status, 404);
  assert.equal((await fetch(`${new URL(url).origin}/discover`)).status, 404);
  assert.equal((await fetch(`${url}/discover`, { method: "POST" })).status, 405);
});

test("an upgrade to something else is refused with a reason", async () => {
  const { url } = await start();
  for (const [protocol, path, status] of [
    ["websocket", "/holdfast/v1", 426],
    ["holdfast/1", "/elsewhere", 404],
  ] as const) {
    const [response] = (await once(upgradeRequest(url, protocol, path), "response")) as [IncomingMessage];
    assert.equal(response.statusCode, status);
    response.resume();
  }
});

test("many sessions share a connection, and a step is done when it is acknowledged", async () => {
  const client = await dial(await start());
  for (let session = 1; session <= 50; session++)
    client.open(session, { service: "tested", handler: "steps", input: 3 });
  const acknowledged = new Set<string>();
  await until(() => {
    for (let session = 1; session <= 50; session++) {
      for (const message of client.messages(session)) {
        if (message.type !== MessageType.ProposeRunCompletion) continue;
        const key = `${session}:${message.completionId}`;
        if (acknowledged.has(key)) continue;
        acknowledged.add(key);
        client.send(session, { type: MessageType.RunAck, completionId: message.completionId });
      }
    }
    return client.frames.filter(({ type }) => type === MessageType.End).length === 50;
  });
  const output = client.messages(50).find((message) => message.type === MessageType.Output);
  assert.ok(output?.result.kind === "value");
  assert.equal(decodeValue(output.result.value), 3);
});

test("pings are answered, also between sessions", async () => {
  const client = await dial(await start());
  client.writer.appendPing(new Uint8Array([1, 2, 3]));
  client.flush();
  await until(() => client.frame(FrameType.Pong) !== undefined);
  assert.deepEqual([...(client.frame(FrameType.Pong)?.body ?? [])], [1, 2, 3]);
});

test("a session that has used up its credit waits for more", async () => {
  const client = await dial(await start());
  client.open(1, { service: "tested", handler: "large", input: undefined });
  const proposals = (): number =>
    client.messages(1).filter(({ type }) => type === MessageType.ProposeRunCompletion).length;
  await until(() => proposals() === 2);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(proposals(), 2, "the third is more than the session may have under way");
  client.writer.appendCredit(1, INITIAL_SESSION_CREDIT_BYTES);
  client.flush();
  await until(() => proposals() === 3);
});

test("credit is granted back for what was received", async () => {
  const client = await dial(await start());
  client.open(1, { service: "tested", handler: "echo", input: "x".repeat(INITIAL_SESSION_CREDIT_BYTES / 2) });
  await until(() => client.frame(FrameType.Credit) !== undefined);
});

test("a closed session aborts its steps; one for an unknown handler says so", async () => {
  const client = await dial(await start());
  client.open(1, { service: "tested", handler: "slow", input: undefined });
  await until(() => client.messages(1).length === 1);
  client.writer.appendCloseSession(1, "killed");
  client.flush();
  await until(() => stopped.length === 1);

  client.open(2, { service: "tested", handler: "gone", input: undefined });
  await until(() => client.messages(2).length === 1);
  const [error] = client.messages(2);
  assert.ok(error?.type === MessageType.Error);
  assert.match(error.message, /this endpoint serves no handler "tested\/gone"/);
});

test("more sessions than allowed are refused by name, the others go on", async () => {
  const client = await dial(await start({ sessionsMax: 1 }));
  client.open(1, { service: "tested", handler: "waits", input: undefined });
  client.open(2, { service: "tested", handler: "echo", input: "x" });
  await until(() => client.frame(FrameType.CloseSession) !== undefined);
  const refused = client.frame(FrameType.CloseSession);
  assert.equal(refused?.session, 2);
  assert.match(decodeReason(refused.body), /sessionsMax/);
});

test("bytes that are no frames cost the connection, and no more than that", async () => {
  const endpoint = await start();
  const warned: unknown[] = [];
  const { warn } = console;
  console.warn = (...texts: unknown[]) => void warned.push(texts);
  try {
    const client = await dial(endpoint);
    client.socket.write("GET / HTTP/1.1\r\nHost: not a frame\r\n\r\n");
    await until(() => client.isClosed);
  } finally {
    console.warn = warn;
  }
  assert.equal(warned.length, 1);
  const next = await dial(endpoint);
  next.open(1, { service: "tested", handler: "echo", input: "still here" });
  await until(() => next.messages(1).length === 2);
});

test("closing says goodbye, lets what waits suspend, and cuts off what does not end", async () => {
  const endpoint = await start({ drainTimeout: "50ms" });
  const client = await dial(endpoint);
  client.open(1, { service: "tested", handler: "waits", input: undefined });
  client.open(2, { service: "tested", handler: "slow", input: undefined });
  await until(() => client.messages(2).length === 1);
  const before = stopped.length;
  await endpoint.close();
  await until(() => client.isClosed);
  assert.ok(client.frame(FrameType.GoAway));
  assert.equal(client.messages(1).at(-1)?.type, MessageType.Suspension);
  assert.equal(client.frame(FrameType.CloseSession)?.session, 2);
  assert.equal(stopped.length, before + 1);
});

test("an old Node is told what to do", () => {
  requireNode("24.1.0");
  assert.throws(
    () => requireNode("20.20.2"),
    /needs Node 22 or newer to serve handlers, and this is Node 20\.20\.2\. Install/,
  );
});

test("what is no definition, or is there twice, is refused at the start", async () => {
  await assert.rejects(serve({ services: [{} as never], port: 0 }), /services\[0\] is not a definition/);
  await assert.rejects(serve({ services: [tested, tested], port: 0 }), /Two definitions are called "tested"/);
});
