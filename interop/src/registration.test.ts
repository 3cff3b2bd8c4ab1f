/** Endpoints of Restate's SDK as they are found, and engines as those recognise them. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";

import { serveOverHttp1, serveOverHttp2 } from "./restate-endpoint.ts";
import { services } from "./scenarios.contract.ts";
import { OPEN, OVER_HTTP1, REQUEST_BY_REQUEST, suiteTitle } from "./suite-titles.ts";
import { ref, World } from "./world.contract.ts";

describe("an endpoint of Restate's SDK", () => {
  it("that speaks nothing but HTTP/2 is found, with what it serves", async () => {
    const endpoint = await serveOverHttp2({ services });
    const world = await World.open([endpoint]);
    const manifest = await world.engine.discover(endpoint.url, {});
    assert.deepEqual(manifest.restate, {
      minProtocolVersion: 5,
      maxProtocolVersion: 7,
      mode: "bidirectional",
      http: "2",
    });
    assert.match(manifest.sdk, /^restate-sdk-typescript\/1\.17/);
    const flow = manifest.services.find(({ name }) => name === "flow");
    assert.deepEqual(
      [flow?.kind, flow?.handlers.map(({ kind }) => kind)],
      ["workflow", ["run", "shared", "shared"]],
    );
    const lazy = manifest.services.find(({ name }) => name === "lazyCounter");
    assert.equal(lazy?.lazyState, true);
    const [greet] = manifest.services.find(({ name }) => name === "steps")?.handlers ?? [];
    assert.deepEqual(greet?.inputRule, { isRequired: false, contentType: "application/json" });
  });

  it("that speaks nothing but HTTP/2 is refused where HTTP/1.1 was asked for", async () => {
    const endpoint = await serveOverHttp2({ services });
    const world = await World.open([endpoint]);
    await assert.rejects(world.engine.discover(endpoint.url, {}, { http11Only: true }), {
      code: "deployment-unreachable",
    });
  });

  it("that speaks HTTP/1.1 is driven request by request", async () => {
    const endpoint = await serveOverHttp1({ services });
    const world = await World.open([endpoint]);
    const { restate } = await world.engine.discover(endpoint.url, {});
    assert.deepEqual([restate?.mode, restate?.http], ["request-response", "1.1"]);
  });

  it("under a path of its own, and with a query, is found and driven there", async () => {
    const endpoint = await serveOverHttp2({ services });
    const url = `${endpoint.url}/some/where?tenant=7`;
    const world = await World.open([{ url, close: () => endpoint.close() }]);
    assert.equal(await world.client.call(ref("steps/echo"), "there"), "there");
  });

  it("lets no other engine register it", async () => {
    const { privateKey: identity } = generateKeyPairSync("ed25519");
    const other = await World.open([], { identity: generateKeyPairSync("ed25519").privateKey });
    const unsigned = await World.open([]);
    const owner = await World.open([], { identity });
    const endpoint = await serveOverHttp2({
      services,
      identityKeys: [owner.engine.restateIdentityKey ?? ""],
    });
    try {
      for (const { engine } of [other, unsigned]) {
        await assert.rejects(engine.discover(endpoint.url, {}), /answered 401/);
      }
    } finally {
      await endpoint.close();
    }
  });
});

const signedWays = [
  [suiteTitle("TypeScript", OPEN), serveOverHttp2],
  [suiteTitle(OVER_HTTP1, REQUEST_BY_REQUEST), serveOverHttp1],
] as const;
for (const [title, serve] of signedWays) {
  describe(`${title}: signed requests`, () => {
    it("run for the engine whose key the endpoint was given [ProxyRequestSigning.requestSigningPass]", async () => {
      const { privateKey: identity } = generateKeyPairSync("ed25519");
      const unserved = await World.open([], { identity });
      const key = unserved.engine.restateIdentityKey ?? "";
      const world = await World.open([await serve({ services, identityKeys: [key] })], { identity });
      assert.equal(await world.client.call(ref("steps/echo"), "for you"), "for you");
      assert.deepEqual(await world.client.call(ref("callers/callObject"), "key/ with é"), [2, 5]);
    });
  });
}
