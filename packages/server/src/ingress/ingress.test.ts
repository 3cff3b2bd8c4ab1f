import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";

import { formatAwakeableId, MessageType, type ProblemJson } from "@holdfast/protocol";

import { FakeEngine, manifestOf, value } from "../http/fake-engine.ts";
import { HttpServer } from "../http/http-server.ts";
import type { IngressSettings } from "./ingress-settings.ts";
import { createIngress } from "./ingress.ts";

const settings: IngressSettings = {
  bodyBytesMax: 64 * 1024,
  keyBytesMax: 8 * 1024,
  idempotencyKeyBytesMax: 256,
  jsonDepthMax: 64,
  waitingCallsMax: 3,
  storedHeaders: ["content-type", "traceparent", "x-*", "!x-api-key", "!x-restate*"],
  corsOrigins: [],
  hosts: ["localhost", "127.0.0.1"],
  refuseCrossSite: true,
};

const manifest = manifestOf([
  {
    name: "Greeter",
    kind: "service",
    handlers: [
      {
        name: "greet",
        kind: "plain",
        inputSchema: {
          type: "object",
          properties: { name: { type: "string" }, friends: { type: "array", items: { type: "string" } } },
          required: ["name"],
        },
      },
      { name: "echo", kind: "plain" },
      { name: "fail", kind: "plain" },
      { name: "hang", kind: "plain" },
      { name: "hidden", kind: "plain", ingressPrivate: true },
    ],
  },
  { name: "Secret", kind: "service", ingressPrivate: true, handlers: [{ name: "run", kind: "plain" }] },
  {
    name: "Counter",
    kind: "object",
    handlers: [
      { name: "add", kind: "exclusive" },
      { name: "get", kind: "shared" },
    ],
  },
  {
    name: "Deploy",
    kind: "workflow",
    handlers: [
      {
        name: "run",
        kind: "run",
        promises: { approval: { type: "object", required: ["by"] }, anything: true },
      },
      { name: "status", kind: "shared" },
    ],
  },
  { name: "Foreign", kind: "workflow", handlers: [{ name: "run", kind: "run" }] },
]);

type Answer = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: ReturnType<typeof JSON.parse>;
};

let engine: FakeEngine;
let server: HttpServer;
const defects: unknown[] = [];

before(async () => {
  engine = await FakeEngine.open();
  engine.handlers.set("Greeter/greet", ({ value: body }) =>
    value(`hello ${JSON.parse(String(Buffer.from(body))).name}`),
  );
  engine.handlers.set("Greeter/echo", ({ value: body, headers }) =>
    body.length === 0 ? { kind: "void" } : value({ body: Buffer.from(body).toString(), headers }),
  );
  engine.handlers.set("Greeter/fail", ({ value: body }) => {
    const failure = JSON.parse(Buffer.from(body).toString());
    return { kind: "failure", failure };
  });
  engine.handlers.set("Counter/add", ({ start }) => value(start.key));
  engine.handlers.set("Counter/get", ({ start }) => value(start.key));
  engine.handlers.set("Deploy/status", () => value("ok"));
  await register(engine);
  server = await HttpServer.listen(
    listenOptions(createIngress(engine, settings, (error) => defects.push(error))),
  );
});

after(async () => {
  await server.close();
  assert.deepEqual(defects, []);
  assert.equal(engine.listenerCount, 0, "every waiter is freed");
});

function listenOptions(handler: ReturnType<typeof createIngress>) {
  return {
    handler,
    source: "ingress" as const,
    host: "127.0.0.1",
    port: 0,
    headerBytesMax: 16 * 1024,
    urlBytesMax: 12 * 1024,
    headersMax: 60,
    connectionsMax: 50,
    requestTimeoutMs: 1_000,
    idleTimeoutMs: 5_000,
    onDefect: (error: unknown) => {
      defects.push(error);
    },
  };
}

