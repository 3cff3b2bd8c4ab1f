/** What somebody without the engine's key can do to handlers that listen to that key alone: nothing. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { beforeEach, test, type TestContext } from "node:test";

import {
  encodeValue,
  FrameWriter,
  MessageType,
  NATIVE_WIRE_PATH,
  NATIVE_WIRE_PROTOCOL,
  SIGNATURE_HEADER,
  type StartMessage,
} from "@holdfast/protocol";
import { serve, service, type ServedEndpoint, type ServeOptions } from "@holdfast/sdk";

import { RequestSigner } from "./request-signer.ts";
import { eventually, pause, SessionWorld } from "./session-harness.contract.ts";
import { TamperingProxy, type Tampering } from "./tampering-proxy.contract.ts";

const identity = generateKeyPairSync("ed25519").privateKey;
const signer = new RequestSigner(identity, Date.now);
/** Long enough for what must not happen to happen. */
const SETTLE_MS = 100;
const paid: number[] = [];
const payments = service("payments", {
  pay: async (ctx, amount: number) => ctx.run("pay", () => paid.push(amount)),
});
beforeEach(() => {
  paid.length = 0;
});

async function start(t: TestContext, options: Partial<ServeOptions> = {}): Promise<ServedEndpoint> {
  const endpoint = await serve({
    services: [payments],
    port: 0,
    drainTimeout: "1ms",
    identityKeys: [signer.publicKey],
    ...options,
  });
  t.after(() => endpoint.close());
  return endpoint;
}

/** An engine that reaches the endpoint through somebody else's hands. */
async function worldThrough(t: TestContext, endpoint: ServedEndpoint, tampering: Tampering) {
  const proxy = await TamperingProxy.listen(endpoint.url, tampering);
  t.after(() => proxy.close());
  const reach = { endpoints: new Map(), url: proxy.url, identity, close: () => Promise.resolve() };
  const world = await SessionWorld.open(reach);
  t.after(() => world.close());
  return { proxy, world };
}

/** Frames that run `payments/pay` with this amount. */
function forgedCall(amount: number): Uint8Array {
  const writer = new FrameWriter();
  const started: StartMessage = {
    type: MessageType.Start,
    invocationId: "inv_1foAirY4KKzi4tTP0Tg6aeuiRBSQFCQt9k",
    knownEntries: 1,
    state: [],
    partialState: false,
    key: "",
    retryCount: 0,
    sinceLastEntryMs: 0,
    randomSeed: 1n,
    service: "payments",
    handler: "pay",
    attempt: 1,
    stepFailures: [],
    recordedOn: "",
    deployment: "dp_1",
  };
  writer.appendMessage(1000, started);
  writer.appendMessage(1000, { type: MessageType.Input, headers: [], value: encodeValue(amount) });
  return writer.take();
}

function upgrade(
  url: string,
  headers: Readonly<Record<string, string>>,
  path = NATIVE_WIRE_PATH,
): Promise<number> {
  const { hostname, port } = new URL(url);
  const asked = request({
    hostname,
    port,
    path,
    headers: { connection: "Upgrade", upgrade: NATIVE_WIRE_PROTOCOL, ...headers },
    agent: false,
  });
  asked.end();
  return new Promise((resolve, reject) => {
    asked.on("error", reject);
    asked.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asked.on("upgrade", (response, socket) => {
      socket.destroy();
      resolve(response.statusCode ?? 0);
    });
  });
}

function signedUpgrade(url: string, path = NATIVE_WIRE_PATH): Readonly<Record<string, string>> {
  return signer.signUpgrade({ method: "GET", authority: new URL(url).host, path }, "dp_1").headers;
}

test("without a signature neither the manifest nor a connection is given out, but health is", async (t) => {
  const { url } = await start(t);
  const discovery = await fetch(`${url}/discover`);
  assert.equal(discovery.status, 401);
  const answer = await discovery.text();
  assert.match(answer, /identityKeys: the request is not signed/);
  assert.doesNotMatch(answer, /payments/);
  assert.equal(await upgrade(url, {}), 401);
  assert.equal((await fetch(`${url}/health`)).status, 200);
});

