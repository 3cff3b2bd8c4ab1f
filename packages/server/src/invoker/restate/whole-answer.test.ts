/** One request and its whole response: bounded in size and time, and to addresses that are allowed. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { systemClock } from "../../clock.ts";
import { EndpointAddresses } from "../endpoint-address.ts";
import { networkRules } from "../network-rules.ts";
import type { ExchangeListener, ExchangeRequest, Transport } from "./exchange.ts";
import { ManualClock } from "./manual-clock.contract.ts";
import { askOnWire, RestateWire } from "./restate-wire.ts";
import { FakeExchange } from "./session-rig.contract.ts";
import { askWhole } from "./whole-answer.ts";

const TIMEOUT_MS = 1_000;
const BYTES_MAX = 10;
const REQUEST: ExchangeRequest = { method: "POST", path: "/serdes/a/decode/b", headers: {} };

function ask() {
  const clock = new ManualClock();
  const exchange = new FakeExchange();
  const transport: Transport = {
    isReachable: true,
    close: () => {},
    open: (_request, listener: ExchangeListener) => {
      exchange.listener = listener;
      return exchange;
    },
  };
  const options = { clock, timeoutMs: TIMEOUT_MS, bytesMax: BYTES_MAX };
  const answer = askWhole(transport, REQUEST, undefined, options);
  exchange.listener.onWritable();
  return { clock, exchange, answer };
}

describe("an answer", () => {
  it("is whole when the response ends, and nothing waits any more", async () => {
    const { clock, exchange, answer } = ask();
    exchange.listener.onWritable();
    exchange.listener.onHead(200, { "content-type": "a/b" });
    exchange.listener.onData(Buffer.from("12345"));
    exchange.listener.onData(Buffer.from("67890"));
    exchange.listener.onEnd();
    const { status, headers, body } = await answer;
    assert.deepEqual(
      [status, headers, Buffer.from(body).toString()],
      [200, { "content-type": "a/b" }, "1234567890"],
    );
    assert.deepEqual([clock.waits, exchange.log], [[], ["end"]]);
  });

  it("that is too large is cut off", async () => {
    const { clock, exchange, answer } = ask();
    exchange.listener.onData(Buffer.alloc(BYTES_MAX + 1));
    await assert.rejects(answer, {
      name: "NoAnswer",
      message: "its answer is larger than 10 bytes",
      isTooLarge: true,
    });
    assert.deepEqual([clock.waits, exchange.log], [[], ["end", "cancel"]]);
  });

  it("that does not come is given up", async () => {
    const { clock, exchange, answer } = ask();
    clock.runOut(TIMEOUT_MS);
    await assert.rejects(answer, { name: "NoAnswer", message: "no answer within 1000 ms" });
    assert.deepEqual(exchange.log, ["end", "cancel"]);
  });

  it("that breaks off is none", async () => {
    const { clock, exchange, answer } = ask();
    exchange.listener.onBroken("the connection was closed", true);
    await assert.rejects(answer, { name: "NoAnswer", message: "the connection was closed" });
    assert.deepEqual(clock.waits, []);
  });
});

it("a deployment is not asked where none may be", async () => {
  const addresses = new EndpointAddresses(networkRules({ allowed: [], denied: ["loopback"] }));
  for (const http of ["1.1", "2"] as const) {
    const url = "http://127.0.0.1:9";
    const wire = new RestateWire({
      clock: systemClock,
      url,
      headers: {},
      endpoint: { minProtocolVersion: 5, maxProtocolVersion: 6, mode: "bidirectional", http },
      addresses,
      messageBytesMax: BYTES_MAX,
    });
    const asked = askOnWire(wire, { url, path: "/serdes/a/decode/b", body: new Uint8Array(0) });
    await assert.rejects(asked, (error: Error) => {
      assert.match(
        error.message,
        /cannot be reached: .*"127\.0\.0\.1", which deployments\.deniedNetworks lists/,
      );
      return true;
    });
    wire.close();
  }
});
