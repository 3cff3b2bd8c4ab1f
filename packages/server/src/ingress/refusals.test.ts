import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import type { ProblemJson } from "@holdfast/protocol";

import { exchangeRaw } from "../http/raw-http.contract.ts";
import { assertProblem, IngressRig, type RigRequest } from "./ingress-rig.ts";

/** After the last byte of an answer. */
const QUIET_MS = 150;

let rig: IngressRig;
before(async () => {
  rig = await IngressRig.start();
});
after(() => rig.close());

describe("ingress refuses what callers get wrong, in one format", () => {
  type Row = readonly [what: string, path: string, init: RigRequest, status: number, error: string];
  const longKey = "k".repeat(8 * 1024 + 1);
  const rows: readonly Row[] = [
    ["unknown service", "/Nobody/greet", {}, 404, "service-not-found"],
    ["unknown handler", "/Greeter/shout", {}, 404, "handler-not-found"],
    ["no path", "/", {}, 400, "path-invalid"],
    ["a path that is too short", "/Greeter", {}, 400, "path-invalid"],
    ["a path that is too long", "/Counter/a/b/c/d", {}, 400, "path-invalid"],
    ["an object without key", "/Counter/add", {}, 400, "key-missing"],
    ["an object with an empty key", "/Counter//add", {}, 400, "key-missing"],
    ["a plain service with a longer path", "/Greeter/greet/k/x", {}, 400, "key-invalid"],
    ["a key before a plain handler", "/Greeter/echo/echo", {}, 400, "key-invalid"],
    ["a key that is not UTF-8", "/Counter/%ff/add", {}, 400, "path-invalid"],
    ["a broken percent sign", "/Counter/%zz/add", {}, 400, "path-invalid"],
    ["NUL in a key", "/Counter/a%00b/add", {}, 400, "path-invalid"],
    ["a key beyond the limit", `/Counter/${longKey}/get`, {}, 400, "key-invalid"],
    ["a URL beyond the limit", `/Counter/${"k".repeat(13_000)}/get`, {}, 414, "url-too-long"],
    ["method PUT", "/Greeter/echo", { method: "PUT" }, 405, "method-not-allowed"],
    ["method DELETE", "/Greeter/echo", { method: "DELETE" }, 405, "method-not-allowed"],
    ["OPTIONS without CORS", "/Greeter/echo", { method: "OPTIONS" }, 405, "method-not-allowed"],
    [
      "a wrong content type",
      "/Greeter/echo",
      { body: "hi", headers: { "content-type": "text/plain" } },
      415,
      "content-type-mismatch",
    ],
    [
      "malformed JSON",
      "/Greeter/echo",
      { body: "{nope", headers: { "content-type": "application/json" } },
      400,
      "body-invalid-json",
    ],
    [
      "malformed JSON without content type",
      "/Greeter/echo",
      { body: new Blob(["{nope"]) },
      400,
      "body-invalid-json",
    ],
    [
      "bytes that are not UTF-8",
      "/Greeter/echo",
      { body: Buffer.from([0x22, 0xff, 0x22]), headers: { "content-type": "application/json" } },
      400,
      "body-invalid-json",
    ],
    ["JSON of another type than the schema's", "/Greeter/greet", { json: { name: 7 } }, 400, "input-invalid"],
    ["JSON that lacks a required field", "/Greeter/greet/send", { json: {} }, 400, "input-invalid"],
    [
      "JSON that is nested too deeply",
      "/Greeter/echo",
      { body: "[".repeat(200) + "]".repeat(200), headers: { "content-type": "application/json" } },
      400,
      "body-invalid-json",
    ],
    ["a body beyond the limit", "/Greeter/echo", { json: "x".repeat(70_000) }, 413, "body-too-large"],
    [
      "a compressed body",
      "/Greeter/echo",
      { body: "x", headers: { "content-encoding": "gzip" } },
      415,
      "media-type-unsupported",
    ],
    ["a delay on a call", "/Greeter/echo?delay=1s", {}, 400, "delay-not-allowed"],
    ["a delay that is none", "/Greeter/echo/send?delay=bogus", {}, 400, "delay-invalid"],
    ["a negative delay", "/Greeter/echo/send?delay=-5s", {}, 400, "delay-invalid"],
    ["an empty delay", "/Greeter/echo/send?delay=", {}, 400, "delay-invalid"],
    ["a delay beyond all dates", "/Greeter/echo/send?delay=9999999999d", {}, 400, "delay-invalid"],
    [
      "an empty idempotency key",
      "/Greeter/echo",
      { headers: { "idempotency-key": "" } },
      400,
      "idempotency-key-invalid",
    ],
    [
      "a long idempotency key",
      "/Greeter/echo",
      { headers: { "idempotency-key": "i".repeat(257) } },
      400,
      "idempotency-key-invalid",
    ],
    [
      "an idempotency key on a workflow's run",
      "/Deploy/a/run",
      { headers: { "idempotency-key": "i" } },
      400,
      "idempotency-key-not-allowed",
    ],
    ["a private handler", "/Greeter/hidden", {}, 400, "service-private"],
    ["a handler of a private service", "/Secret/run", {}, 400, "service-private"],
    ["a scope", "/restate/scope/s/call/Greeter/echo", {}, 400, "scopes-unsupported"],
    [
      "a limit key",
      "/Greeter/echo",
      { headers: { "x-restate-limit-key": "tenant" } },
      400,
      "scopes-unsupported",
    ],
    ["a limit key in the query", "/Greeter/echo?limit-key=tenant", {}, 400, "scopes-unsupported"],
    [
      "a target in a scope",
      "/restate/attach",
      { json: { target: "workflow", workflowName: "Deploy", workflowKey: "a", scope: "s" } },
      400,
      "scopes-unsupported",
    ],
    ["an unknown path below restate", "/restate/nonsense", {}, 404, "not-found"],
    [
      "a bad invocation id",
      "/restate/invocation/inv_1oops/attach",
      { method: "GET" },
      400,
      "invocation-id-invalid",
    ],
    ["output of a bad id", "/restate/output/dp_1oops", { method: "GET" }, 400, "invocation-id-invalid"],
    ["a bad awakeable id", "/restate/awakeables/sign_1oops/resolve", {}, 400, "awakeable-id-invalid"],
    ["GET on an awakeable", "/restate/a/sign_1oops/resolve", { method: "GET" }, 405, "method-not-allowed"],
    [
      "workflow output of an unknown key",
      "/restate/workflow/Deploy/unknown/output",
      { method: "GET" },
      404,
      "invocation-not-found",
    ],
    [
      "workflow attach of an unknown key",
      "/restate/workflow/Deploy/unknown/attach",
      { method: "GET" },
      404,
      "invocation-not-found",
    ],
    [
      "workflow attach of something else",
      "/restate/workflow/Counter/k/attach",
      { method: "GET" },
      400,
      "request-invalid",
    ],
    [
      "attach with malformed JSON",
      "/restate/attach",
      { body: "{", headers: { "content-type": "application/json" } },
      400,
      "body-invalid-json",
    ],
    [
      "attach with an unknown target",
      "/restate/attach",
      { json: { target: "workflw" } },
      400,
      "request-invalid",
    ],
    ["attach without a target", "/restate/attach", { json: {} }, 400, "request-invalid"],
    ["attach without a body", "/restate/attach", {}, 400, "request-invalid"],
    [
      "output with a field of another target",
      "/restate/output",
      { json: { target: "workflow", workflowName: "Deploy", workflowKey: "a", service: "x" } },
      400,
      "request-invalid",
    ],
    [
      "lookup of an unknown service",
      "/restate/lookup",
      { json: { target: "workflow", workflowName: "Nope", workflowKey: "k" } },
      404,
      "service-not-found",
    ],
    [
      "lookup with an unknown field",
      "/restate/lookup",
      { json: { target: "workflow", workflowNam: "Deploy" } },
      400,
      "request-invalid",
    ],
    [
      "lookup with a doubled key",
      "/restate/lookup",
      {
        body: '{"target":"workflow","target":"invocation"}',
        headers: { "content-type": "application/json" },
      },
      400,
      "request-invalid",
    ],
    [
      "a promise of a plain service",
      "/restate/promises/Greeter/k/approval",
      { method: "GET" },
      404,
      "promise-not-found",
    ],
    [
      "an undeclared promise",
      "/restate/promises/Deploy/k/aproval",
      { method: "GET" },
      404,
      "promise-not-found",
    ],
    [
      "a promise of a workflow that was not started",
      "/restate/promises/Deploy/never/approval/resolve",
      { json: { by: "me" } },
      404,
      "workflow-not-found",
    ],
    [
      "a promise value that does not match",
      "/restate/promises/Deploy/never/approval/resolve",
      { json: {} },
      400,
      "input-invalid",
    ],
    [
      "another site's page",
      "/Greeter/echo",
      { headers: { origin: "http://evil.example" } },
      403,
      "origin-not-allowed",
    ],
    [
      "another site's image",
      "/Greeter/echo",
      { method: "GET", headers: { "sec-fetch-site": "cross-site" } },
      403,
      "origin-not-allowed",
    ],
  ];

  for (const [what, path, init, status, error] of rows) {
    it(`${what}: ${status} ${error}`, async () => {
      const proposed = rig.engine.proposed.length;
      const answer = await rig.request(path, init);
      assertProblem(answer, status, error);
      if (error !== "workflow-not-found")
        assert.equal(rig.engine.proposed.length, proposed, "nothing was proposed");
      if (status === 405) assert.ok(answer.headers.get("allow"));
    });
  }

  it("says what was probably meant", async () => {
    assert.match((await rig.request("/Greter/greet")).json.hint, /Did you mean "Greeter"\?/);
    assert.match((await rig.request("/Greeter/gret")).json.hint, /Did you mean "greet"\?/);
  });

  it("lists every place where the input does not match", async () => {
    const { json } = await rig.request("/Greeter/greet", { json: { name: 1, friends: ["a", 2] } });
    assert.deepEqual(
      json.details.problems.map(({ at }: { at: string }) => at),
      ["/name", "/friends/1"],
    );
  });
});