test("an upgrade counts once, on its own path, for its own authority", async (t) => {
  const { url } = await start(t, { basePath: "/app" });
  const other = await start(t);
  const headers = signedUpgrade(url, `/app${NATIVE_WIRE_PATH}`);
  assert.equal(await upgrade(url, headers, `/app${NATIVE_WIRE_PATH}?more`), 401);
  assert.equal(await upgrade(other.url, headers), 401);
  assert.equal(await upgrade(other.url, headers, NATIVE_WIRE_PATH), 401);
  assert.equal(await upgrade(url, headers, `/app${NATIVE_WIRE_PATH}`), 101);
  assert.equal(await upgrade(url, headers, `/app${NATIVE_WIRE_PATH}`), 401);
});

test("what was signed for discovery opens no connection", async (t) => {
  const { url } = await start(t);
  const { host } = new URL(url);
  const forDiscovery = signer.sign({ method: "GET", authority: host, path: "/discover" });
  assert.equal(await upgrade(url, forDiscovery), 401);
  const withoutChannel = signer.sign({ method: "GET", authority: host, path: NATIVE_WIRE_PATH });
  assert.equal(await upgrade(url, withoutChannel), 401);
  assert.equal((await fetch(`${url}/discover`, { headers: forDiscovery })).status, 200);
  assert.equal((await fetch(`${url}/discover`, { headers: forDiscovery })).status, 401);
});

test("frames that somebody on the way puts between the engine's run nothing", async (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  const endpoint = await start(t);
  let injected = 0;
  const { world } = await worldThrough(t, endpoint, {
    // The first chunk is the upgrade; the first record of the first connection is the engine's call.
    toHandler: (chunk, count) => {
      if (count === 0 || injected > 0) return chunk;
      injected += 1;
      return Buffer.concat([chunk, forgedCall(1_000_000)]);
    },
  });
  await world.client.call(payments.pay, 5);
  await eventually(() => warned.mock.callCount() > 0, "the connection is given up");
  assert.equal(injected, 1);
  assert.ok(!paid.includes(1_000_000));
  assert.ok(paid.every((amount) => amount === 5));
});

test("a call that is changed on the way does not run as changed", async (t) => {
  t.mock.method(console, "warn", () => {});
  const endpoint = await start(t);
  let changed = 0;
  const { world } = await worldThrough(t, endpoint, {
    toHandler: (chunk, count) => {
      const at = chunk.indexOf("12345");
      if (count === 0 || at < 0 || changed > 0) return chunk;
      changed += 1;
      const other = Buffer.from(chunk);
      other.write("99999", at);
      return other;
    },
  });
  await world.client.call(payments.pay, 12345);
  assert.equal(changed, 1);
  assert.deepEqual([...new Set(paid)], [12345]);
});

test("a connection that was recorded cannot be played to the endpoint again, not even after its restart", async (t) => {
  t.mock.method(console, "warn", () => {});
  const first = await start(t);
  const { proxy, world } = await worldThrough(t, first, {});
  await world.client.call(payments.pay, 7);
  assert.deepEqual(paid, [7]);
  const recorded = proxy.recorded.find((chunks) => /^upgrade: /im.test(String(chunks[0])));
  assert.ok(recorded && recorded.length > 1);

  assert.match(await play(first.url, recorded), /^HTTP\/1\.1 401 /);
  await first.close();
  // It has forgotten the nonce, and the signature is still young enough. But its share is another.
  const second = await start(t);
  assert.match(await play(second.url, recorded), /^HTTP\/1\.1 101 /);
  assert.deepEqual(paid, [7]);
});

async function play(url: string, chunks: readonly Buffer[]): Promise<string> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk: Buffer) => {
    answer += chunk.toString("latin1");
  });
  socket.on("error", () => {}); // "close" follows.
  const [upgraded, ...records] = chunks;
  socket.write(upgraded ?? "");
  await eventually(() => answer !== "" || socket.destroyed, "an answer");
  for (const chunk of records) if (!socket.destroyed) socket.write(chunk);
  await pause(SETTLE_MS);
  socket.destroy();
  return answer;
}

