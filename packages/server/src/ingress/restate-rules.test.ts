/** Calls of handlers that one of Restate's SDKs serves: what they take and give is told by their manifest. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { formatAwakeableId, type HandlerManifest } from "@holdfast/protocol";

import { manifestOf, type FakeInput } from "../http/fake-engine.ts";
import { assertProblem, IngressRig, until } from "./ingress-rig.ts";

const handlers: ReadonlyArray<Pick<HandlerManifest, "name" | "inputRule" | "outputRule">> = [
  { name: "anything" },
  {
    name: "json",
    inputRule: { contentType: "application/json" },
    outputRule: { contentType: "application/json" },
  },
  { name: "required", inputRule: { isRequired: true, contentType: "application/*" } },
  { name: "raw", inputRule: { contentType: "*/*" }, outputRule: { contentType: "application/octet-stream" } },
  { name: "empty", outputRule: { contentType: "text/plain; charset=utf-8", setContentTypeIfEmpty: true } },
  { name: "untold", outputRule: { contentType: "text/plain", setContentTypeIfEmpty: false } },
  { name: "odd", outputRule: { contentType: "text/plain\r\nx-injected: 1" } },
  { name: "hang" },
];

let rig: IngressRig;
let given: FakeInput | undefined;

before(async () => {
  rig = await IngressRig.start();
  const manifest = manifestOf(
    [
      {
        name: "Other",
        kind: "service",
        handlers: handlers.map((each) => ({ ...each, kind: "plain" as const })),
      },
    ],
    {
      wires: ["restate"],
      restate: { minProtocolVersion: 5, maxProtocolVersion: 6, mode: "bidirectional", http: "2" },
    },
  );
  const outcome = await rig.engine.propose({
    kind: "register-deployment",
    id: rig.engine.deploymentId(),
    url: "http://localhost:9999",
    manifest,
    metadata: {},
    headers: {},
    force: false,
    breaking: false,
    dryRun: false,
  });
  assert.ok(outcome.ok);
  for (const { name } of handlers) {
    if (name === "hang") continue;
    rig.engine.handlers.set(`Other/${name}`, (input) => {
      given = input;
      return input.value.length === 0 ? { kind: "void" } : { kind: "value", value: input.value };
    });
  }
});
after(() => rig.close());

const call = (handler: string, contentType: string | undefined, body: BodyInit | null) =>
  rig.request(`/Other/${handler}`, {
    body,
    headers: contentType === undefined ? {} : { "content-type": contentType },
  });

describe("a body", () => {
  /** `Blob` without a type: fetch then says nothing of one. */
  const bytes = new Blob([Uint8Array.of(0, 255, 7)]);
  const rows: ReadonlyArray<readonly [string, string | undefined, BodyInit | null, number]> = [
    ["anything", undefined, bytes, 200],
    ["anything", "text/plain", "{", 200],
    ["required", "application/json", "{ not looked at", 200],
    ["json", "Application/JSON; charset=utf-8", "1", 200],
    ["json", undefined, null, 200],
    ["json", undefined, bytes, 400],
    ["json", "text/plain", "1", 400],
    ["json", "application/jsonx", "1", 400],
    ["required", undefined, null, 400],
    ["required", "application/x-msgpack", bytes, 200],
    ["required", "text/plain", "x", 400],
    ["raw", "application/octet-stream", bytes, 200],
    ["raw", undefined, null, 200],
  ];
  for (const [handler, contentType, body, status] of rows) {
    const what = body === null ? "nothing" : "something";
    it(`of ${handler} that is ${what} of type ${contentType}: ${status}`, async () => {
      const answer = await call(handler, contentType, body);
      if (status === 400) assertProblem(answer, 400, "input-refused");
      else assert.equal(answer.status, 200, answer.text);
    });
  }

  it("arrives byte for byte, with the path that was called before all other headers", async () => {
    const sent = Uint8Array.from({ length: 100 }, (_, index) => (index * 37) % 256);
    const answer = await fetch(`${rig.server.url}/Other/raw?a=b`, {
      method: "POST",
      body: sent,
      headers: { "content-type": "application/octet-stream", "x-my-custom-header": "mine" },
    });
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), sent);
    assert.equal(answer.headers.get("content-type"), "application/octet-stream");
    assert.deepEqual(given?.headers[0], ["x-restate-ingress-path", "/Other/raw?a=b"]);
    assert.ok(given.headers.some(([name, value]) => name === "x-my-custom-header" && value === "mine"));
  });
});

describe("an output", () => {
  const rows: ReadonlyArray<readonly [string, string | null, string | null]> = [
    ["anything", null, null],
    ["raw", null, "application/octet-stream"],
    ["empty", "text/plain; charset=utf-8", "text/plain; charset=utf-8"],
    ["untold", null, "text/plain"],
    ["odd", null, null],
  ];
  for (const [handler, whenEmpty, otherwise] of rows) {
    it(`of ${handler} has the type that its handler declares: ${otherwise}`, async () => {
      assert.equal((await call(handler, undefined, null)).headers.get("content-type"), whenEmpty);
      const answer = await call(handler, "application/json", "7");
      assert.deepEqual([answer.headers.get("content-type"), answer.text], [otherwise, "7"]);
      assert.equal(answer.headers.get("x-injected"), null);
      assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    });
  }

  it("has it also for those who attach, during and afterwards", async () => {
    const { json } = await rig.request("/Other/raw/send", {
      body: "r",
      headers: { "content-type": "text/plain", "idempotency-key": "k" },
    });
    const answer = await rig.request(`/restate/attach/${json.invocationId}`, { method: "GET" });
    assert.deepEqual([answer.headers.get("content-type"), answer.text], ["application/octet-stream", "r"]);
  });
});

it("an awakeable's value and the reason of its rejection are passed on as they were sent", async () => {
  const { json } = await rig.request("/Other/hang/send");
  await until(() => rig.engine.tables.invocations.get(json.invocationId)?.status === "running");
  const resolve = formatAwakeableId(json.invocationId, 17);
  const reject = formatAwakeableId(json.invocationId, 18);
  const odd = { body: "{ no json", headers: { "content-type": "application/json" } };
  assert.equal((await rig.request(`/restate/a/${resolve}/resolve`, odd)).status, 202);
  assert.equal((await rig.request(`/restate/a/${reject}/reject`, odd)).status, 202);
  const results = rig.engine.proposed.flatMap((body) => (body.kind === "signal" ? [body.result] : []));
  assert.deepEqual(results, [
    { kind: "value", value: Buffer.from("{ no json") },
    { kind: "failure", failure: { code: 500, message: "{ no json" } },
  ]);
});
