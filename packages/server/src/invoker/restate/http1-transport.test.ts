/** Exchanges over HTTP/1.1 with servers that end a connection sooner, or later, than one might wish. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { afterEach, describe, it } from "node:test";

import { systemClock } from "../../clock.ts";
import { anyAddress, eventually } from "../session-harness.contract.ts";
import type { Exchange } from "./exchange.ts";
import { Http1Transport } from "./http1-transport.ts";
import { listenTcp } from "./raw-tcp.contract.ts";

const toClose: Array<() => void> = [];
afterEach(() => {
  for (const close of toClose.splice(0).reverse()) close();
});

/** Dials a server that does what `welcome` does with each connection. */
async function reach(welcome: (socket: Socket) => void): Promise<Http1Transport> {
  const { url, close } = await listenTcp(welcome);
  toClose.push(close);
  const base = new URL(url);
  const transport = new Http1Transport({ clock: systemClock, base, addresses: anyAddress() });
  toClose.push(() => transport.close());
  return transport;
}

type Heard = { readonly events: string[]; readonly exchange: Exchange };

function ask(transport: Http1Transport, bytes: number, onHead: (exchange: Exchange) => void): Heard {
  const events: string[] = [];
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
      onHead: (status) => {
        events.push(`head ${status}`);
        onHead(exchange);
      },
      onData: (chunk) => events.push(`data ${chunk.length}`),
      onEnd: () => events.push("end"),
      onBroken: (reason) => events.push(`broken: ${reason}`),
    },
  );
  return { events, exchange };
}

describe("over HTTP/1.1", () => {
  it("a response is read to its end, though its connection was closed while nobody read it", async () => {
    let isClosed = false;
    const transport = await reach((socket) => {
      socket.resume();
      socket.on("close", () => {
        isClosed = true;
      });
      socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\nlast words");
    });
    const { events, exchange } = ask(transport, 10, (it) => it.pause());
    await eventually(() => isClosed && events.length > 0, "the end of the connection");
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(events, ["head 200"]);
    exchange.resume();
    await eventually(() => events.length === 3, "the rest");
    assert.deepEqual(events, ["head 200", "data 10", "end"]);
  });

  it("a response that breaks off while nobody reads it is broken", async () => {
    const transport = await reach((socket) => {
      socket.resume();
      socket.end("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 11\r\n\r\nlast words");
    });
    const { events } = ask(transport, 10, (it) => it.pause());
    await eventually(() => events.length === 2, "the break");
    assert.match(events.join(), /^head 200,broken: /);
  });

  it("a request that is answered without being read is not kept for ever", async () => {
    let far: Socket | undefined;
    const transport = await reach((socket) => {
      far = socket;
      socket.pause();
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    });
    const { events } = ask(transport, 20_000_000, () => {});
    await eventually(() => events.includes("end"), "the answer");
    // Reads what is on its way, and then how it ends.
    far?.resume();
    await eventually(() => far?.destroyed === true, "the end of the connection");
    assert.ok((far?.bytesRead ?? 0) < 20_000_000, "what was not on its way yet was given up");
    assert.deepEqual(events, ["head 200", "end"]);
  });
});
