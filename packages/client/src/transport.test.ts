import assert from "node:assert/strict";
import { test } from "node:test";

import { encodeValue, type HandlerRef } from "@holdfast/protocol";

import { connect, HoldfastClientError, InvocationFailedError, type Client } from "./index.ts";

const plain = { service: "mail", handler: "send", kind: "plain" } as HandlerRef<[input?: unknown], unknown>;
const keyed = { service: "counter", handler: "add", kind: "exclusive" } as HandlerRef<
  [key: string, input: number],
  number
>;

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

/** A client whose requests are answered by `answer`, and seen. */
function fake(answer: () => Response | Promise<Response>): {
  readonly client: Client;
  readonly seen: Seen[];
} {
  const seen: Seen[] = [];
  const client = connect({
    url: "http://holdfast.test/base/",
    adminUrl: "http://admin.test",
    headers: { "x-tenant": "t1" },
    token: "callers",
    adminToken: "operators",
    fetch: async (url, init) => {
      const request = new Request(url, init);
      seen.push({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: await request.text(),
      });
      return answer();
    },
  });
  return { client, seen };
}

function problem(status: number, body: object, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ code: status, hint: "do this", docs: "docs/errors.md", ...body }), {
    status,
    headers,
  });
}

test("a call posts the stored form of its input, and reads that of the output", async () => {
  const output = encodeValue(new Date(5));
  const { client, seen } = fake(() => new Response(output as Uint8Array<ArrayBuffer>));
  assert.deepEqual(await client.call(plain, { at: 1n }), new Date(5));
  const [request] = seen;
  assert.deepEqual(
    [request?.method, request?.url, request?.body],
    ["POST", "http://holdfast.test/base/mail/send", '{"at":{"$bigint":"1"}}'],
  );
  assert.equal(request?.headers.get("content-type"), "application/json");
  assert.equal(request?.headers.get("x-tenant"), "t1");
  assert.equal(
    request?.headers.get("authorization"),
    "Bearer callers",
    "the operators' token is not for callers",
  );
});

test("no input is no body and no content type; no output is undefined", async () => {
  const { client, seen } = fake(() => new Response(null, { status: 200 }));
  assert.equal(await client.call(plain), undefined);
  assert.deepEqual([seen[0]?.body, seen[0]?.headers.get("content-type")], ["", null]);
});

test("keys are percent-encoded; those that no address can hold are refused", async () => {
  const { client, seen } = fake(() => Response.json({ invocationId: "inv_1x", status: "Accepted" }));
  const handle = await client.send(keyed, "a/b ü?", 1, { delay: "3d", idempotencyKey: "once" });
  assert.equal(handle.invocationId, "inv_1x");
  assert.equal(seen[0]?.url, "http://holdfast.test/base/counter/a%2Fb%20%C3%BC%3F/add/send?delay=3d");
  assert.equal(seen[0]?.headers.get("idempotency-key"), "once");
  await assert.rejects(client.call(keyed, "..", 1), /".." cannot be part of an address/);
  await assert.rejects(client.call(keyed, "", 1), /cannot be part of an address/);
});

test("a handler's failure comes back with code, data and id", async () => {
  const { client } = fake(() =>
    problem(
      402,
      {
        error: "card-declined",
        message: "declined",
        source: "invocation",
        details: { name: "CardError", data: { left: { $bigint: "3" } } },
      },
      { "x-restate-id": "inv_1abc" },
    ),
  );
  await assert.rejects(client.call(plain), (error) => {
    assert.ok(error instanceof InvocationFailedError);
    assert.deepEqual(
      [error.code, error.status, error.message, error.errorName, error.data, error.invocationId, error.hint],
      ["card-declined", 402, "declined", "CardError", { left: 3n }, "inv_1abc", "do this"],
    );
    return true;
  });
});

test("a call that was refused says that nothing was started", async () => {
  const { client } = fake(() =>
    problem(404, {
      error: "service-not-found",
      message: "no mail",
      source: "ingress",
      details: { service: "mail" },
    }),
  );
  await assert.rejects(client.call(plain), (error) => {
    assert.ok(error instanceof HoldfastClientError && !(error instanceof InvocationFailedError));
    assert.deepEqual(
      [error.code, error.source, error.details],
      ["service-not-found", "ingress", { service: "mail" }],
    );
    return true;
  });
});

test("an answer of something in between, and no answer at all, are told apart", async () => {
  const proxy = fake(() => new Response("<h1>Bad gateway</h1>", { status: 502 }));
  await assert.rejects(proxy.client.call(plain), {
    code: "unexpected-response",
    status: 502,
    source: "client",
  });

  const nobody = fake(() => Promise.reject(new TypeError("fetch failed")));
  await assert.rejects(nobody.client.call(plain), { code: "unreachable", status: 0, source: "client" });
});

test("an aborted call throws what aborted it", async () => {
  const { client } = fake(() => new Promise(() => {}));
  await assert.rejects(
    connect({ fetch: (_url, init) => Promise.reject(init?.signal?.reason as Error) }).call(plain, undefined, {
      signal: AbortSignal.abort(new RangeError("enough")),
    }),
    RangeError,
  );
  assert.ok(client);
});

test("the operators' API gets its token, plain JSON, and lists as comma-separated queries", async () => {
  const { client, seen } = fake(() => Response.json({ items: [] }));
  await client.admin.invocations.list({ status: ["paused", "backing-off"], service: "deploy", limit: 5 });
  await client.admin.invocations.reschedule("inv_1a", { delay: "1h" });
  assert.equal(
    seen[0]?.url,
    "http://admin.test/invocations?service=deploy&limit=5&status=paused%2Cbacking-off",
  );
  assert.equal(seen[0]?.headers.get("authorization"), "Bearer operators");
  assert.deepEqual(
    [seen[1]?.method, seen[1]?.url, seen[1]?.body],
    ["PATCH", "http://admin.test/invocations/inv_1a/reschedule", '{"delay":"1h"}'],
  );
});
