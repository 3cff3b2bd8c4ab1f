import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { manifestOf } from "../http/fake-engine.ts";
import { assertProblem, DEPLOYMENT, manifest, type RigRequest } from "../ingress/ingress-rig.ts";
import { AdminRig } from "./admin-rig.ts";

let rig: AdminRig;
/** Completed, running, queued behind the running one, and scheduled. */
const ids: Record<string, string> = {};
const UNKNOWN = `inv_1${"0".repeat(33)}`;

before(async () => {
  rig = await AdminRig.start();
  ids["completed"] = await rig.invoke({ service: "Greeter", handler: "echo" });
  rig.engine.handlers.delete("Counter/add");
  ids["running"] = await rig.invoke({ service: "Counter", handler: "add", key: "k" });
  ids["queued"] = await rig.invoke({ service: "Counter", handler: "add", key: "k" });
  ids["scheduled"] = await rig.invoke(
    { service: "Greeter", handler: "echo" },
    { startAt: rig.engine.time + 60_000 },
  );
  ids["workflow"] = await rig.invoke({ service: "Deploy", handler: "run", key: "w" });
  await rig.engine.propose({ kind: "kill", id: ids["workflow"] });
  rig.engine.endpoints.set("http://localhost:9081", manifest);
  rig.engine.endpoints.set(
    "http://localhost:9082",
    manifestOf([{ name: "Counter", kind: "service", handlers: [{ name: "add", kind: "plain" }] }]),
  );
  rig.engine.endpoints.set(
    "http://localhost:9083",
    manifestOf([{ name: "Counter", kind: "object", handlers: [{ name: "add", kind: "exclusive" }] }]),
  );
  rig.engine.endpoints.set("http://localhost:9080", manifestOf([]));
});
after(() => rig.close());

function withIds(path: string): string {
  return path.replace(/\{(\w+)\}/, (_, name: string) => ids[name] ?? UNKNOWN);
}