test("somebody who keeps the endpoint's share from the engine gains nothing: plain frames run nothing", async (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  const endpoint = await start(t);
  const { world } = await worldThrough(t, endpoint, {
    toEngine: (chunk) =>
      Buffer.from(chunk.toString("latin1").replace(/holdfast-channel: [^\r]*\r\n/, ""), "latin1"),
  });
  await world.client.send(payments.pay, 11);
  await eventually(() => warned.mock.callCount() > 0, "the connection is given up");
  assert.deepEqual(paid, []);
});

test("somebody who answers the engine with a share of their own still cannot speak to the endpoint", async (t) => {
  const warned = t.mock.method(console, "warn", () => {});
  const endpoint = await start(t);
  const { publicKey } = generateKeyPairSync("x25519");
  const ownShare = publicKey.export({ format: "jwk" }).x ?? "";
  const { world } = await worldThrough(t, endpoint, {
    toEngine: (chunk) =>
      Buffer.from(chunk.toString("latin1").replace(/(holdfast-channel: )[^\r]*/, `$1${ownShare}`), "latin1"),
  });
  await world.client.send(payments.pay, 13);
  await eventually(() => warned.mock.callCount() > 0, "the connection is given up");
  assert.deepEqual(paid, []);
});

test("a share that is none ends the dialling, with the reason shown", async (t) => {
  const endpoint = await start(t);
  const { world } = await worldThrough(t, endpoint, {
    toEngine: (chunk) =>
      Buffer.from(chunk.toString("latin1").replace(/(holdfast-channel: )[^\r]*/, "$1AAAA"), "latin1"),
  });
  const { invocationId } = await world.client.send(payments.pay, 17);
  await eventually(() => world.reason(invocationId).includes("share for the channel"), "the reason");
  assert.deepEqual(paid, []);
});

test("an engine that is not trusted is told what to do, where the operator looks", async (t) => {
  const endpoint = await start(t, { identityKeys: [new RequestSigner(identity, Date.now).publicKey] });
  const reach = {
    endpoints: new Map(),
    url: undefined,
    identity: generateKeyPairSync("ed25519").privateKey,
    close: () => Promise.resolve(),
  };
  const world = await SessionWorld.open(reach);
  t.after(() => world.close());
  await assert.rejects(world.engine.discover(endpoint.url, {}), /answered 401/);
  const manifest = {
    sdk: "test",
    runtime: "node/24.0.0",
    wires: ["native" as const],
    services: [
      { name: "payments", kind: "service" as const, handlers: [{ name: "pay", kind: "plain" as const }] },
    ],
  };
  await world.register(endpoint.url, manifest);
  const { invocationId } = await world.client.send(payments.pay, 19);
  await eventually(() => /identityKeys/.test(world.reason(invocationId)), "the reason");
  assert.deepEqual(paid, []);
});

test("an endpoint that knows no engine's key takes signed requests like any others", async (t) => {
  const open = await serve({ services: [payments], port: 0, drainTimeout: "1ms" });
  t.after(() => open.close());
  const { world } = await worldThrough(t, open, {});
  await world.client.call(payments.pay, 23);
  assert.deepEqual(paid, [23]);
});

test("the signature leaves the engine in one header and tells nothing secret", async (t) => {
  const headers: IncomingMessage["headers"][] = [];
  const { createServer } = await import("node:http");
  const server = createServer((asked, response) => {
    headers.push(asked.headers);
    response.writeHead(500).end();
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { readonly port: number };
  const reach = { endpoints: new Map(), url: undefined, identity, close: () => Promise.resolve() };
  const world = await SessionWorld.open(reach);
  t.after(() => world.close());
  await assert.rejects(world.engine.discover(`http://127.0.0.1:${port}`, {}), /500/);
  const secret = identity.export({ format: "jwk" }).d ?? "";
  assert.equal(typeof headers[0]?.[SIGNATURE_HEADER], "string");
  assert.ok(!JSON.stringify(headers).includes(secret));
});
