import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, it } from "node:test";

import { HttpConnection } from "./connection.ts";
import type { Response } from "./response-parser.ts";

const REQUEST = "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

function exchange(connection: HttpConnection): Promise<Response> {
  return new Promise((onResponse, onError) => connection.send(REQUEST, { onResponse, onError }));
}

describe("a connection of the load generator", () => {
  it("tells of a server that closed it while it was idle, and fails what is sent on it", async () => {
    const server = createServer((socket) => socket.once("data", () => socket.end(ANSWER)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const connection = await HttpConnection.open({
      host: "127.0.0.1",
      port: (server.address() as AddressInfo).port,
    });
    assert.equal((await exchange(connection)).status, 200);
    for (let wait = 0; wait < 1_000 && connection.isOpen; wait++) await new Promise(setImmediate);
    assert.equal(connection.isOpen, false);
    await assert.rejects(exchange(connection), /closed/);
    server.close();
  });
});
