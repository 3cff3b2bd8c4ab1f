/** Queries when the engine cannot be asked, and who may ask. */
import assert from "node:assert/strict";
import { test } from "node:test";

import { AdminRig } from "../admin/admin-rig.ts";
import { assertProblem } from "../ingress/ingress-rig.ts";
import { QueryHost } from "./query-host.ts";
import { QueryRig } from "./query-rig.contract.ts";

const MIB = 1024 * 1024;
const limits = { timeMs: 50, rowsMax: 10, resultBytesMax: MIB, memoryBytesMax: 256 * MIB };

test("an engine that keeps its data in memory says that it has no queries", async (t) => {
  const rig = await AdminRig.start();
  t.after(() => rig.close());
  const answer = await rig.send("POST", "/query", { query: "SELECT 1" });
  assertProblem(answer, 503, "query-unavailable", "admin");
});

test("a query whose store cannot be written is refused when its time is over, with the reason", async (t) => {
  const queries = new QueryHost({ limits, runningMax: 1, waitingMax: 1 });
  const rig = await AdminRig.start({ queries });
  t.after(() => rig.close());
  t.after(() => queries.close());
  Object.defineProperty(rig.engine.store, "filePath", { value: "/nowhere/checkpoint.db" });
  rig.engine.checkpoint = () => new Promise(() => undefined);
  const answer = await rig.send("POST", "/query", { query: "SELECT 1" });
  assertProblem(answer, 503, "query-unavailable", "admin");
  assert.match(answer.json.message, /could not be brought up to date within 50 ms/);
});

test("a store that cannot be opened fails the query and nothing else", async (t) => {
  const queries = new QueryHost({ limits: { ...limits, timeMs: 60_000 }, runningMax: 1, waitingMax: 1 });
  const rig = await AdminRig.start({ queries });
  t.after(() => rig.close());
  t.after(() => queries.close());
  Object.defineProperty(rig.engine.store, "filePath", { value: "/nowhere/checkpoint.db" });
  assertProblem(await rig.send("POST", "/query", { query: "SELECT 1" }), 500, "query-failed", "admin");
  assert.equal((await rig.get("/health")).status, 200);
});

test("a program that cannot be started fails the query and nothing else", async (t) => {
  const program = { file: "/nowhere/node", args: [] };
  const queries = new QueryHost({ limits, runningMax: 1, waitingMax: 1, program });
  const rig = await AdminRig.start({ queries });
  t.after(() => rig.close());
  t.after(() => queries.close());
  Object.defineProperty(rig.engine.store, "filePath", { value: "/nowhere/checkpoint.db" });
  const answer = await rig.send("POST", "/query", { query: "SELECT 1" });
  assertProblem(answer, 500, "query-failed", "admin");
});

test("who may ask is who may use the admin API, in the ways that are asked of every request", async (t) => {
  const rig = await QueryRig.start(t, [], { "admin.token": "secret" });
  const body = { query: "SELECT 1" };
  const authorized = { authorization: "Bearer secret" };
  assert.equal((await rig.post(body)).status, 401);
  assert.equal((await rig.post(body, { authorization: "Bearer other" })).status, 401);
  assert.equal((await rig.post(body, authorized)).status, 200);
  assert.equal((await rig.post(body, { ...authorized, origin: "http://evil.example" })).status, 403);
  assert.equal((await rig.post(body, { ...authorized, "content-type": "text/plain" })).status, 415);
  assert.equal((await rig.post({ query: 1 }, authorized)).status, 400);
  assert.equal((await rig.post({ ...body, limit: 1 }, authorized)).status, 400);
  assert.equal((await rig.post({ ...body, parameters: [{}] }, authorized)).status, 400);
  assert.equal((await fetch(`${rig.server.adminUrl}/query`, { headers: authorized })).status, 405);
});

test("what the server closes for ends too", async (t) => {
  const rig = await QueryRig.start(t, [], { "query.timeLimit": "1h" });
  const endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT count(*) FROM n";
  const asked = rig.post({ query: endless }).then(
    ({ status }) => status,
    () => "cut off",
  );
  await rig.rows("SELECT 1");
  await rig.server.close();
  assert.ok(["cut off", 500, 503].includes(await asked));
});
