import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import type { ServiceManifest } from "@holdfast/protocol";

import { manifestOf } from "../../http/fake-engine.ts";
import { DEPLOYMENT, type Answer } from "../../ingress/ingress-rig.ts";
import { AdminRig } from "../admin-rig.ts";

let rig: AdminRig;
before(async () => {
  rig = await AdminRig.start();
});
after(() => rig.close());

const plain = (name: string, ...handlers: readonly string[]): ServiceManifest => ({
  name,
  kind: "service",
  handlers: handlers.map((handler) => ({ name: handler, kind: "plain" })),
});

function serves(uri: string, ...services: readonly ServiceManifest[]): void {
  rig.engine.endpoints.set(uri, manifestOf(services));
}

const register = (body: object, prefix = ""): Promise<Answer> =>
  rig.send("POST", `${prefix}/deployments`, body);

function assertRefusal(answer: Answer, status: number, code: string | null, message: RegExp): void {
  assert.equal(answer.status, status, answer.text);
  assert.deepEqual(Object.keys(answer.json), ["message", "restate_code"]);
  assert.equal(answer.json.restate_code, code);
  assert.match(answer.json.message, message);
}

describe("a deployment that is registered as clients of Restate do it", () => {
  it("is new once, then known, and has an address of its own", async () => {
    serves("http://localhost:8001", plain("One", "a"));
    const first = await register({ uri: "http://localhost:8001/", force: false });
    assert.equal(first.status, 201, first.text);
    const { id, services } = first.json;
    assert.match(id, /^dp_1[0-9A-Za-z]{22}$/);
    assert.equal(first.headers.get("location"), `deployments/${id}`);
    assert.deepEqual(Object.keys(first.json), [
      "id",
      "services",
      "min_protocol_version",
      "max_protocol_version",
      "sdk_version",
    ]);
    assert.equal(first.json.sdk_version, "test/1.0.0");
    assert.deepEqual([services[0].name, services[0].ty, services[0].revision], ["One", "Service", 1]);
    assert.equal(services[0].deployment_id, id);
    const again = await register({ uri: "http://localhost:8001", force: false });
    assert.deepEqual([again.status, again.json.id, again.json.services], [200, id, services]);
    const forced = await register({ uri: "http://localhost:8001", force: true });
    assert.deepEqual([forced.status, forced.json.id], [200, id]);
  });

  it("replaces by default in version 2 only, and there a known address without force is a conflict", async () => {
    serves("http://localhost:8002", plain("Two", "a"));
    const { id } = (await register({ uri: "http://localhost:8002" }, "/v2")).json;
    serves("http://localhost:8002", plain("Two", "a", "b"));
    assertRefusal(await register({ uri: "http://localhost:8002" }), 409, null, /force/);
    assertRefusal(await register({ uri: "http://localhost:8002" }, "/v3"), 409, null, /force/);
    const replaced = await register({ uri: "http://localhost:8002" }, "/v2");
    assert.deepEqual([replaced.status, replaced.json.id, replaced.json.services[0].revision], [200, id, 2]);
    const refused = await register({ uri: "http://localhost:8002", force: false }, "/v2");
    assertRefusal(refused, 409, null, /is registered as dp_1/);
  });

  it("may lack handlers that an older revision had, but not change the type of a service", async () => {
    serves("http://localhost:8003", plain("Three", "a", "b"));
    serves("http://localhost:8004", plain("Three", "b"));
    serves("http://localhost:8005", {
      name: "Three",
      kind: "object",
      handlers: [{ name: "b", kind: "exclusive" }],
    });
    await register({ uri: "http://localhost:8003" });
    assert.equal((await register({ uri: "http://localhost:8004" })).status, 201);
    const refused = await register({ uri: "http://localhost:8005" });
    assertRefusal(refused, 409, "META0006", /"Three" is a Service and would become a VirtualObject/);
    const broken = await register({ uri: "http://localhost:8005", breaking: true });
    assert.deepEqual([broken.status, broken.json.services[0].ty], [201, "VirtualObject"]);
  });

  it("may be served behind a path and a query", async () => {
    serves("http://localhost:8008/some/where?tenant=7", plain("Eight", "a"));
    const { status, json } = await register({ uri: "http://localhost:8008/some/where/?tenant=7" });
    assert.equal(status, 201, json.message);
    const shown = (await rig.get(`/v3/deployments/${json.id}`)).json;
    assert.equal(shown.uri, "http://localhost:8008/some/where?tenant=7");
  });

  it("is only described by a dry run", async () => {
    serves("http://localhost:8006", plain("Six", "a"));
    const dry = await register({ uri: "http://localhost:8006", dry_run: true });
    assert.deepEqual([dry.status, dry.json.services[0].revision], [200, 1]);
    assert.equal((await rig.get("/services/Six")).status, 404);
  });

  it("is asked over HTTP/1.1 and with more headers when that is wished, and their values are never shown", async () => {
    serves("http://localhost:8007", plain("Seven", "a"));
    const { id } = (
      await register({
        uri: "http://localhost:8007",
        use_http_11: true,
        additional_headers: { Authorization: "canary" },
        metadata: { commit: "abc" },
        something_newer: { a: 1 },
      })
    ).json;
    assert.deepEqual(rig.engine.discovered.at(-1), [
      "http://localhost:8007",
      { authorization: "canary" },
      { http11Only: true, isLambda: false },
    ]);
    const shown = await rig.get(`/v3/deployments/${id}`);
    assert.deepEqual(shown.json.additional_headers, { authorization: "(hidden)" });
    assert.deepEqual(shown.json.metadata, { commit: "abc" });
    assert.doesNotMatch(shown.text, /canary/);
  });

  type Row = readonly [what: string, body: unknown, status: number, code: string | null, message: RegExp];
  const refusals: readonly Row[] = [
    ["where nothing listens", { uri: "http://localhost:1" }, 500, "META0003", /cannot be reached/],
    ["at what is no address", { uri: "localhost" }, 422, null, /"uri" cannot be used/],
    ["with a number as address", { uri: 7 }, 422, null, /"uri" must be a text/],
    ["with fields of another kind", { uri: "http://h", force: "yes" }, 422, null, /"force" must be true/],
    ["on Lambda", { arn: "arn:aws:lambda:eu-central-1:1:function:f:1" }, 501, null, /AWS Lambda/],
    ["with credentials to be kept", { uri: "http://h", auth: {} }, 501, null, /"auth"/],
    [
      "with a header that cannot be sent",
      { uri: "http://h", additional_headers: { "x-a": "a\r\nb" } },
      400,
      null,
      /additionalHeaders\.x-a/,
    ],
  ];
  for (const [what, body, status, code, message] of refusals) {
    it(`is refused ${what}: ${status} ${code}`, async () => {
      assertRefusal(await register(body as object), status, code, message);
    });
  }
});

