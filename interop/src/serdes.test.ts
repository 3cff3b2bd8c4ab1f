/** Serdes of Restate's SDK that can show their values, asked for them by way of a whole server. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { loadConfig, startServer, type RunningServer } from "@holdfast/server";
import * as restate from "@restatedev/restate-sdk";

import { serveOverHttp1, serveOverHttp2, type ServedEndpoint } from "./restate-endpoint.ts";
import { OPEN, OVER_HTTP1, REQUEST_BY_REQUEST, suiteTitle } from "./suite-titles.ts";
import { World } from "./world.contract.ts";

/** Numbers as four bytes, as people do not read them. */
const wordSerde: restate.Serde<number> = {
  contentType: "application/x-word",
  serialize: (value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  },
  deserialize: (bytes) => Buffer.from(bytes).readInt32BE(),
  preview: {
    toJsonString: (value) => JSON.stringify({ word: value }),
    fromJsonString: (json) => (JSON.parse(json) as { word: number }).word,
  },
};

const words = restate.service({
  name: "words",
  handlers: {
    double: restate.handlers.handler(
      { input: wordSerde, output: wordSerde },
      async (_ctx: restate.Context, word: number) => word * 2,
    ),
  },
});

const directory = mkdtempSync(join(tmpdir(), "holdfast-serdes-"));
const endpoints: ServedEndpoint[] = [];
let server: RunningServer;

before(async () => {
  const given = { data: directory, "ingress.port": 0, "admin.port": 0 };
  server = await startServer({ config: loadConfig({ arguments: given }), onWarning: () => {} });
});
after(async () => {
  await server.close();
  for (const endpoint of endpoints) await endpoint.close();
  rmSync(directory, { recursive: true });
});

function post(path: string, body: string | Uint8Array<ArrayBuffer>): Promise<Response> {
  return fetch(server.adminUrl + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
}

for (const [suite, serve] of [
  [suiteTitle("TypeScript", OPEN), serveOverHttp2],
  [suiteTitle(OVER_HTTP1, REQUEST_BY_REQUEST), serveOverHttp1],
] as const) {
  describe(`${suite}: values of a serde`, () => {
    it("are shown and made by the SDK [preview_serdes]", async () => {
      const endpoint = await serve({ services: [words] });
      endpoints.push(endpoint);
      const registered = await post("/deployments", JSON.stringify({ uri: endpoint.url }));
      assert.equal(registered.status, 201, await registered.text());
      const serde = "/internal/services/words/serdes";
      const encoded = await post(`${serde}/encode/double/input`, '{"word":258}');
      assert.equal(encoded.status, 200, await encoded.clone().text());
      const bytes = new Uint8Array(await encoded.arrayBuffer());
      assert.deepEqual([...bytes], [0, 0, 1, 2]);
      const decoded = await post(`${serde}/decode/double/output`, bytes);
      assert.deepEqual([decoded.status, await decoded.json()], [200, { word: 258 }]);
      assert.equal((await post(`${serde}/decode/double/output`, "x")).status, 422);
      assert.equal((await post(`${serde}/decode/nothing`, bytes)).status, 500);
    });
  });
}

describe("values of a serde of Restate's SDK", () => {
  it("are for the engine that the SDK knows", async () => {
    const { privateKey: identity } = generateKeyPairSync("ed25519");
    const unserved = await World.open([], { identity });
    const key = unserved.engine.restateIdentityKey ?? "";
    const endpoint = await serveOverHttp2({ services: [words], identityKeys: [key] });
    const world = await World.open([{ ...endpoint, url: `${endpoint.url}/below` }], { identity });
    const [[id] = [""]] = [...world.engine.tables.deployments.all()];
    const body = Buffer.from('{"word":1}');
    const answer = await world.engine.askDeployment(id, "/serdes/words/encode/double/input", body);
    assert.deepEqual([answer.status, [...answer.body]], [200, [0, 0, 0, 1]]);
  });
});
