import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";

import { formatAwakeableId, HoldfastError, MessageType, type ProblemJson } from "@holdfast/protocol";

import { value } from "../http/fake-engine.ts";
import { HttpServer } from "../http/http-server.ts";
import { assertProblem, IngressRig, listenOptions, settings, until } from "./ingress-rig.ts";
import { createIngress } from "./ingress.ts";

let rig: IngressRig;
before(async () => {
  rig = await IngressRig.start();
});
after(() => rig.close());

describe("ingress calls", () => {
  it("answers with the handler's output and the invocation's id", async () => {
    const answer = await rig.request("/Greeter/greet", { json: { name: "Ada" } });
    assert.equal(answer.status, 200);
    assert.equal(answer.json, "hello Ada");
    assert.match(answer.headers.get("x-restate-id") ?? "", /^inv_1\w{33}$/);
    assert.equal(answer.headers.get("idempotency-expires"), null);
  });

  it("gives no content type to an empty output, and takes GET and empty bodies", async () => {
    for (const init of [{ method: "GET" }, {}, { headers: { "content-type": "application/json" } }]) {
      const answer = await rig.request("/Greeter/echo", init);
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
      assert.equal((await rig.request(path)).json, key);
    }
  });

  it("stores headers by allow-list only", async () => {
    const { json } = await rig.request("/Greeter/echo", {
      json: 1,
      headers: {
        authorization: "Bearer canary",
        cookie: "canary=1",
        "x-api-key": "canary",
        "x-restate-id": "canary",
        "x-request-id": "r1",
        traceparent: "00-1-2-01",
      },
    });
    assert.deepEqual(json.headers.map(([name]: [string]) => name).toSorted(), [
      "content-type",
      "traceparent",
      "x-request-id",
    ]);
    assert.doesNotMatch(JSON.stringify(rig.engine.proposed.at(-1)), /canary/);
  });

  it("answers a handler's failure with its code, and says that it is the handler's", async () => {
    const metadata = [
      ["order", "o1"],
      ["holdfast.name", "TerminalError"],
      ["holdfast.code", "teapot"],
      ["holdfast.data", '{"cups":2}'],
      ["holdfast.stack", "Error: x\n    at brew (pot.ts:1:1)"],
    ];
    const answer = await rig.request("/Greeter/fail", {
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
        await rig.request("/Greeter/fail", { json: { code, message: "m" } }),
        500,
        "invocation-failed",
        "invocation",
      );
    }
  });

  it("keeps running when the caller hangs up, and frees the waiter", async () => {
    const waiting = rig.engine.listenerCount;
    const controller = new AbortController();
    const pending = fetch(`${rig.server.url}/Greeter/hang`, { method: "POST", signal: controller.signal });
    await until(() => rig.engine.listenerCount === waiting + 1);
    controller.abort();
    await assert.rejects(pending);
    await until(() => rig.engine.listenerCount === waiting);
    const id = rig.lastInvoked();
    assert.equal(rig.engine.tables.invocations.get(id)?.status, "running");
    await rig.engine.propose({ kind: "kill", id });
  });

  it("refuses more waiting calls than the limit, with Retry-After, and starts none of them", async () => {
    const controller = new AbortController();
    const waiting = rig.engine.listenerCount;
    const pending = [1, 2, 3].map(() =>
      fetch(`${rig.server.url}/Greeter/hang`, { method: "POST", signal: controller.signal }).catch(() => {}),
    );
    await until(() => rig.engine.listenerCount === waiting + 3);
    const answer = await rig.request("/Greeter/hang");
    assertProblem(answer, 429, "overloaded");
    assert.equal(answer.json.details.name, "ingress.waitingCallsMax");
    assert.equal(answer.headers.get("retry-after"), "1");
    assert.equal((await rig.request("/Greeter/echo/send")).status, 202);
    controller.abort();
    await Promise.all(pending);
    await until(() => rig.engine.listenerCount === waiting);
  });
});