describe("admin refuses what operators get wrong, in one format", () => {
  const text = (body: string, type = "application/json"): RigRequest => ({
    body,
    headers: { "content-type": type },
  });
  const json = (value: unknown): RigRequest => ({ json: value });
  type Row = readonly [what: string, request: string, init: RigRequest, status: number, error: string];
  const rows: readonly Row[] = [
    ["an unknown path", "GET /nonsense", {}, 404, "not-found"],
    ["a method that is not there", "PUT /deployments", {}, 405, "method-not-allowed"],
    ["an unknown query parameter", "GET /invocations?stauts=running", {}, 400, "request-invalid"],

    [
      "a deployment that cannot be reached",
      "POST /deployments",
      json({ url: "http://localhost:1" }),
      422,
      "deployment-unreachable",
    ],
    ["a URL that is none", "POST /deployments", json({ url: "localhost" }), 400, "request-invalid"],
    ["a URL of another kind", "POST /deployments", json({ url: "foo://bar" }), 400, "request-invalid"],
    ["a URL with a password", "POST /deployments", json({ url: "http://u:p@h" }), 400, "request-invalid"],
    ["no URL", "POST /deployments", json({}), 400, "request-invalid"],
    ["broken JSON", "POST /deployments", text("{"), 400, "body-invalid-json"],
    ["JSON that is no object", "POST /deployments", json([]), 400, "request-invalid"],
    [
      "a body without content type",
      "POST /deployments",
      { body: new Blob(["{}"]) },
      415,
      "media-type-unsupported",
    ],
    [
      "a body that is a form",
      "POST /deployments",
      text("url=x", "application/x-www-form-urlencoded"),
      415,
      "media-type-unsupported",
    ],
    ["a field that is misspelt", "POST /deployments", json({ urll: "http://h" }), 400, "request-invalid"],
    [
      "a field of the wrong type",
      "POST /deployments",
      json({ url: "http://h", force: "yes" }),
      400,
      "request-invalid",
    ],
    [
      "a key that is there twice",
      "POST /deployments",
      text('{"url":"http://a","url":"http://b"}'),
      400,
      "request-invalid",
    ],
    [
      "__proto__",
      "POST /deployments",
      text('{"url":"http://a","metadata":{"__proto__":"x"}}'),
      400,
      "request-invalid",
    ],
    [
      "JSON that is nested too deeply",
      "POST /deployments",
      text(`{"metadata":${"[".repeat(100)}${"]".repeat(100)}}`),
      400,
      "request-invalid",
    ],
    [
      "a body beyond the limit",
      "POST /deployments",
      json({ url: "x".repeat(70_000) }),
      413,
      "body-too-large",
    ],
    [
      "a header that cannot be sent",
      "POST /deployments",
      json({ url: "http://h", additionalHeaders: { "x-a": "a\r\nb" } }),
      400,
      "request-invalid",
    ],
    [
      "a service that changes its kind",
      "POST /deployments",
      json({ url: "http://localhost:9082" }),
      409,
      "breaking-change",
    ],
    [
      "a handler that disappears",
      "POST /deployments",
      json({ url: "http://localhost:9083" }),
      409,
      "breaking-change",
    ],
    [
      "another manifest at a known URL",
      "POST /deployments",
      json({ url: "http://localhost:9080" }),
      409,
      "deployment-changed",
    ],
    ["a deployment that is in use", `DELETE /deployments/${DEPLOYMENT}`, {}, 409, "deployment-in-use"],
    ["an unknown deployment", "DELETE /deployments/dp_1zzzz?force=true", {}, 404, "deployment-not-found"],
    ["a bad deployment id", "GET /deployments/banana", {}, 400, "deployment-id-invalid"],
    ["a bad value for force", `DELETE /deployments/${DEPLOYMENT}?force=maybe`, {}, 400, "request-invalid"],
    ["an unknown service", "GET /services/Nobody", {}, 404, "service-not-found"],

    ["a bad invocation id", "GET /invocations/banana", {}, 400, "invocation-id-invalid"],
    ["a broken invocation id", "GET /invocations/inv_1~", {}, 400, "invocation-id-invalid"],
    ["an unknown invocation", `GET /invocations/${UNKNOWN}`, {}, 404, "invocation-not-found"],
    ["an action that is none", "PATCH /invocations/{running}/cancle", {}, 404, "not-found"],
    ["cancel of a bad id", "PATCH /invocations/banana/cancel", {}, 400, "invocation-id-invalid"],
    ["cancel of an unknown one", `PATCH /invocations/${UNKNOWN}/cancel`, {}, 404, "invocation-not-found"],
    ["cancel of a completed one", "PATCH /invocations/{completed}/cancel", {}, 409, "invocation-completed"],
    [
      "kill of a completed one",
      "POST /invocations/{completed}/kill",
      { json: {} },
      409,
      "invocation-completed",
    ],
    [
      "pause of one that waits for its turn",
      "PATCH /invocations/{queued}/pause",
      {},
      425,
      "invocation-not-started",
    ],
    ["pause of a completed one", "PATCH /invocations/{completed}/pause", {}, 409, "invocation-completed"],
    ["resume of a completed one", "PATCH /invocations/{completed}/resume", {}, 409, "invocation-completed"],
    [
      "resume of one that has not started",
      "PATCH /invocations/{scheduled}/resume",
      {},
      425,
      "invocation-not-started",
    ],
    ["purge of a live one", "PATCH /invocations/{running}/purge", {}, 409, "invocation-not-completed"],
    ["restart of a live one", "PATCH /invocations/{running}/restart", {}, 409, "invocation-not-completed"],
    [
      "restart of one that has not started",
      "PATCH /invocations/{scheduled}/restart",
      {},
      425,
      "invocation-not-started",
    ],
    ["restart of a workflow", "PATCH /invocations/{workflow}/restart", {}, 422, "restart-unsupported"],
    [
      "restart behind the end",
      "PATCH /invocations/{completed}/restart",
      json({ fromCommand: 99 }),
      400,
      "restart-point-invalid",
    ],
    [
      "restart from no number",
      "PATCH /invocations/{completed}/restart",
      json({ fromCommand: "abc" }),
      400,
      "request-invalid",
    ],
    [
      "restart on an unknown deployment",
      "PATCH /invocations/{completed}/restart",
      json({ deployment: "dp_1x" }),
      404,
      "deployment-not-found",
    ],
    [
      "reschedule of a running one",
      "PATCH /invocations/{running}/reschedule",
      json({ delay: "1h" }),
      409,
      "invocation-not-scheduled",
    ],
    [
      "reschedule to no time",
      "PATCH /invocations/{scheduled}/reschedule",
      json({ at: "soon" }),
      400,
      "request-invalid",
    ],
    [
      "reschedule by no duration",
      "PATCH /invocations/{scheduled}/reschedule",
      json({ delay: "soon" }),
      400,
      "delay-invalid",
    ],
    [
      "reschedule beyond all dates",
      "PATCH /invocations/{scheduled}/reschedule",
      json({ delay: "9007199254740991ms" }),
      400,
      "delay-invalid",
    ],
    [
      "reschedule with both",
      "PATCH /invocations/{scheduled}/reschedule",
      json({ delay: "1h", at: "2031-01-01" }),
      400,
      "request-invalid",
    ],
    [
      "a field that the action does not know",
      "PATCH /invocations/{running}/cancel",
      json({ force: true }),
      400,
      "request-invalid",
    ],
    ["a status that is none", "GET /invocations?status=runing", {}, 400, "request-invalid"],
    ["a cursor of someone else", "GET /invocations?cursor=abc", {}, 400, "request-invalid"],
    ["a page that is too long", "GET /invocations?limit=100000", {}, 400, "limit-exceeded"],
    [
      "a bulk action without filter",
      "POST /invocations/bulk",
      json({ action: "cancel" }),
      400,
      "request-invalid",
    ],
    [
      "a bulk action with an empty filter",
      "POST /invocations/bulk",
      json({ action: "cancel", filter: {} }),
      400,
      "request-invalid",
    ],
    [
      "a bulk action with a misspelt filter",
      "POST /invocations/bulk",
      json({ action: "cancel", filter: { servce: "x" } }),
      400,
      "request-invalid",
    ],
    [
      "a bulk action with a field of another",
      "POST /invocations/bulk",
      json({ action: "cancel", filter: { service: "x" }, fromCommand: 1 }),
      400,
      "request-invalid",
    ],
    ["an unknown bulk action", "GET /invocations/bulk/bulk_x", {}, 404, "bulk-action-not-found"],

    ["state of a plain service", "GET /services/Greeter/state/k", {}, 400, "state-not-allowed"],
    ["state of an unknown service", "GET /services/Nobody/state/k", {}, 404, "service-not-found"],
    [
      "state with the wrong version",
      "PUT /services/Counter/state/untouched",
      json({ expectedVersion: 7, entries: {} }),
      409,
      "state-version-conflict",
    ],
    [
      "state with a version that the log cannot hold",
      "PUT /services/Counter/state/untouched",
      json({ expectedVersion: Number.MAX_SAFE_INTEGER, entries: {} }),
      400,
      "request-invalid",
    ],
    ["state without entries", "PUT /services/Counter/state/k", json({}), 400, "request-invalid"],
    [
      "a state change that changes nothing",
      "PATCH /services/Counter/state/k",
      json({}),
      400,
      "request-invalid",
    ],
    ["state under an empty key", "GET /services/Counter/state//", {}, 400, "key-missing"],
    ["promises of a plain service", "GET /services/Greeter/promises/k", {}, 404, "promise-not-found"],
    [
      "promises of a workflow that was not started",
      "GET /services/Deploy/promises/never",
      {},
      404,
      "workflow-not-found",
    ],
    ["an undeclared promise", "GET /services/Deploy/promises/w/aproval", {}, 404, "promise-not-found"],
    [
      "a promise after the end",
      "POST /services/Deploy/promises/w/approval/resolve",
      json({ by: "me" }),
      409,
      "workflow-completed",
    ],

    [
      "another site's page",
      "GET /version",
      { headers: { origin: "http://evil.example" } },
      403,
      "origin-not-allowed",
    ],
    [
      "another site's form",
      "POST /deployments",
      { headers: { "sec-fetch-site": "cross-site" } },
      403,
      "origin-not-allowed",
    ],
  ];

  for (const [what, request, init, status, error] of rows) {
    it(`${what}: ${status} ${error}`, async () => {
      const [method = "", path = ""] = request.split(" ");
      const answer = await rig.send(method, withIds(path), undefined, init);
      assertProblem(answer, status, error, "admin");
      if (status === 405) assert.ok(answer.headers.get("allow"));
    });
  }

  it("says what was probably meant", async () => {
    const field = await rig.send("POST", "/deployments", { urll: "http://h" });
    assert.match(field.json.message, /"urll" is not a field here; did you mean "url"\?/);
    const action = await rig.send("PATCH", `/invocations/${ids["running"]}/cancle`);
    assert.match(action.json.hint, /Did you mean "cancel"\?/);
    assert.match((await rig.get("/invocations?stauts=x")).json.message, /did you mean "status"\?/);
    assert.match((await rig.get("/invocations?status=runing")).json.message, /did you mean "running"\?/);
  });
});

describe("admin with a token", () => {
  it("answers nobody without it", async () => {
    const other = await AdminRig.start({ token: "s3cret" });
    assertProblem(await other.get("/version"), 401, "unauthorized", "admin");
    for (const authorization of ["Bearer wrong", "Basic s3cret", "Bearer ", "s3cret"]) {
      const answer = await other.get("/version", { headers: { authorization } });
      assertProblem(answer, 401, "unauthorized", "admin");
      assert.equal(answer.headers.get("www-authenticate"), "Bearer");
    }
    assert.equal((await other.get("/version", { headers: { authorization: "Bearer s3cret" } })).status, 200);
    await other.close();
  });
});
