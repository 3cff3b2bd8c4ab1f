/** What is left of exchanges and connections over HTTP/2 whose other end never says the last word: nothing. */
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";

import { anyAddress, eventually } from "../session-harness.contract.ts";
import type { Exchange } from "./exchange.ts";
import { Http2Transport } from "./http2-transport.ts";
import { ManualClock } from "./manual-clock.contract.ts";
import { FrameType, RawHttp2, type RawHttp2Connection } from "./raw-http2.contract.ts";

const PING_INTERVAL_MS = 40_000;
const PING_TIMEOUT_MS = 20_000;
const CLOSE_TIMEOUT_MS = 5_000;
const ROOMY = 1024 * 1024;

const clock = new ManualClock();
const toClose: Array<() => void> = [];
afterEach(() => {
  for (const close of toClose.splice(0).reverse()) close();
});

/** An exchange that says so much and ends its request. Its events are noted in `events`. */
function ask(transport: Http2Transport, events: string[], bytes = 10): Exchange {
  let hasWritten = false;
  const exchange: Exchange = transport.open(
    { method: "POST", path: "/invoke/script/go", headers: {} },
    {
      onWritable: () => {
        if (hasWritten) return;
        hasWritten = true;
        exchange.write(new Uint8Array(bytes));
        exchange.end();
      },
      onHead: (status) => events.push(`head ${status}`),
      onData: (chunk) => events.push(`data ${chunk.length}`),
      onEnd: () => events.push("end"),
      onBroken: (reason) => events.push(`broken: ${reason}`),
    },
  );
  return exchange;
}

async function reach(
  windowBytes: number,
  onRequest: (from: RawHttp2Connection, stream: number) => void,
): Promise<{ readonly peer: RawHttp2; readonly transport: Http2Transport }> {
  const peer = await RawHttp2.listen(windowBytes, onRequest);
  toClose.push(() => peer.close());
  const transport = new Http2Transport({ clock, base: new URL(peer.url), addresses: anyAddress() });
  toClose.push(() => transport.close());
  return { peer, transport };
}

describe("over HTTP/2", () => {
  it("a request that is answered without being read is not kept for ever", async () => {
    const { peer, transport } = await reach(0, (from, stream) => from.answer(stream));
    const events: string[] = [];
    ask(transport, events, 100_000);
    const isReset = () => peer.connections[0]?.received.some(({ type }) => type === FrameType.Reset) === true;
    await eventually(isReset, "the reset of the stream");
    assert.deepEqual(events, ["head 200", "data 3", "end"]);
  });

  it("a stream on a connection that takes no others is left to its end", async () => {
    const { peer, transport } = await reach(ROOMY, (from, stream) => {
      if (stream === 1) from.goAway(stream);
    });
    const events: string[] = [];
    ask(transport, events);
    const received = (type: number): boolean =>
      peer.connections[0]?.received.some((frame) => frame.type === type) === true;
    await eventually(() => received(FrameType.Data), "the request");
    await eventually(() => {
      // Once the other end has been heard, others take another connection.
      ask(transport, []);
      return peer.connections.length > 1;
    }, "a second connection");
    // Nobody is asked whether this one lives, so no answer must be missed either.
    clock.runOut(PING_INTERVAL_MS);
    clock.runOut(PING_TIMEOUT_MS);
    peer.connections[0]?.answer(1);
    await eventually(() => events.includes("end"), "the answer");
    assert.deepEqual(events, ["head 200", "data 3", "end"]);
  });

  it("a connection may be closed at any moment while it comes about", async () => {
    const { peer } = await reach(ROOMY, () => {});
    for (let turns = 0; turns < 100; turns++) {
      const transport = new Http2Transport({ clock, base: new URL(peer.url), addresses: anyAddress() });
      const events: string[] = [];
      ask(transport, events);
      for (let turn = 0; turn < turns % 25; turn++) {
        // Into the middle of a turn, too.
        if (turns % 2 === 0) await new Promise(setImmediate);
        else await new Promise(process.nextTick);
      }
      transport.close();
      await eventually(() => events.length === 1, "the break");
      assert.match(events.join(), /^broken: /);
    }
  });

  describe("a connection that takes nothing more and is not closed by the other end", () => {
    /** The connection as the other end sees it, half-closed. */
    async function halfClosed(): Promise<{
      readonly far: RawHttp2Connection;
      readonly transport: Http2Transport;
    }> {
      const { peer, transport } = await reach(ROOMY, (from, stream) => {
        from.answer(stream);
        from.goAway(stream);
      });
      const events: string[] = [];
      ask(transport, events);
      await eventually(() => peer.connections[0]?.isEnded === true, "the end of this side's half");
      assert.deepEqual(events, ["head 200", "data 3", "end"]);
      const [far] = peer.connections;
      assert.ok(far);
      return { far, transport };
    }

    /** Whoever writes to a connection that is gone altogether is told so. */
    async function isGone(far: RawHttp2Connection): Promise<void> {
      await eventually(() => {
        far.goAway(0);
        return far.isClosed;
      }, "the end of the connection");
    }

    it("is let go after a while", async () => {
      const { far } = await halfClosed();
      assert.ok(clock.waits.includes(CLOSE_TIMEOUT_MS));
      clock.runOut(CLOSE_TIMEOUT_MS);
      await isGone(far);
    });

    it("is let go at a shutdown", async () => {
      const { far, transport } = await halfClosed();
      transport.close();
      await isGone(far);
    });
  });
});