describe("ingress sends", () => {
  it("accepts at once", async () => {
    const answer = await rig.request("/Greeter/hang/send");
    assert.equal(answer.status, 202);
    assert.deepEqual(answer.json, { invocationId: answer.headers.get("x-restate-id"), status: "Accepted" });
  });

  it("delays, and says until when", async () => {
    for (const delay of ["60s", "PT1M", "1m", "60 sec", "60000ms"]) {
      for (const path of ["/Greeter/echo/send", "/restate/send/Greeter/echo"]) {
        const { status, json } = await rig.request(`${path}?delay=${encodeURIComponent(delay)}`);
        assert.equal(status, 202);
        assert.equal(json.executionTime, "2030-01-01T00:01:00.000Z");
        assert.equal(rig.engine.tables.invocations.get(json.invocationId)?.status, "scheduled");
      }
    }
  });
});

describe("idempotency keys", () => {
  it("repeat the first result, from a stored completion with its expiry", async () => {
    const init = { json: { name: "Ada" }, headers: { "idempotency-key": "k1" } };
    const first = await rig.request("/Greeter/greet", init);
    const second = await rig.request("/Greeter/greet", init);
    assert.deepEqual(
      [first.text, first.headers.get("x-restate-id")],
      [second.text, second.headers.get("x-restate-id")],
    );
    assert.equal(first.headers.get("idempotency-expires"), null);
    assert.equal(second.headers.get("idempotency-expires"), "2030-01-02T00:00:00.000Z");
  });

  it("refuse another body, while the first still runs as well", async () => {
    await rig.request("/Greeter/greet", { json: { name: "A" }, headers: { "idempotency-key": "k2" } });
    const answer = await rig.request("/Greeter/greet", {
      json: { name: "B" },
      headers: { "idempotency-key": "k2" },
    });
    assertProblem(answer, 409, "idempotency-conflict");
    await rig.request("/Greeter/hang/send", { json: 1, headers: { "idempotency-key": "k3" } });
    assertProblem(
      await rig.request("/Greeter/hang", { json: 2, headers: { "idempotency-key": "k3" } }),
      409,
      "idempotency-conflict",
    );
  });

  it("let a second send know that it is the second, and a call join the first", async () => {
    const init = { headers: { "idempotency-key": "k4" } };
    const first = await rig.request("/Greeter/hang/send", init);
    assert.equal((await rig.request("/Greeter/hang/send", init)).json.status, "PreviouslyAccepted");
    const waiting = rig.engine.listenerCount;
    const joined = rig.request("/Greeter/hang", init);
    await until(() => rig.engine.listenerCount === waiting + 1);
    await rig.engine.propose({ kind: "kill", id: first.json.invocationId });
    assertProblem(await joined, 409, "killed", "invocation");
  });

  it("lead back to the invocation", async () => {
    const { headers } = await rig.request("/Greeter/greet", {
      json: { name: "Ada" },
      headers: { "idempotency-key": "k5" },
    });
    const path = "/restate/invocation/Greeter/greet/k5";
    for (const verb of ["attach", "output"]) {
      const answer = await rig.request(`${path}/${verb}`, { method: "GET" });
      assert.deepEqual([answer.status, answer.json], [200, "hello Ada"]);
      assert.equal(answer.headers.get("x-restate-id"), headers.get("x-restate-id"));
    }
    const target = {
      target: "idempotentInvocation",
      service: "Greeter",
      handler: "greet",
      idempotencyKey: "k5",
    };
    assert.equal((await rig.request("/restate/output", { json: target })).json, "hello Ada");
    assert.equal(
      (await rig.request("/restate/lookup", { json: target })).json.invocationId,
      headers.get("x-restate-id"),
    );
    await rig.request("/Counter/c/get", { headers: { "idempotency-key": "k6" } });
    assert.equal(
      (await rig.request("/restate/invocation/Counter/c/get/k6/attach", { method: "GET" })).json,
      "c",
    );
  });
});

