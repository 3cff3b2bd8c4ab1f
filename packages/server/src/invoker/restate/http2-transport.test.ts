/** Exchanges over HTTP/2 against a real server: how many connections they take, and how those end. */
import assert from "node:assert/strict";
import { constants } from "node:http2";
import type { Socket } from "node:net";
import { afterEach, describe, it } from "node:test";

import { EndpointAddresses } from "../endpoint-address.ts";
import { networkRules } from "../network-rules.ts";
import { eventually, pause } from "../session-harness.contract.ts";
import { anyAddress } from "../session-harness.contract.ts";
import type { Exchange } from "./exchange.ts";
import { Http2Transport } from "./http2-transport.ts";
import { ManualClock } from "./manual-clock.contract.ts";
import { listenTcp } from "./raw-tcp.contract.ts";
import { ScriptedRestate } from "./scripted-restate.contract.ts";

const PING_INTERVAL_MS = 40_000;
const PING_TIMEOUT_MS = 20_000;

const clock = new ManualClock();
const toClose: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

type Heard = { readonly events: string[]; readonly exchange: Exchange };

/** Asks for `/base/name`, and notes what comes of it. */
function ask(transport: Http2Transport, name = "go"): Heard {
  const events: string[] = [];
  const exchange = transport.open(
    { method: "POST", path: `/invoke/script/${name}`, headers: { "content-type": "x/y" } },
    {
      onWritable: () => events.push("writable"),
      onHead: (status) => events.push(`head ${status}`),
      onData: (chunk) => events.push(`data ${chunk.length}`),
      onEnd: () => events.push("end"),
      onBroken: (reason, isReached) =>
        events.push(`broken ${isReached ? "reached" : "unreached"}: ${reason}`),
    },
  );
  assert.deepEqual(events, [], "nothing is told before it returns");
  return { events, exchange };
}

async function serve(settings = {}): Promise<ScriptedRestate> {
  const endpoint = await ScriptedRestate.listen(settings);
  toClose.push(() => endpoint.close());
  endpoint.onAttempt = (attempt) => attempt.answer();
  return endpoint;
}

function dial(url: string, addresses: EndpointAddresses = anyAddress()): Http2Transport {
  const transport = new Http2Transport({ clock, base: new URL(url), addresses });
  toClose.push(() => transport.close());
  return transport;
}

const headed = (heard: readonly Heard[]): number =>
  heard.filter(({ events }) => events.includes("head 200")).length;

describe("exchanges over HTTP/2", () => {
  it("share a connection", async () => {
    const endpoint = await serve();
    const transport = dial(endpoint.url);
    const heard = Array.from({ length: 50 }, () => ask(transport));
    await eventually(() => headed(heard) === 50, "all answers");
    assert.equal(endpoint.connections, 1);
    assert.ok(transport.isReachable);
  });

  it("take another connection rather than wait for each other", async () => {
    const endpoint = await serve({ maxConcurrentStreams: 4 });
    const transport = dial(endpoint.url);
    const heard = Array.from({ length: 10 }, () => ask(transport));
    await eventually(() => headed(heard) === 10, "all answers");
    assert.equal(endpoint.connections, 3);
    for (const { exchange } of heard) exchange.cancel();
    await eventually(
      () => endpoint.attempts.every(({ closedWith }) => closedWith !== undefined),
      "their ends",
    );
    const next = ask(transport);
    await eventually(() => headed([next]) === 1, "an answer on a connection that has room again");
    assert.equal(endpoint.connections, 3);
  });

  it("of an endpoint that takes no streams fail with the reason", async () => {
    const endpoint = await serve({ maxConcurrentStreams: 0 });
    const { events } = ask(dial(endpoint.url));
    await eventually(() => events.length > 0, "the refusal");
    assert.match(events.join(), /^broken unreached: the endpoint takes no streams/);
  });

  it("come to their end on a connection that the endpoint closes for new ones", async () => {
    const endpoint = await serve();
    const transport = dial(endpoint.url);
    const first = ask(transport);
    await eventually(() => headed([first]) === 1, "the first answer");
    for (const session of endpoint.sessions) session.goaway();
    await pause(20);
    const second = ask(transport);
    await eventually(() => headed([second]) === 1, "the second answer");
    assert.equal(endpoint.connections, 2);
    endpoint.attempts[0]?.stream.end("last words");
    await eventually(() => first.events.includes("end"), "the end of the first");
    assert.deepEqual(first.events, ["writable", "head 200", "data 10", "end"]);
  });

  it("break with their connection, and the next gets a new one", async () => {
    const endpoint = await serve();
    const transport = dial(endpoint.url);
    const first = ask(transport);
    await eventually(() => headed([first]) === 1, "the first answer");
    for (const session of endpoint.sessions) session.destroy();
    await eventually(() => first.events.length === 3, "its break");
    assert.match(first.events.at(-1) ?? "", /^broken reached: /);
    const second = ask(transport);
    await eventually(() => headed([second]) === 1, "the second answer");
  });

  it("that are cancelled before they began never begin", async () => {
    const endpoint = await serve();
    const transport = dial(endpoint.url);
    const given = ask(transport, "given-up");
    given.exchange.cancel();
    const kept = ask(transport);
    await eventually(() => headed([kept]) === 1, "the other's answer");
    assert.deepEqual([given.events, endpoint.attempts.length], [[], 1]);
  });

  it("refuse headers that HTTP/2 does not have, each for itself", async () => {
    const endpoint = await serve();
    const transport = dial(endpoint.url);
    const events: string[] = [];
    transport.open(
      { method: "POST", path: "/invoke/script/go", headers: { connection: "close" } },
      {
        onWritable: () => {},
        onHead: () => events.push("head"),
        onData: () => {},
        onEnd: () => {},
        onBroken: (reason) => events.push(reason),
      },
    );
    await eventually(() => events.length > 0, "the refusal");
    assert.match(events.join(), /ERR_HTTP2_INVALID_CONNECTION_HEADERS/);
    const next = ask(transport);
    await eventually(() => headed([next]) === 1, "the other's answer");
  });
});

