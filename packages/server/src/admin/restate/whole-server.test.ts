/** Restate's admin API over the real engine, as a test harness of Restate drives it: register, call, change, watch. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { object, serve, service, shared, type ServedEndpoint } from "@holdfast/sdk";

import { loadConfig } from "../../config.ts";
import { send, until, type Answer } from "../../ingress/ingress-rig.ts";
import { startServer, type RunningServer } from "../../server.ts";

const counter = object("Counter", {
  add: async (ctx, by: number) => {
    const total = (((await ctx.state.get("total")) as number | undefined) ?? 0) + by;
    ctx.state.set("total", total);
    return total;
  },
  get: shared({}, async (ctx) => ctx.state.get("total")),
});

const hidden = service(
  "Hidden",
  { ingressPrivate: true },
  {
    greet: async () => "hello",
    wait: async (ctx) => {
      await ctx.sleep("1d");
    },
  },
);

const directory = mkdtempSync(join(tmpdir(), "holdfast-admin-"));
let endpoint: ServedEndpoint;
let server: RunningServer;

const start = (): Promise<RunningServer> =>
  startServer({
    config: loadConfig({ arguments: { data: join(directory, "data"), "ingress.port": 0, "admin.port": 0 } }),
    onWarning: () => {},
  });

before(async () => {
  endpoint = await serve({ services: [counter, hidden], port: 0, log: () => {} });
  server = await start();
});
after(async () => {
  await server.close();
  await endpoint.close();
  rmSync(directory, { recursive: true });
});

const call = (path: string, json?: unknown): Promise<Answer> =>
  send(server.ingressUrl + path, json === undefined ? {} : { json });
const admin = (method: string, path: string, json?: unknown): Promise<Answer> =>
  send(server.adminUrl + path, { method, ...(json === undefined ? {} : { json }) });

describe("a harness of Restate", () => {
  it("finds the server ready and registers its services", async () => {
    assert.equal((await admin("GET", "/health")).status, 200);
    assert.equal((await send(`${server.ingressUrl}/restate/health`, { method: "GET" })).status, 200);
    const { json } = await admin("GET", "/cluster-health");
    assert.equal(json.metadata_cluster_health.members.length, 1);
    const uri = endpoint.url;
    const registered = await admin("POST", "/deployments", { uri, force: false });
    assert.equal(registered.status, 201, registered.text);
    const names = registered.json.services.map(({ name }: { name: string }) => name);
    assert.deepEqual(names.toSorted(), ["Counter", "Hidden"]);
    assert.equal((await admin("POST", "/deployments", { uri, force: false })).status, 200);
    const { deployments } = (await admin("GET", "/deployments")).json;
    assert.equal(deployments[0].uri, uri);
  });

  it("replaces state, and handlers see it", async () => {
    assert.equal((await call("/Counter/a/add", 1)).json, 1);
    const state = { object_key: "a", new_state: { total: [...Buffer.from("40")] } };
    assert.equal((await admin("POST", "/services/Counter/state", state)).status, 202);
    assert.equal((await call("/Counter/a/add", 2)).json, 42);
  });

  it("opens a private service, for this life of the server and the next", async () => {
    const refused = await call("/Hidden/greet");
    assert.deepEqual([refused.status, refused.json.error], [400, "service-private"]);
    const patched = await admin("PATCH", "/services/Hidden", { public: true, journal_retention: "0s" });
    assert.deepEqual([patched.status, patched.json.public], [200, true]);
    assert.equal((await call("/Hidden/greet")).json, "hello");
    await server.close();
    server = await start();
    assert.equal((await call("/Hidden/greet")).json, "hello");
    assert.equal((await admin("GET", "/v3/services/Hidden")).json.journal_retention, "0s");
  });

  it("cancels, kills and restarts what runs", async () => {
    const status = async (id: string): Promise<string> =>
      (await admin("GET", `/invocations/${id}`)).json.status;
    const started = await Promise.all([
      call("/Hidden/wait/send"),
      call("/Hidden/wait/send"),
      call("/Counter/b/add/send", 1),
    ]);
    const [first = "", second = "", third = ""] = started.map(({ json }) => json.invocationId as string);
    await admin("PATCH", "/services/Hidden", { journal_retention: "1h" });
    await until(async () => (await status(first)) === "suspended" && (await status(second)) === "suspended");
    assert.equal((await admin("PATCH", `/invocations/${first}/cancel`)).status, 202);
    assert.equal((await admin("PATCH", `/invocations/${second}/kill`)).status, 200);
    await until(async () => (await status(first)) === "completed" && (await status(second)) === "completed");
    await until(async () => (await status(third)) === "completed");
    const restarted = await admin("PATCH", `/invocations/${third}/restart-as-new?deployment=latest`);
    assert.equal(restarted.status, 200, restarted.text);
    await until(async () => (await call("/Counter/b/get")).json === 2);
    const purged = await admin("PATCH", `/invocations/${third}/purge`);
    assert.deepEqual(
      [purged.status, (await admin("PATCH", `/v3/invocations/${third}/purge`)).status],
      [200, 404],
    );
  });
});