describe("workflows", () => {
  it("run once per key; attach and output lead to the result", async () => {
    const first = await rig.request("/Deploy/w1/run/send");
    const id = first.json.invocationId;
    assertProblem(
      await rig.request("/restate/workflow/Deploy/w1/output", { method: "GET" }),
      470,
      "output-not-ready",
    );
    assert.equal((await rig.request("/Deploy/w1/run/send")).json.status, "PreviouslyAccepted");
    const again = await rig.request("/Deploy/w1/run");
    assertProblem(again, 409, "workflow-already-started");
    assert.equal(again.headers.get("x-restate-id"), id);
    const attached = rig.request("/restate/workflow/Deploy/w1/attach", { method: "GET" });
    await until(() => rig.engine.listenerCount === 1);
    rig.engine.send(id, 1, [{ type: MessageType.Output, result: value("live") }, { type: MessageType.End }]);
    assert.equal((await attached).json, "live");
    const json = { target: "workflow", workflowName: "Deploy", workflowKey: "w1" };
    assert.equal((await rig.request("/restate/attach", { json })).json, "live");
    assert.equal((await rig.request(`/restate/output/${id}`, { method: "GET" })).json, "live");
    assert.equal((await rig.request(`/restate/invocation/${id}/output`, { method: "GET" })).json, "live");
    assertProblem(await rig.request("/Deploy/w1/run"), 409, "workflow-already-started");
  });

  it("have promises that are settled once", async () => {
    await rig.request("/Deploy/w2/run/send");
    const path = "/restate/promises/Deploy/w2/approval";
    assert.deepEqual((await rig.request(path, { method: "GET" })).json, { status: "pending" });
    const now = await rig.request(`${path}/resolve`, { json: { by: "ada", at: 1 } });
    assert.deepEqual(
      [now.status, now.json],
      [200, { settled: "now", status: "resolved", value: { by: "ada", at: 1 } }],
    );
    assert.deepEqual((await rig.request(path, { method: "GET" })).json, {
      status: "resolved",
      value: { by: "ada", at: 1 },
    });
    const same = await rig.request(`${path}/resolve`, { json: { at: 1, by: "ada" } });
    assert.deepEqual([same.status, same.json.settled], [200, "already"]);
    const other = await rig.request(`${path}/resolve`, { json: { by: "bob" } });
    const problem = assertProblem(other, 409, "promise-already-completed");
    assert.deepEqual(problem.details?.["existing"], { status: "resolved", value: { by: "ada", at: 1 } });
    assertProblem(await rig.request(`${path}/reject`, { body: "no" }), 409, "promise-already-completed");
  });

  it("have promises that can be rejected, and that close with the workflow", async () => {
    const { json } = await rig.request("/Foreign/w3/run/send");
    const rejected = await rig.request("/restate/promises/Foreign/w3/free/reject", {
      json: { message: "no", code: 403 },
    });
    assert.deepEqual(rejected.json, {
      settled: "now",
      status: "rejected",
      failure: { code: 403, message: "no" },
    });
    await rig.engine.propose({ kind: "kill", id: json.invocationId });
    assertProblem(await rig.request("/restate/promises/Foreign/w3/late/resolve"), 409, "workflow-completed");
  });
});

describe("awakeables", () => {
  it("are completed once, by whoever knows the id", async () => {
    const { json } = await rig.request("/Greeter/hang/send");
    const id = formatAwakeableId(json.invocationId, 17);
    const first = await rig.request(`/restate/awakeables/${id}/resolve`, { json: { ok: true } });
    assert.deepEqual([first.status, first.json], [202, { status: "accepted" }]);
    assert.deepEqual((await rig.request(`/restate/a/${id}/reject`, { body: "late" })).json, {
      status: "ignored",
    });
    await rig.engine.propose({ kind: "kill", id: json.invocationId });
    assert.deepEqual((await rig.request(`/restate/a/${id}/resolve`, { json: 1 })).json, {
      status: "ignored",
    });
    const other = formatAwakeableId(json.invocationId, 18);
    const late = await rig.request(`/restate/a/${other}/resolve`, { json: 1 });
    assert.deepEqual([late.status, late.json], [202, { status: "ignored" }]);
  });

  it("are ignored where there is no such invocation, so that a webhook is not sent again and again", async () => {
    const unknown = rig.engine.invocationIdFor({ service: "", handler: "", key: "", isRun: false });
    for (const verb of ["resolve", "reject"]) {
      const answer = await rig.request(`/restate/a/${formatAwakeableId(unknown, 17)}/${verb}`, {
        json: "late",
      });
      assert.deepEqual([answer.status, answer.json], [202, { status: "ignored" }]);
    }
  });

  it("refuse what the handler could not read, and signals that are no awakeables", async () => {
    const { json } = await rig.request("/Greeter/hang/send");
    const id = formatAwakeableId(json.invocationId, 17);
    const malformed = { body: "{", headers: { "content-type": "application/json" } };
    assertProblem(await rig.request(`/restate/a/${id}/resolve`, malformed), 400, "body-invalid-json");
    const cancel = formatAwakeableId(json.invocationId, 1);
    assertProblem(await rig.request(`/restate/a/${cancel}/resolve`), 400, "awakeable-id-invalid");
  });
});

