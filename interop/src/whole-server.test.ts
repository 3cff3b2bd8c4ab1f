/** A whole server on a disk, and handlers of Restate's SDK that it is told of over HTTP. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, it } from "node:test";

import { loadConfig, startServer, type RunningServer } from "@holdfast/server";

import { serveOverHttp2, type ServedEndpoint } from "./restate-endpoint.ts";
import { services } from "./scenarios.contract.ts";
import { protocolVersionMax } from "./world.contract.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-interop-"));
let endpoint: ServedEndpoint;
let server: RunningServer;

async function start(): Promise<void> {
  const given = {
    data: join(directory, "data"),
    "ingress.port": 0,
    "admin.port": 0,
    "restate.protocolVersionMax": protocolVersionMax,
  };
  server = await startServer({ config: loadConfig({ arguments: given }), onWarning: () => {} });
}

before(async () => {
  endpoint = await serveOverHttp2({ services });
  await start();
});
after(async () => {
  await server.close();
  await endpoint.close();
  rmSync(directory, { recursive: true });
});

async function post(url: string, body: unknown): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${response.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

const call = (path: string, body: unknown): Promise<unknown> => post(`${server.ingressUrl}/${path}`, body);

it("registers them, calls them, and finds what they were at after a restart", async () => {
  await post(`${server.adminUrl}/deployments`, { url: endpoint.url });
  assert.equal(await call("callers/call", "over HTTP"), "over HTTP");
  assert.deepEqual(await call("counter/k/add", 4), { before: 0, after: 4, key: "k" });
  await call("flow/w/run/send", "started");
  await server.close();
  await start();
  assert.deepEqual(await call("counter/k/add", 1), { before: 4, after: 5, key: "k" });
  assert.equal(await call("flow/w/approve", "alice"), "alice");
  const outcome = await fetch(`${server.ingressUrl}/restate/workflow/flow/w/attach`);
  assert.equal(await outcome.json(), "started alice");
});