describe("ingress refuses what the parser refuses, in the same format", { concurrency: true }, () => {
  const rows: ReadonlyArray<readonly [what: string, text: string, status: number, error: string]> = [
    ["no HTTP at all", "hello\r\n\r\n", 405, "method-not-allowed"],
    [
      "an unknown method",
      "BREW /Greeter/echo HTTP/1.1\r\nhost: localhost\r\n\r\n",
      405,
      "method-not-allowed",
    ],
    ["CONNECT", "CONNECT a:1 HTTP/1.1\r\nhost: localhost\r\n\r\n", 405, "method-not-allowed"],
    ["HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "request-malformed"],
    ["a header name with a space", "GET / HTTP/1.1\r\nho st: localhost\r\n\r\n", 400, "request-malformed"],
    ["no Host", "GET /restate/health HTTP/1.1\r\n\r\n", 400, "request-malformed"],
    [
      "two Hosts",
      "GET /restate/health HTTP/1.1\r\nhost: localhost\r\nhost: evil\r\n\r\n",
      400,
      "request-malformed",
    ],
    ["a foreign Host", "GET /restate/health HTTP/1.1\r\nhost: evil.example\r\n\r\n", 421, "host-not-allowed"],
    [
      "a Host with a trailing dot",
      "GET /restate/health HTTP/1.1\r\nhost: localhost.\r\n\r\n",
      421,
      "host-not-allowed",
    ],
    [
      "an absolute target",
      "GET http://evil/restate/health HTTP/1.1\r\nhost: localhost\r\n\r\n",
      400,
      "path-invalid",
    ],
    [
      "a path that is not encoded",
      "GET /Counter/\u043a/get HTTP/1.1\r\nhost: localhost\r\n\r\n",
      400,
      "request-malformed",
    ],
    [
      "length and chunks together",
      "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      400,
      "request-malformed",
    ],
    [
      "headers beyond the limit",
      `GET / HTTP/1.1\r\nhost: localhost\r\nx-big: ${"x".repeat(40_000)}\r\n\r\n`,
      431,
      "header-too-large",
    ],
    [
      "too many headers",
      `GET /Greeter/echo HTTP/1.1\r\nhost: localhost\r\n${"x-a: 1\r\n".repeat(80)}\r\n`,
      431,
      "header-too-large",
    ],
    [
      "an expectation",
      "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\nexpect: cake\r\ncontent-length: 0\r\n\r\n",
      417,
      "expectation-failed",
    ],
    [
      "a body that never comes",
      "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n1",
      408,
      "request-timeout",
    ],
    [
      "a broken chunk",
      "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
      400,
      "request-malformed",
    ],
    ["headers that never end", "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\n", 408, "request-timeout"],
    [
      "a body that claims too much",
      "POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\n",
      413,
      "body-too-large",
    ],
  ];
  for (const [what, text, status, error] of rows) {
    it(`${what}: ${status} ${error}`, async () => {
      const answer = await exchangeRaw(rig.server.port, Buffer.from(text), QUIET_MS);
      const [head = "", body = ""] = answer.split("\r\n\r\n");
      assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
      assert.match(head, /content-type: application\/json/i);
      assert.match(head, /x-restate-error-source: ingress/i);
      const problem = JSON.parse(body) as ProblemJson;
      assert.deepEqual([problem.code, problem.error, problem.source], [status, error, "ingress"]);
      if (status === 405) assert.match(head, /allow: /i);
    });
  }

  it("never writes an answer to garbage in place of the answer to a call that waits", async () => {
    const answer = await exchangeRaw(
      rig.server.port,
      "POST /Greeter/hang HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n\u0001\u0002\r\n\r\n",
      QUIET_MS,
    );
    assert.equal(answer, "");
  });

  it("answers a chunked body beyond the limit with 413", async () => {
    const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
    const answer = await exchangeRaw(
      rig.server.port,
      `POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`,
      QUIET_MS,
    );
    assert.match(answer, /^HTTP\/1.1 413 /);
    assert.match(answer, /"error":"body-too-large"/);
  });
});