describe("ingress as a whole", () => {
  it("is healthy while the engine is, and says which services there are", async () => {
    const answer = await rig.request("/restate/health", { method: "GET" });
    assert.deepEqual(answer.json, { services: ["Counter", "Deploy", "Foreign", "Greeter", "Secret"] });
    rig.engine.healthNow = { status: "failed", reason: "the disk is gone" };
    assertProblem(await rig.request("/restate/health", { method: "GET" }), 503, "shutting-down");
    rig.engine.healthNow = {};
  });

  it("says when the engine accepts nothing, whatever was asked for, and starts nothing", async () => {
    const before = rig.engine.proposed.length;
    const { json } = await rig.request("/Deploy/refusing/run/send");
    for (const [code, status] of [
      ["overloaded", 429],
      ["disk-full", 507],
      ["shutting-down", 503],
    ] as const) {
      rig.engine.refusal = new HoldfastError(code, { reason: "test" });
      for (const path of [
        "/Greeter/echo",
        "/Greeter/echo/send",
        `/restate/a/${formatAwakeableId(json.invocationId, 17)}/resolve`,
        "/restate/promises/Deploy/refusing/anything/resolve",
      ]) {
        assertProblem(await rig.request(path), status, code);
      }
      rig.engine.isBehind = true;
      const path = "/restate/promises/Deploy/refusing/anything";
      assertProblem(await rig.request(path, { method: "GET" }), status, code);
      rig.engine.isBehind = false;
    }
    rig.engine.refusal = undefined;
    assert.equal(rig.engine.proposed.length, before + 1);
    assert.equal(rig.engine.listenerCount, 0);
  });

  it("answers an attach only with what is durable", async () => {
    const { json } = await rig.request("/Greeter/echo/send");
    await until(() => rig.engine.tables.invocations.get(json.invocationId)?.status === "completed");
    rig.engine.isBehind = true;
    const before = rig.engine.waited;
    assert.equal((await rig.request(`/restate/attach/${json.invocationId}`, { method: "GET" })).status, 200);
    assert.equal(rig.engine.waited, before + 1);
    rig.engine.isBehind = false;
  });

  it("says that an invocation is not there only when that is durable: its end may keep nothing", async () => {
    const { json } = await rig.request("/Greeter/echo/send");
    await until(() => rig.engine.tables.invocations.get(json.invocationId)?.status === "completed");
    await rig.engine.propose({ kind: "purge", id: json.invocationId, journalOnly: false });
    for (const verb of ["attach", "output"]) {
      rig.engine.isBehind = true;
      const before = rig.engine.waited;
      const gone = await rig.request(`/restate/${verb}/${json.invocationId}`, { method: "GET" });
      assertProblem(gone, 404, "invocation-not-found");
      assert.equal(rig.engine.waited, before + 1);
      rig.engine.isBehind = false;
    }
  });

  it("lets pages of configured origins call and read, and no others", async () => {
    const open = createIngress(rig.engine, { ...settings, corsOrigins: ["http://app.example"] });
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
      ...listenOptions(createIngress(rig.engine, settings)),
      connectionsMax: 1,
    });
    const first = connect(small.port, "127.0.0.1");
    await once(first, "connect");
    const answer = await fetch(`${small.url}/restate/health`);
    const problem = (await answer.json()) as ProblemJson;
    assert.deepEqual(
      [answer.status, problem.error, problem.details?.["name"]],
      [429, "overloaded", "ingress.connectionsMax"],
    );
    first.destroy();
    await small.close();
  });
});
