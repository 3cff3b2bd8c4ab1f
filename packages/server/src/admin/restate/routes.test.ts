import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";

import { AdminRig } from "../admin-rig.ts";
import { restateRoutes } from "./routes.ts";

const document = readFileSync(new URL("../../../../../docs/restate-admin.md", import.meta.url), "utf8");
const TOKEN = "sesame";

let rig: AdminRig;
let guarded: AdminRig;
before(async () => {
  rig = await AdminRig.start();
  guarded = await AdminRig.start({ token: TOKEN });
});
after(async () => {
  await rig.close();
  await guarded.close();
});

it("docs/restate-admin.md has every route, and no other", () => {
  const described = [...document.matchAll(/^\| `([A-Z]+ \/[^`]*)` \|/gm)].map(([, route]) => route);
  assert.deepEqual(new Set(described), new Set(restateRoutes.documented));
  assert.equal(described.length, restateRoutes.documented.length);
});

describe("the server as clients of Restate ask for it", () => {
  for (const prefix of ["/v2", "/v3", "/v4"]) {
    it(`is healthy, of a version and a cluster under ${prefix}`, async () => {
      const health = await rig.get(`${prefix}/health`);
      assert.deepEqual([health.status, health.text], [200, ""]);
      assert.deepEqual((await rig.get(`${prefix}/version`)).json, {
        version: "0.1.0",
        min_admin_api_version: 2,
        max_admin_api_version: 4,
        ingress_endpoint: "http://localhost:8080/",
        features: {},
      });
      const cluster = (await rig.get(`${prefix}/cluster-health`)).json;
      assert.deepEqual(cluster.metadata_cluster_health, { members: [1] });
      assert.equal(typeof cluster.cluster_name, "string");
    });
  }

  it("tells its version in both forms where none is in the path", async () => {
    const { json } = await rig.get("/version");
    assert.deepEqual([json.adminApi, json.min_admin_api_version, json.max_admin_api_version], [1, 2, 4]);
    assert.equal((await rig.get("/health")).status, 200);
    assert.deepEqual((await rig.get("/cluster-health")).json.metadata_cluster_health, { members: [1] });
  });

  it("is not healthy once it has failed", async () => {
    rig.engine.healthNow = { status: "failed", reason: "the disk is gone" };
    const health = await rig.get("/v3/health");
    rig.engine.healthNow = {};
    assert.deepEqual([health.status, health.json.restate_code], [503, null]);
    assert.match(health.json.message, /the disk is gone/);
  });
});

describe("paths", () => {
  const rows: ReadonlyArray<readonly [request: string, status: number]> = [
    ["GET /v1/health", 400],
    ["GET /v5/health", 400],
    ["GET /v3/nonsense", 404],
    ["GET /v3", 404],
    ["PUT /v3/services/Counter", 405],
    ["GET /v3/invocations", 404],
    ["GET /openapi", 501],
    ["POST /subscriptions", 501],
    ["DELETE /v3/subscriptions/sub_1", 501],
    ["GET /kafka-clusters", 501],
    ["PATCH /kafka-clusters/main", 501],
    ["PUT /limits/rules", 501],
  ];
  for (const [request, status] of rows) {
    it(`${request} is ${status}, said in Restate's form`, async () => {
      const [method = "", path = ""] = request.split(" ");
      const answer = await rig.send(method, path, method === "GET" ? undefined : {});
      assert.equal(answer.status, status, answer.text);
      assert.deepEqual(Object.keys(answer.json), ["message", "restate_code"]);
      if (status === 501) assert.match(answer.json.message, /docs\/restate-admin\.md/);
    });
  }

  it("of subscriptions lists none, as there are none", async () => {
    const { status, json } = await rig.get("/subscriptions");
    assert.deepEqual([status, json], [200, { subscriptions: [] }]);
  });

  it("that neither API has are told in ours, with the methods of both", async () => {
    assert.equal((await rig.get("/nonsense")).json.error, "not-found");
    const refused = await rig.send("PUT", "/services/Counter", {});
    assert.deepEqual([refused.status, refused.headers.get("allow")], [405, "GET, PATCH"]);
  });
});

describe("what protects the admin API protects these routes", () => {
  it("a token, where there is one", async () => {
    const refused = await guarded.get("/v3/services");
    assert.deepEqual([refused.status, refused.headers.get("www-authenticate")], [401, "Bearer"]);
    const headers = { authorization: `Bearer ${TOKEN}` };
    assert.equal((await guarded.get("/v3/services", { headers })).status, 200);
  });

  it("the origin of pages, and the content type of what they may send unasked", async () => {
    const headers = { origin: "http://evil.example" };
    assert.equal((await rig.send("PATCH", "/v3/services/Counter", {}, { headers })).status, 403);
    const form = { body: "{}", headers: { "content-type": "text/plain" } };
    for (const path of [
      "/v3/deployments",
      "/internal/invocations_batch_operations/kill",
      "/services/Counter/state",
    ])
      assert.equal((await rig.send("POST", path, undefined, form)).status, 415, path);
  });

  it("the size of bodies", async () => {
    const answer = await rig.send("POST", "/v3/deployments", { uri: "x".repeat(70_000) });
    assert.deepEqual([answer.status, answer.json.restate_code], [413, null]);
  });
});