describe("deployments", () => {
  it("are listed and shown in Restate's form, under a version and beside ours without one", async () => {
    for (const prefix of ["/v2", "/v3", "/v4", ""]) {
      const { json } = await rig.get(`${prefix}/deployments`);
      const shown = json.deployments.find(({ id }: { id: string }) => id === DEPLOYMENT);
      assert.equal(shown.uri, "http://localhost:9080");
      assert.equal(shown.protocol_type, "BidiStream");
      assert.match(shown.created_at, /^2030-01-01T00:00:00\.000000000Z$/);
      assert.deepEqual(
        shown.services.find(({ name }: { name: string }) => name === "Greeter"),
        { name: "Greeter", revision: 1 },
      );
    }
    const full = (await rig.get(`/v3/deployments/${DEPLOYMENT}`)).json;
    const counter = full.services.find(({ name }: { name: string }) => name === "Counter");
    assert.deepEqual([counter.ty, counter.deployment_id], ["VirtualObject", DEPLOYMENT]);
    const both = (await rig.get(`/deployments/${DEPLOYMENT}`)).json;
    assert.deepEqual([both.uri, both.url, both.status], [full.uri, full.uri, "active"]);
  });

  it("can be reached elsewhere from now on, and serve something else if that is wished", async () => {
    const [before, after] = ["http://localhost:8020", "http://localhost:8021"];
    serves(before, plain("Moved", "a", "b"));
    serves(after, plain("Moved", "a"));
    const { id } = (await register({ uri: before })).json;
    const patch = (body: object, of = id): Promise<Answer> => rig.send("PATCH", `/deployments/${of}`, body);
    assertRefusal(await patch({ uri: after }), 409, null, /has no Moved\/b/);
    serves(after, plain("Moved", "a", "b", "c"));
    const dry = await patch({ uri: after, dry_run: true, use_http_11: true });
    assert.deepEqual([dry.status, dry.json.uri], [200, after]);
    assert.deepEqual(rig.engine.discovered.at(-1)?.[2], { http11Only: true, isLambda: false });
    assert.equal((await rig.get(`/v3/deployments/${id}`)).json.uri, before);
    const moved = await patch({ uri: after, additional_headers: { "X-A": "1" } });
    const names = (answer: Answer): string[] =>
      answer.json.services[0].handlers.map(({ name }: { name: string }) => name);
    assert.deepEqual(
      [moved.status, moved.json.id, moved.json.uri, names(moved)],
      [200, id, after, ["a", "b"]],
    );
    assert.deepEqual(rig.engine.tables.deployments.get(id)?.headers, { "x-a": "1" });
    const overwritten = await patch({ overwrite: true });
    assert.deepEqual([names(overwritten), overwritten.json.services[0].revision], [["a", "b", "c"], 1]);

    serves("http://localhost:9080", plain("Moved", "a", "b", "c"));
    assertRefusal(await patch({ uri: "http://localhost:9080" }), 409, null, /is registered as dp_1/);
    assertRefusal(await patch({ uri: "http://localhost:1" }), 500, "META0003", /cannot be reached/);
    assertRefusal(await patch({ uri: 7 }), 422, null, /"uri" must be a text/);
    assertRefusal(await patch({}, "dp_1nobody"), 404, null, /dp_1nobody/);
    const restate = {
      minProtocolVersion: 5,
      maxProtocolVersion: 7,
      mode: "bidirectional",
      http: "2",
    } as const;
    rig.engine.endpoints.set(
      after,
      manifestOf([plain("Moved", "a", "b", "c")], { wires: ["restate"], restate }),
    );
    assertRefusal(await patch({ overwrite: true }), 400, "META0016", /versions 1 to 1.* 5 to 7/);
  });

  it("are removed when nothing runs on them, and by force", async () => {
    serves("http://localhost:8010", plain("Ten", "a"));
    const { id } = (await register({ uri: "http://localhost:8010" })).json;
    await rig.invoke({ service: "Ten", handler: "a" });
    assertRefusal(await rig.send("DELETE", `/v3/deployments/${id}`), 409, null, /live invocations/);
    const removed = await rig.send("DELETE", `/v3/deployments/${id}?force=true`);
    assert.deepEqual([removed.status, removed.text], [202, ""]);
    assertRefusal(await rig.get(`/v3/deployments/${id}`), 404, null, /There is no deployment|not/i);
    assertRefusal(await rig.get("/v3/deployments/nonsense"), 400, null, /nonsense/);
  });
});
