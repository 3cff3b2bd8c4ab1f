/** Java's HTTP client offers HTTP/2 with the first request on a connection. It has to be answered, in HTTP/1.1, like any other. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { it } from "node:test";

import { AdminRig } from "../admin/admin-rig.ts";
import { IngressRig, until } from "../ingress/ingress-rig.ts";
import { answersIn, type RawAnswer } from "./raw-http.contract.ts";

const OFFER = [
  "Connection: Upgrade, HTTP2-Settings",
  "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA",
  "Upgrade: h2c",
  "User-Agent: Java-http-client/21.0.2",
];

function request(method: string, path: string, body = ""): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...OFFER,
    `Content-Length: ${body.length}`,
    "Host: localhost",
    "Content-Type: application/json",
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

/** On one connection, each when the one before has been answered, as that client does. */
async function askInTurn(port: number, requests: readonly string[]): Promise<RawAnswer[]> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  let received = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    received += chunk;
  });
  for (const [index, bytes] of requests.entries()) {
    socket.write(bytes);
    await until(() => answersIn(received).length > index || socket.destroyed);
  }
  socket.destroy();
  return answersIn(received);
}

it("the ingress answers a request that offers HTTP/2, and the next one on the connection", async (t) => {
  const rig = await IngressRig.start();
  t.after(() => rig.close());
  const [greeted, health] = await askInTurn(rig.server.port, [
    request("POST", "/Greeter/greet", '{"name":"Ada"}'),
    request("GET", "/restate/health"),
  ]);
  assert.deepEqual([greeted?.status, greeted?.body, health?.status], [200, '"hello Ada"', 200]);
});

it("so does the admin API", async (t) => {
  const rig = await AdminRig.start();
  t.after(() => rig.close());
  const [cluster, patched] = await askInTurn(rig.server.port, [
    request("GET", "/cluster-health"),
    request("PATCH", "/services/Secret", '{"public":true}'),
  ]);
  assert.deepEqual([cluster?.status, patched?.status], [200, 200]);
});
