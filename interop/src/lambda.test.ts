/** Endpoints of Restate's SDK that are functions, by way of a whole server. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { loadConfig, startServer, type RunningServer } from "@holdfast/server";

import { serveAsLambda, type ServedEndpoint } from "./restate-endpoint.ts";
import { services } from "./scenarios.contract.ts";
import { ref, World } from "./world.contract.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-lambda-"));
let endpoint: ServedEndpoint;
let server: RunningServer;

before(async () => {
  endpoint = await serveAsLambda({ services });
  const given = { data: directory, "ingress.port": 0, "admin.port": 0 };
  server = await startServer({ config: loadConfig({ arguments: given }), onWarning: () => {} });
});
after(async () => {
  await server.close();
  await endpoint.close();
  rmSync(directory, { recursive: true });
});

async function post(
  url: string,
  body: unknown,
): Promise<{ readonly status: number; readonly json: unknown }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, json: await response.json() };
}

describe("a function of Restate's SDK", () => {
  it("is registered by its URL, called, and asked for what else it does", async () => {
    // A gateway has paths and queries of its own, which are not for the function.
    const uri = `${endpoint.url}/2015-03-31/functions/f/invocations?stage=1`;
    const registered = await post(`${server.adminUrl}/deployments`, { uri, use_lambda: true });
    assert.equal(registered.status, 201, JSON.stringify(registered.json));
    const { id } = registered.json as { id: string };
    const shown = (await (await fetch(`${server.adminUrl}/v3/deployments/${id}`)).json()) as Record<
      string,
      unknown
    >;
    assert.deepEqual(
      [shown["uri"], shown["protocol_type"], shown["http_version"]],
      [uri, "RequestResponse", "HTTP/1.1"],
    );
    const called = await post(`${server.ingressUrl}/steps/echo`, "hello");
    assert.deepEqual(called, { status: 200, json: "hello" });
    const serde = await post(`${server.adminUrl}/internal/services/steps/serdes/decode/echo/input`, 1);
    assert.notEqual(serde.status, 404);
    const moved = await fetch(`${server.adminUrl}/v3/deployments/${id}`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri: `${endpoint.url}/elsewhere` }),
    });
    assert.equal(moved.status, 200, await moved.text());
    assert.deepEqual(await post(`${server.ingressUrl}/steps/echo`, "there"), { status: 200, json: "there" });
  });

  it("is not found where HTTP was expected", async () => {
    const plain = await post(`${server.adminUrl}/v3/deployments`, { uri: `${endpoint.url}/plain` });
    assert.equal(plain.status, 500);
  });

  it("recognises its engine", async () => {
    const { privateKey: identity } = generateKeyPairSync("ed25519");
    const unserved = await World.open([], { identity });
    const key = unserved.engine.restateIdentityKey ?? "";
    const guarded = await serveAsLambda({ services, identityKeys: [key] });
    const world = await World.open([guarded], { identity, isLambda: true });
    assert.equal(await world.client.call(ref("steps/echo"), "for you"), "for you");
    const stranger = await World.open([]);
    await assert.rejects(stranger.engine.discover(guarded.url, {}, { isLambda: true }), /answered 401/);
  });

  it("is given a journal that is worth compressing compressed, and answers so", async () => {
    const world = await World.open([await serveAsLambda({ services })], { isLambda: true });
    const manifests = [...world.engine.tables.deployments.all()].map(
      ([, { manifest }]) => manifest.restate?.lambda,
    );
    assert.deepEqual(manifests, [{ compression: "zstd" }]);
    const large = "é".repeat(4 * 1024 * 1024);
    assert.equal(await world.client.call(ref("steps/echo"), large), large);
  });
});
