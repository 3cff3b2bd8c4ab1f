import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Server } from "node:net";
import { it } from "node:test";

import { HttpServer } from "./http-server.ts";
import { ReceiveBudget } from "./receive-budget.ts";

const LISTENING = "tracing:net.server.listen:asyncStart";

it("a listener that cannot accept for a while says so once, and goes on", async () => {
  const found: Server[] = [];
  const find = (message: unknown): void => {
    const server: unknown = Reflect.get(message as object, "server");
    if (server instanceof Server) found.push(server);
  };
  subscribe(LISTENING, find);
  const defects: unknown[] = [];
  const server = await HttpServer.listen({
    handler: (_req, res) => res.end("served"),
    source: "ingress",
    host: "127.0.0.1",
    port: 0,
    headerBytesMax: 8_192,
    urlBytesMax: 1_024,
    headersMax: 50,
    connectionsMax: 10,
    bodyBytesMax: 1_000,
    budget: new ReceiveBudget(1_000, "ingress.receivingBytesMax"),
    requestTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    onDefect: (error) => defects.push(error),
  });
  unsubscribe(LISTENING, find);
  const [listener] = found;
  assert.ok(listener !== undefined && found.length === 1);
  // What Node emits when the system has no descriptor for a new connection, and its own spare one was of no help.
  const failure = Object.assign(new Error("accept EMFILE"), { code: "EMFILE" });
  const fail = (): boolean => listener.emit("error", failure);
  fail();
  fail();
  assert.deepEqual(defects, [failure]);
  assert.equal(await (await fetch(server.url)).text(), "served");
  fail();
  assert.equal(defects.length, 2, "a new time of need");
  await server.close();
});