describe("an HTTP/2 connection", () => {
  it("is asked whether it lives while it is used, and let go when it is not", async () => {
    const endpoint = await serve();
    const transport = dial(endpoint.url);
    const heard = ask(transport);
    await eventually(() => headed([heard]) === 1, "the answer");
    clock.runOut(PING_INTERVAL_MS);
    await eventually(() => clock.waits.includes(PING_INTERVAL_MS), "the answer to the ping");
    assert.ok(!clock.waits.includes(PING_TIMEOUT_MS));
    heard.exchange.cancel();
    await eventually(
      () => endpoint.attempts[0]?.closedWith === constants.NGHTTP2_CANCEL,
      "the end of the stream",
    );
    // It was used until a moment ago.
    clock.runOut(PING_INTERVAL_MS);
    await eventually(() => clock.waits.includes(PING_INTERVAL_MS), "the answer to the second ping");
    clock.runOut(PING_INTERVAL_MS);
    await eventually(() => endpoint.sessions.size === 0, "the end of the connection");
    assert.ok(transport.isReachable);
  });

  it("whose other end is silent breaks, and so does what is on it", async () => {
    const endpoint = await serve();
    const transport = dial(endpoint.url);
    const heard = ask(transport);
    await eventually(() => headed([heard]) === 1, "the answer");
    clock.runOut(PING_INTERVAL_MS);
    clock.runOut(PING_TIMEOUT_MS);
    await eventually(() => heard.events.length === 3, "the break");
    assert.match(heard.events.at(-1) ?? "", /^broken reached: .*(did not answer a PING|reset)/);
  });

  const strangers: ReadonlyArray<{ readonly name: string; readonly welcome: (socket: Socket) => void }> = [
    { name: "closes it", welcome: (socket) => socket.destroy() },
    { name: "speaks HTTP/1.1", welcome: (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n") },
    { name: "sends noise", welcome: (socket) => socket.end(Buffer.alloc(100, 0xa5)) },
  ];
  for (const { name, welcome } of strangers) {
    it(`to somebody who ${name} never comes about`, async () => {
      const transport = dial(await listen(welcome));
      const { events } = ask(transport);
      await eventually(() => events.length > 0, "the refusal");
      assert.match(events.join(), /^broken unreached: /);
      assert.ok(!transport.isReachable);
    });
  }

  it("to somebody who says nothing is given up", async () => {
    const { events } = ask(dial(await listen(() => {})));
    await eventually(() => clock.waits.includes(10_000), "the attempt to connect");
    clock.runOut(10_000);
    await eventually(() => events.length > 0, "the end of patience");
    assert.deepEqual(events, ["broken unreached: no HTTP/2 connection within 10000 ms"]);
  });

  it("goes nowhere where it may not, neither by address nor by name", async () => {
    const rules = networkRules({ allowed: [], denied: ["127.0.0.0/8", "::1/128"] });
    const endpoint = await serve();
    for (const host of ["127.0.0.1", "localhost"]) {
      const url = endpoint.url.replace("127.0.0.1", host);
      const { events } = ask(dial(url, new EndpointAddresses(rules)));
      await eventually(() => events.length > 0, "the refusal");
      assert.match(events.join(), /^broken unreached: This server does not connect to/);
    }
    assert.equal(endpoint.connections, 0);
  });
});

async function listen(welcome: (socket: Socket) => void): Promise<string> {
  const { url, close } = await listenTcp(welcome);
  toClose.push(close);
  return url;
}
