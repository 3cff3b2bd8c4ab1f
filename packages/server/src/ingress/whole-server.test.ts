/** Ingress and admin over the real engine, log and store: what the fake engine of the other tests could hide. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { handler, object, service, shared, TerminalError, workflow } from "@holdfast/sdk";
import { z } from "zod";

import { loadConfig } from "../config.ts";
import { startServer, type RunningServer } from "../server.ts";
import { assertProblem, send, until, type Answer, type RigRequest } from "./ingress-rig.ts";

const greeter = service("Greeter", {
  greet: handler({ input: z.object({ name: z.string() }) }, async (_ctx, { name }) => `hello ${name}`),
  empty: async () => {},
  refuse: async () => {
    throw new TerminalError("the card was declined", {
      code: "card-declined",
      status: 402,
      data: { left: 3 },
    });
  },
  wait: async (ctx) => {
    const awakeable = ctx.awakeable<string>();
    await ctx.run("tell", () => awakeable.id);
    return awakeable.promise;
  },
});

const counter = object("Counter", {
  add: async (ctx, by: number) => {
    const total = (((await ctx.state.get("total")) as number | undefined) ?? 0) + by;
    ctx.state.set("total", total);
    return total;
  },
  get: shared({}, async (ctx) => ctx.state.get("total")),
});

const release = workflow(
  "Release",
  { promises: { approval: z.object({ by: z.string() }) } },
  async (ctx) => (await ctx.promise("approval")).by,
);

const directory = mkdtempSync(join(tmpdir(), "holdfast-http-"));
let server: RunningServer;

before(async () => {
  server = await startServer({
    config: loadConfig({ arguments: { data: join(directory, "data"), "ingress.port": 0, "admin.port": 0 } }),
    services: [greeter, counter, release],
    onWarning: () => {},
  });
});
after(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

const call = (path: string, init: RigRequest = {}): Promise<Answer> => send(server.ingressUrl + path, init);
const admin = (method: string, path: string, json?: unknown): Promise<Answer> =>
  send(server.adminUrl + path, { method, ...(json === undefined ? {} : { json }) });

describe("calls", () => {
  it("answer with the handler's output, checked at the door by its schema", async () => {
    const greeted = await call("/Greeter/greet", { json: { name: "Ada" } });
    assert.deepEqual([greeted.status, greeted.json], [200, "hello Ada"]);
    assertProblem(await call("/Greeter/greet", { json: { nam: "Ada" } }), 400, "input-invalid");
    const empty = await call("/Greeter/empty");
    assert.deepEqual([empty.status, empty.text], [200, ""]);
  });

  it("answer with the handler's failure: status, code, data, and no stack", async () => {
    const problem = assertProblem(await call("/Greeter/refuse"), 402, "card-declined", "invocation");
    assert.equal(problem.message, "the card was declined");
    assert.deepEqual(problem.details?.["data"], { left: 3 });
  });

  it("happen once per idempotency key", async () => {
    const init = { json: 2, headers: { "idempotency-key": "once" } };
    const answers = await Promise.all([1, 2, 3].map(() => call("/Counter/a/add", init)));
    assert.deepEqual(
      answers.map(({ json }) => json),
      [2, 2, 2],
    );
    assert.equal((await call("/Counter/a/get")).json, 2);
    assertProblem(await call("/Counter/a/add", { ...init, json: 3 }), 409, "idempotency-conflict");
  });

  it("start when their delay is over, or when an operator says so", async () => {
    const { json } = await call("/Counter/later/add/send?delay=1h", { json: 1 });
    assert.ok(Date.parse(json.executionTime) > Date.now());
    await admin("PATCH", `/invocations/${json.invocationId}/reschedule`, {});
    assert.equal((await call(`/restate/attach/${json.invocationId}`, { method: "GET" })).json, 1);
  });

  it("can be attached to while they run and afterwards", async () => {
    const { json } = await call("/Greeter/wait/send");
    const id: string = json.invocationId;
    assertProblem(await call(`/restate/output/${id}`, { method: "GET" }), 470, "output-not-ready");
    const attached = call(`/restate/invocation/${id}/attach`, { method: "GET" });
    const awakeableId = await awakeableOf(id);
    assert.equal((await call(`/restate/awakeables/${awakeableId}/resolve`, { json: "yes" })).status, 202);
    assert.equal((await attached).json, "yes");
    assert.equal((await call(`/restate/output/${id}`, { method: "GET" })).json, "yes");
    assert.deepEqual((await call(`/restate/a/${awakeableId}/resolve`, { json: "no" })).json, {
      status: "ignored",
    });
  });
});

/** The handler records the id of its awakeable in a step. */
async function awakeableOf(id: string): Promise<string> {
  let awakeableId: string | undefined;
  await until(async () => {
    const { json } = await admin("GET", `/invocations/${id}`);
    awakeableId = json.journal.find(({ type }: { type: string }) => type === "RunCompletion")?.value.json;
    return json.status === "suspended" || awakeableId !== undefined;
  });
  assert.ok(awakeableId !== undefined);
  return awakeableId;
}