async function register(target: FakeEngine): Promise<void> {
  const outcome = await target.propose({
    kind: "register-deployment",
    id: "dp_1test",
    url: "http://localhost:9080",
    manifest,
    metadata: {},
    headers: {},
    force: false,
    breaking: false,
    dryRun: false,
  });
  assert.ok(outcome.ok);
}

async function request(path: string, init: RequestInit & { json?: unknown } = {}): Promise<Answer> {
  const { json, ...rest } = init;
  const headers = new Headers(rest.headers);
  if (json !== undefined) headers.set("content-type", "application/json");
  const response = await fetch(server.url + path, {
    method: "POST",
    ...rest,
    headers,
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type") === "application/json";
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

/** What every refusal must look like, whichever it is. */
function assertProblem(answer: Answer, status: number, error: string, source = "ingress"): ProblemJson {
  const problem = answer.json as ProblemJson;
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.equal(answer.headers.get("x-restate-error-source"), source);
  assert.equal(problem?.error, error, answer.text);
  assert.equal(answer.status, status);
  assert.equal(problem.code, status);
  assert.equal(problem.source, source);
  assert.match(problem.docs, /^docs\/errors\.md#[a-z-]+$/);
  assert.ok(problem.message.length > 0 && problem.hint.length > 0);
  assert.doesNotMatch(answer.text, /\.ts:\d+|node:internal| at [\w.]+ \(/);
  return problem;
}

/** Bytes as they go over the wire, for what fetch would not send. Returns everything until the server closes or goes quiet. */
async function raw(text: string | Buffer, quietMs = 150): Promise<string> {
  const socket = connect(server.port, "127.0.0.1");
  let received = "";
  await once(socket, "connect");
  socket.on("data", (chunk) => (received += chunk.toString()));
  socket.on("error", () => {});
  socket.write(text);
  await new Promise<void>((resolve) => {
    let timer = setTimeout(resolve, 3_000);
    socket.on("data", () => {
      clearTimeout(timer);
      timer = setTimeout(resolve, quietMs);
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  socket.destroy();
  return received;
}

describe("ingress refuses what callers get wrong, in one format", () => {
  type Row = readonly [
    what: string,
    path: string,
    init: RequestInit & { json?: unknown },
    status: number,
    error: string,
  ];
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
    ["a key beyond the limit", `/Counter/${longKey}/get`, {}, 400, "limit-exceeded"],
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
      "limit-exceeded",
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
      "limit-exceeded",
    ],
    [
      "an idempotency key on a workflow's run",
      "/Deploy/a/run",
      { headers: { "idempotency-key": "i" } },
      400,
      "idempotency-key-not-allowed",
    ],
    ["a private handler", "/Greeter/hidden", {}, 403, "service-private"],
    ["a handler of a private service", "/Secret/run", {}, 403, "service-private"],
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
      const proposed = engine.proposed.length;
      const answer = await request(path, init);
      assertProblem(answer, status, error);
      if (error !== "workflow-not-found")
        assert.equal(engine.proposed.length, proposed, "nothing was proposed");
      if (status === 405) assert.ok(answer.headers.get("allow"));
    });
  }

  it("says what was probably meant", async () => {
    assert.match((await request("/Greter/greet")).json.hint, /Did you mean "Greeter"\?/);
    assert.match((await request("/Greeter/gret")).json.hint, /Did you mean "greet"\?/);
  });

  it("lists every place where the input does not match", async () => {
    const { json } = await request("/Greeter/greet", { json: { name: 1, friends: ["a", 2] } });
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
      const answer = await raw(text);
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
    const answer = await raw(
      "POST /Greeter/hang HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n\u0001\u0002\r\n\r\n",
    );
    assert.equal(answer, "");
  });

  it("answers a chunked body beyond the limit with 413", async () => {
    const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
    const answer = await raw(
      `POST /Greeter/echo HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1.1 413 /);
    assert.match(answer, /"error":"body-too-large"/);
  });
});

describe("ingress calls", () => {
  it("answers with the handler's output and the invocation's id", async () => {
    const answer = await request("/Greeter/greet", { json: { name: "Ada" } });
    assert.equal(answer.status, 200);
    assert.equal(answer.json, "hello Ada");
    assert.match(answer.headers.get("x-restate-id") ?? "", /^inv_1\w{33}$/);
    assert.equal(answer.headers.get("idempotency-expires"), null);
  });

  it("gives no content type to an empty output, and takes GET and empty bodies", async () => {
    for (const init of [{ method: "GET" }, {}, { headers: { "content-type": "application/json" } }]) {
      const answer = await request("/Greeter/echo", init);
      assert.deepEqual([answer.status, answer.text, answer.headers.get("content-type")], [200, "", null]);
    }
  });

  it("takes keys of any characters, and a slash at the end", async () => {
    for (const [path, key] of [
      ["/Counter/a%2Fb/add", "a/b"],
      ["/Counter/%F0%9F%8C%B1/add/", "🌱"],
      [`/Counter/${"k".repeat(5_000)}/get`, "k".repeat(5_000)],
      ["/restate/call/Counter/k%20k/get", "k k"],
    ] as const) {
      assert.equal((await request(path)).json, key);
    }
  });

  it("stores headers by allow-list only", async () => {
    const { json } = await request("/Greeter/echo", {
      json: 1,
      headers: {
        authorization: "Bearer canary",
        cookie: "canary=1",
        "x-api-key": "canary",
        "x-restate-limit-key": "canary",
        "x-request-id": "r1",
        traceparent: "00-1-2-01",
      },
    });
    assert.deepEqual(json.headers.map(([name]: [string]) => name).toSorted(), [
      "content-type",
      "traceparent",
      "x-request-id",
    ]);
    assert.doesNotMatch(JSON.stringify(engine.proposed.at(-1)), /canary/);
  });

  it("answers a handler's failure with its code, and says that it is the handler's", async () => {
    const metadata = [
      ["order", "o1"],
      ["holdfast.name", "TerminalError"],
      ["holdfast.code", "teapot"],
      ["holdfast.data", '{"cups":2}'],
      ["holdfast.stack", "Error: x\n    at brew (pot.ts:1:1)"],
    ];
    const answer = await request("/Greeter/fail", {
      json: { code: 418, message: "short and stout", metadata },
    });
    const problem = assertProblem(answer, 418, "teapot", "invocation");
    assert.equal(problem.message, "short and stout");
    assert.deepEqual(problem.metadata, { order: "o1" });
    assert.deepEqual(problem.details, { name: "TerminalError", data: { cups: 2 } });
    assert.ok(answer.headers.get("x-restate-id"));
  });

  it("answers 500 for a failure whose code is no HTTP error", async () => {
    for (const code of [7, 200, 600, 70_000]) {
      assertProblem(
        await request("/Greeter/fail", { json: { code, message: "m" } }),
        500,
        "invocation-failed",
        "invocation",
      );
    }
  });

  it("keeps running when the caller hangs up, and frees the waiter", async () => {
    const waiting = engine.listenerCount;
    const controller = new AbortController();
    const pending = fetch(`${server.url}/Greeter/hang`, { method: "POST", signal: controller.signal });
    await until(() => engine.listenerCount === waiting + 1);
    controller.abort();
    await assert.rejects(pending);
    await until(() => engine.listenerCount === waiting);
    const id = lastInvoked();
    assert.equal(engine.tables.invocations.get(id)?.status, "running");
    await engine.propose({ kind: "kill", id });
  });

  it("refuses more waiting calls than the limit, with Retry-After, and starts none of them", async () => {
    const controller = new AbortController();
    const waiting = engine.listenerCount;
    const pending = [1, 2, 3].map(() =>
      fetch(`${server.url}/Greeter/hang`, { method: "POST", signal: controller.signal }).catch(() => {}),
    );
    await until(() => engine.listenerCount === waiting + 3);
    const answer = await request("/Greeter/hang");
    assertProblem(answer, 429, "overloaded");
    assert.equal(answer.json.details.name, "ingress.waitingCallsMax");
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.equal((await request("/Greeter/echo/send")).status, 202);
    controller.abort();
    await Promise.all(pending);
    await until(() => engine.listenerCount === waiting);
  });
});

describe("ingress sends", () => {
  it("accepts at once", async () => {
    const answer = await request("/Greeter/hang/send");
    assert.equal(answer.status, 202);
    assert.deepEqual(answer.json, { invocationId: answer.headers.get("x-restate-id"), status: "Accepted" });
  });

  it("delays, and says until when", async () => {
    for (const delay of ["60s", "PT1M", "1m", "60 sec", "60000ms"]) {
      for (const path of ["/Greeter/echo/send", "/restate/send/Greeter/echo"]) {
        const { status, json } = await request(`${path}?delay=${encodeURIComponent(delay)}`);
        assert.equal(status, 202);
        assert.equal(json.executionTime, "2030-01-01T00:01:00.000Z");
        assert.equal(engine.tables.invocations.get(json.invocationId)?.status, "scheduled");
      }
    }
  });
});

describe("idempotency keys", () => {
  it("repeat the first result, from a stored completion with its expiry", async () => {
    const init = { json: { name: "Ada" }, headers: { "idempotency-key": "k1" } };
    const first = await request("/Greeter/greet", init);
    const second = await request("/Greeter/greet", init);
    assert.deepEqual(
      [first.text, first.headers.get("x-restate-id")],
      [second.text, second.headers.get("x-restate-id")],
    );
    assert.equal(first.headers.get("idempotency-expires"), null);
    assert.equal(second.headers.get("idempotency-expires"), "2030-01-02T00:00:00.000Z");
  });

  it("refuse another body, while the first still runs as well", async () => {
    await request("/Greeter/greet", { json: { name: "A" }, headers: { "idempotency-key": "k2" } });
    const answer = await request("/Greeter/greet", {
      json: { name: "B" },
      headers: { "idempotency-key": "k2" },
    });
    assertProblem(answer, 409, "idempotency-conflict");
    await request("/Greeter/hang/send", { json: 1, headers: { "idempotency-key": "k3" } });
    assertProblem(
      await request("/Greeter/hang", { json: 2, headers: { "idempotency-key": "k3" } }),
      409,
      "idempotency-conflict",
    );
  });

  it("let a second send know that it is the second, and a call join the first", async () => {
    const init = { headers: { "idempotency-key": "k4" } };
    const first = await request("/Greeter/hang/send", init);
    assert.equal((await request("/Greeter/hang/send", init)).json.status, "PreviouslyAccepted");
    const waiting = engine.listenerCount;
    const joined = request("/Greeter/hang", init);
    await until(() => engine.listenerCount === waiting + 1);
    await engine.propose({ kind: "kill", id: first.json.invocationId });
    assertProblem(await joined, 409, "killed", "invocation");
  });

  it("lead back to the invocation", async () => {
    const { headers } = await request("/Greeter/greet", {
      json: { name: "Ada" },
      headers: { "idempotency-key": "k5" },
    });
    const path = "/restate/invocation/Greeter/greet/k5";
    for (const verb of ["attach", "output"]) {
      const answer = await request(`${path}/${verb}`, { method: "GET" });
      assert.deepEqual([answer.status, answer.json], [200, "hello Ada"]);
      assert.equal(answer.headers.get("x-restate-id"), headers.get("x-restate-id"));
    }
    const target = {
      target: "idempotentInvocation",
      service: "Greeter",
      handler: "greet",
      idempotencyKey: "k5",
    };
    assert.equal((await request("/restate/output", { json: target })).json, "hello Ada");
    assert.equal(
      (await request("/restate/lookup", { json: target })).json.invocationId,
      headers.get("x-restate-id"),
    );
    await request("/Counter/c/get", { headers: { "idempotency-key": "k6" } });
    assert.equal((await request("/restate/invocation/Counter/c/get/k6/attach", { method: "GET" })).json, "c");
  });
});

describe("workflows", () => {
  it("run once per key; attach and output lead to the result", async () => {
    const first = await request("/Deploy/w1/run/send");
    const id = first.json.invocationId;
    assertProblem(
      await request("/restate/workflow/Deploy/w1/output", { method: "GET" }),
      470,
      "output-not-ready",
    );
    assert.equal((await request("/Deploy/w1/run/send")).json.status, "PreviouslyAccepted");
    const again = await request("/Deploy/w1/run");
    assertProblem(again, 409, "workflow-already-started");
    assert.equal(again.headers.get("x-restate-id"), id);
    const attached = request("/restate/workflow/Deploy/w1/attach", { method: "GET" });
    await until(() => engine.listenerCount === 1);
    engine.send(id, 1, [{ type: MessageType.Output, result: value("live") }, { type: MessageType.End }]);
    assert.equal((await attached).json, "live");
    const json = { target: "workflow", workflowName: "Deploy", workflowKey: "w1" };
    assert.equal((await request("/restate/attach", { json })).json, "live");
    assert.equal((await request(`/restate/output/${id}`, { method: "GET" })).json, "live");
    assert.equal((await request(`/restate/invocation/${id}/output`, { method: "GET" })).json, "live");
    assertProblem(await request("/Deploy/w1/run"), 409, "workflow-already-started");
  });

  it("have promises that are settled once", async () => {
    await request("/Deploy/w2/run/send");
    const path = "/restate/promises/Deploy/w2/approval";
    assert.deepEqual((await request(path, { method: "GET" })).json, { status: "pending" });
    const now = await request(`${path}/resolve`, { json: { by: "ada", at: 1 } });
    assert.deepEqual(
      [now.status, now.json],
      [200, { settled: "now", status: "resolved", value: { by: "ada", at: 1 } }],
    );
    assert.deepEqual((await request(path, { method: "GET" })).json, {
      status: "resolved",
      value: { by: "ada", at: 1 },
    });
    const same = await request(`${path}/resolve`, { json: { at: 1, by: "ada" } });
    assert.deepEqual([same.status, same.json.settled], [200, "already"]);
    const other = await request(`${path}/resolve`, { json: { by: "bob" } });
    const problem = assertProblem(other, 409, "promise-already-completed");
    assert.deepEqual(problem.details?.["existing"], { status: "resolved", value: { by: "ada", at: 1 } });
    assertProblem(await request(`${path}/reject`, { body: "no" }), 409, "promise-already-completed");
  });

  it("have promises that can be rejected, and that close with the workflow", async () => {
    const { json } = await request("/Foreign/w3/run/send");
    const rejected = await request("/restate/promises/Foreign/w3/free/reject", {
      json: { message: "no", code: 403 },
    });
    assert.deepEqual(rejected.json, {
      settled: "now",
      status: "rejected",
      failure: { code: 403, message: "no" },
    });
    await engine.propose({ kind: "kill", id: json.invocationId });
    assertProblem(await request("/restate/promises/Foreign/w3/late/resolve"), 409, "workflow-completed");
  });
});

describe("awakeables", () => {
  it("are completed once, by whoever knows the id", async () => {
    const { json } = await request("/Greeter/hang/send");
    const id = formatAwakeableId(json.invocationId, 17);
    const first = await request(`/restate/awakeables/${id}/resolve`, { json: { ok: true } });
    assert.deepEqual([first.status, first.json], [202, { status: "accepted" }]);
    assert.deepEqual((await request(`/restate/a/${id}/reject`, { body: "late" })).json, {
      status: "ignored",
    });
    await engine.propose({ kind: "kill", id: json.invocationId });
    assert.deepEqual((await request(`/restate/a/${id}/resolve`, { json: 1 })).json, { status: "ignored" });
    const other = formatAwakeableId(json.invocationId, 18);
    assertProblem(await request(`/restate/a/${other}/resolve`, { json: 1 }), 409, "invocation-completed");
  });

  it("refuse what the handler could not read, unknown invocations, and signals that are no awakeables", async () => {
    const { json } = await request("/Greeter/hang/send");
    const id = formatAwakeableId(json.invocationId, 17);
    const malformed = { body: "{", headers: { "content-type": "application/json" } };
    assertProblem(await request(`/restate/a/${id}/resolve`, malformed), 400, "body-invalid-json");
    const cancel = formatAwakeableId(json.invocationId, 1);
    assertProblem(await request(`/restate/a/${cancel}/resolve`), 400, "awakeable-id-invalid");
    const unknown = engine.invocationIdFor({ service: "", handler: "", key: "", isRun: false });
    const nobody = formatAwakeableId(unknown, 17);
    assertProblem(await request(`/restate/a/${nobody}/resolve`, { json: 1 }), 404, "awakeable-not-found");
  });
});

describe("ingress as a whole", () => {
  it("is healthy while the engine is, and says which services there are", async () => {
    const answer = await request("/restate/health", { method: "GET" });
    assert.deepEqual(answer.json, { services: ["Counter", "Deploy", "Foreign", "Greeter", "Secret"] });
    engine.healthNow = { status: "failed", reason: "the disk is gone" };
    assertProblem(await request("/restate/health", { method: "GET" }), 503, "shutting-down");
    engine.healthNow = {};
  });

  it("answers an attach only with what is durable", async () => {
    const { json } = await request("/Greeter/echo/send");
    await until(() => engine.tables.invocations.get(json.invocationId)?.status === "completed");
    engine.healthNow = { durablePosition: 0 };
    const before = engine.proposed.length;
    assert.equal((await request(`/restate/attach/${json.invocationId}`, { method: "GET" })).status, 200);
    assert.equal(engine.proposed[before]?.kind, "expire", "a barrier went through the log");
    engine.healthNow = {};
  });

  it("lets pages of configured origins call and read, and no others", async () => {
    const open = createIngress(engine, { ...settings, corsOrigins: ["http://app.example"] });
    const other = await HttpServer.listen(listenOptions(open));
    const headers = { origin: "http://app.example", "sec-fetch-site": "cross-site" };
    const preflight = await fetch(`${other.url}/Greeter/echo`, {
      method: "OPTIONS",
      headers: { ...headers, "access-control-request-headers": "content-type" },
    });
    assert.deepEqual(
      [
        preflight.status,
        preflight.headers.get("access-control-allow-origin"),
        preflight.headers.get("access-control-allow-headers"),
      ],
      [204, "http://app.example", "content-type"],
    );
    const call = await fetch(`${other.url}/Greeter/echo`, { method: "POST", headers });
    assert.equal(call.status, 200);
    assert.match(call.headers.get("access-control-expose-headers") ?? "", /x-restate-id/);
    const evil = await fetch(`${other.url}/Greeter/echo`, {
      method: "POST",
      headers: { origin: "http://evil.example" },
    });
    assert.equal(evil.status, 403);
    await other.close();
  });

  it("tells connections beyond the limit why", async () => {
    const small = await HttpServer.listen({
      ...listenOptions(createIngress(engine, settings)),
      connectionsMax: 1,
    });
    const first = connect(small.port, "127.0.0.1");
    await once(first, "connect");
    const answer = await fetch(`${small.url}/restate/health`);
    const problem = (await answer.json()) as ProblemJson;
    assert.deepEqual(
      [answer.status, problem.error, problem.details?.["name"]],
      [429, "overloaded", "connectionsMax"],
    );
    first.destroy();
    await small.close();
  });
});

function lastInvoked(): string {
  const record = engine.proposed.findLast(({ kind }) => kind === "invoke");
  assert.ok(record?.kind === "invoke");
  return record.id;
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`still waiting for ${condition}`);
}