describe("workflows", () => {
  it("run once, and end when their promise is settled over HTTP", async () => {
    assert.equal((await call("/Release/r1/run/send")).json.status, "Accepted");
    assertProblem(await call("/Release/r1/run"), 409, "workflow-already-started");
    const attached = call("/restate/workflow/Release/r1/attach", { method: "GET" });
    const path = "/restate/promises/Release/r1/approval";
    assertProblem(await call(`${path}/resolve`, { json: {} }), 400, "input-invalid");
    assert.equal((await call(`${path}/resolve`, { json: { by: "ada" } })).json.settled, "now");
    assert.equal((await attached).json, "ada");
    assert.equal((await call(`${path}/resolve`, { json: { by: "ada" } })).json.settled, "already");
  });
});

describe("operators", () => {
  it("see invocations with their journals, and end them", async () => {
    const { json } = await call("/Greeter/wait/send");
    await awakeableOf(json.invocationId);
    const listed = await admin("GET", "/invocations?service=Greeter&handler=wait&status=running,suspended");
    assert.ok(listed.json.items.some(({ id }: { id: string }) => id === json.invocationId));
    await admin("PATCH", `/invocations/${json.invocationId.slice(0, 20)}/kill`);
    const detail = (await admin("GET", `/invocations/${json.invocationId}`)).json;
    assert.deepEqual([detail.status, detail.failure.message], ["completed", "killed"]);
    assertProblem(
      await call(`/restate/attach/${json.invocationId}`, { method: "GET" }),
      409,
      "killed",
      "invocation",
    );
  });

  it("read and repair state", async () => {
    await call("/Counter/broken/add", { json: 5 });
    const state = (await admin("GET", "/services/Counter/state/broken")).json;
    assert.deepEqual(state.entries, { total: 5 });
    const change = { entries: { total: 40 }, expectedVersion: state.version };
    assert.equal((await admin("PATCH", "/services/Counter/state/broken", change)).status, 200);
    assert.equal((await call("/Counter/broken/add", { json: 2 })).json, 42);
  });

  it("see that the server is well, which limits it has, and where each setting comes from", async () => {
    const health = await admin("GET", "/health?counts=true");
    assert.deepEqual([health.status, health.json.status], [200, "ok"]);
    assert.ok(health.json.invocations.completed > 0);
    const limits = (await admin("GET", "/limits")).json.items;
    const body = limits.find(({ configKey }: { configKey: string }) => configKey === "ingress.bodyBytesMax");
    assert.deepEqual([body.unit, body.code], ["bytes", "body-too-large"]);
    const config = (await admin("GET", "/config")).json.items;
    const token = config.find(({ key }: { key: string }) => key === "admin.token");
    assert.equal(token.value, "(secret)");
  });

  it("are told that an address they register cannot be reached, or is no endpoint, without what it said", async () => {
    assertProblem(
      await admin("POST", "/deployments", { url: "http://127.0.0.1:1" }),
      422,
      "deployment-unreachable",
      "admin",
    );
    for (const url of [server.ingressUrl, server.adminUrl]) {
      const answer = await admin("POST", "/deployments", { url });
      assert.equal(answer.status, 422, answer.text);
      assert.doesNotMatch(answer.text, /service-not-found|There is nothing at/);
    }
  });
});
