/** What a statement cannot do: change anything, see anything but the views, or take more than a query may. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";

import { service } from "@holdfast/sdk";

import { QueryRig, type Row } from "./query-rig.contract.ts";

const greeter = service("greeter", { greet: async (_ctx, name: string) => `hello ${name}` });

const TIME_LIMIT_MS = 1_500;
const MIB = 1024 * 1024;
const limits = {
  "query.timeLimit": TIME_LIMIT_MS,
  "query.rowsMax": 1_000,
  "query.resultBytesMax": MIB,
  "query.memoryBytesMax": 256 * MIB,
  "query.runningMax": 2,
  "query.waitingMax": 2,
};

let rig: QueryRig;
const cleanups: Array<() => unknown> = [];
before(async () => {
  const t = { after: (cleanup: unknown) => void cleanups.push(cleanup as () => unknown) };
  rig = await QueryRig.start(t, [greeter], limits);
  await rig.call("/greeter/greet", "Ada");
});
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

/** Numbers without an end, and without anything that calls back. */
const ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)";
const DIGITS = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9))";

describe("what changes something, or reaches beyond the views", () => {
  const REFUSED: ReadonlyArray<readonly [sql: string, why: RegExp]> = [
    ["INSERT INTO sys_invocation (id) VALUES ('x')", /begins with INSERT/],
    ["UPDATE sys_invocation SET status = 'completed'", /begins with UPDATE/],
    ["DELETE FROM main.invocations", /begins with DELETE/],
    ["DROP TABLE main.invocations", /begins with DROP/],
    ["CREATE TABLE t (x)", /begins with CREATE/],
    ["REPLACE INTO main.meta VALUES ('a', 'b', 1)", /begins with REPLACE/],
    ["WITH x AS (SELECT 1) INSERT INTO main.inbox SELECT 'a', x'00', 0 FROM x", /anything but SELECT/],
    ["WITH x AS (SELECT 1) DELETE FROM main.invocations", /anything but SELECT/],
    ["ATTACH '/tmp/other.db' AS other", /begins with ATTACH/],
    ["DETACH main", /begins with DETACH/],
    ["PRAGMA writable_schema = ON", /begins with PRAGMA/],
    ["VACUUM INTO '/tmp/copy.db'", /begins with VACUUM/],
    ["BEGIN IMMEDIATE", /begins with BEGIN/],
    ["COMMIT", /begins with COMMIT/],
    ["REINDEX", /begins with REINDEX/],
    ["ANALYZE", /begins with ANALYZE/],
    ["EXPLAIN SELECT 1", /begins with EXPLAIN/],
    ["SELECT 1; DELETE FROM main.invocations", /more than one statement/],
    ["SELECT 1;;SELECT 2", /more than one statement/],
    ["SELECT 1 --\n; DROP TABLE main.invocations", /more than one statement/],
    ["/* ; */ DELETE FROM main.invocations", /begins with DELETE/],
    ["SELECT '", /does not end/],
    ["SELECT 1 /*", /does not end/],
    ["", /it is empty/],
    [";", /it is empty/],
    ["SELECT * FROM invocations", /the table invocations/],
    ["SELECT value FROM main.objects", /the table objects/],
    ['SELECT * FROM "main" . "journal"', /the table journal/],
    ["SELECT count(*) FROM timers", /the table timers/],
    ["SELECT count(*) FROM main.timers, sys_invocation", /the table timers/],
    [
      "WITH sys_invocation AS (SELECT * FROM main.invocations) SELECT * FROM sys_invocation",
      /the table invocations/,
    ],
    ["SELECT (SELECT max(value) FROM main.meta)", /the table meta/],
    ["SELECT * FROM sys_invocation WHERE id IN (SELECT key FROM main.deployments)", /the table deployments/],
    ["SELECT * FROM sqlite_schema", /the table sqlite_/],
    ["SELECT count(*) FROM temp.sqlite_schema", /the table sqlite_/],
    ["SELECT * FROM pragma_table_info('invocations')", /the table pragma_table_info/],
    ["SELECT * FROM pragma_database_list", /the table pragma_database_list/],
    ["SELECT * FROM dbstat", /the table dbstat/],
    ["SELECT load_extension('/tmp/evil.so')", /the function load_extension/],
    ["SELECT readfile('/etc/passwd')", /no such function/],
    ["SELECT writefile('/tmp/x', 'y')", /no such function/],
    ["SELECT fts3_tokenizer('x')", /the function fts3_tokenizer/],
    ["SELECT sqlite_compileoption_get(1)", /the function sqlite_compileoption_get/],
    ["SELECT holdfast_names('services')", /the function holdfast_names/],
    ["SELECT holdfast_sys_invocation(0, 1)", /the function holdfast_sys_invocation/],
  ];
  for (const [sql, why] of REFUSED) {
    it(`is refused: ${sql.replaceAll("\n", " ")}`, async () => {
      const { code, error, message } = await rig.refusal(sql);
      assert.deepEqual([code, error], [400, "query-invalid"], message);
      assert.match(message, why);
    });
  }

  it("changes no byte of the store", async () => {
    await rig.server.engine.checkpoint();
    const file = join(rig.directory, "checkpoint.db");
    const found = readFileSync(file);
    for (const [sql] of REFUSED) await rig.refusal(sql);
    await rig.rows("SELECT * FROM sys_journal");
    assert.ok(readFileSync(file).equals(found));
  });
});

describe("what would take too much", () => {
  const TOO_LONG = [
    `${ENDLESS} SELECT count(*) FROM n`,
    `SELECT count(*) FROM ${Array.from({ length: 14 }, (_, index) => `${DIGITS} AS t${index}`).join(", ")}`,
    `${ENDLESS} SELECT * FROM n WHERE x < 0`,
    "SELECT count(*) FROM sys_invocation a, sys_invocation b WHERE (WITH RECURSIVE n(x) AS (SELECT a.id UNION ALL SELECT x FROM n) SELECT count(*) FROM n) > 0",
  ];
  for (const sql of TOO_LONG) {
    it(`is ended in time, and the engine serves meanwhile: ${sql.slice(0, 60)}…`, async () => {
      const began = performance.now();
      const refused = rig.refusal(sql);
      let calls = 0;
      let isOver = false;
      void refused.then(() => (isOver = true));
      while (!isOver) {
        assert.equal(await rig.call("/greeter/greet", "Bo"), "hello Bo");
        calls += 1;
      }
      const { error, message } = await refused;
      assert.equal(error, "query-limit-exceeded", message);
      assert.match(message, /query\.timeLimit of 1500/);
      assert.ok(calls > 5, `${calls} calls were served in ${performance.now() - began} ms`);
      assert.deepEqual(await rig.rows("SELECT 1 AS one"), [{ one: 1 }]);
    });
  }

  const TOO_LARGE: ReadonlyArray<readonly [sql: string, limit: RegExp]> = [
    [`${ENDLESS} SELECT x FROM n`, /query\.rowsMax of 1000/],
    [`${ENDLESS} SELECT printf('%100000d', x) AS text FROM n`, /query\.resultBytesMax/],
    ["SELECT zeroblob(900000) AS doubled", /query\.resultBytesMax/],
    [
      `${ENDLESS} SELECT x, zeroblob(1000000) AS b FROM n ORDER BY x DESC`,
      /query\.(?:memoryBytesMax|timeLimit)/,
    ],
    [
      `${ENDLESS} SELECT length(group_concat(printf('%1000000d', x), '')) FROM n`,
      /query\.(?:memoryBytesMax|timeLimit)|too big/,
    ],
  ];
  for (const [sql, limit] of TOO_LARGE) {
    it(`is ended with the limit's name: ${sql.slice(sql.indexOf("SELECT x") + 1).slice(0, 60)}…`, async () => {
      const { message } = await rig.refusal(sql);
      assert.match(message, limit);
    });
  }

  it("is refused before it runs where the statement itself is too large", async () => {
    const nested = `SELECT ${"(".repeat(5_000)}1${")".repeat(5_000)}`;
    assert.equal((await rig.refusal(nested))["error"], "query-invalid");
    const long = await rig.post({ query: "SELECT ?", parameters: ["x".repeat(100_000)] });
    assert.match(((await long.json()) as Row)["message"], /longer than 100000 characters/);
    const wide = `SELECT ${"1,".repeat(2_000)}1`;
    assert.match((await rig.refusal(wide))["message"], /too many columns/);
  });

  it("is refused without being repeated", async () => {
    const name = "n".repeat(90_000);
    for (const sql of [
      `SELECT ${name} FROM sys_invocation`,
      `SELECT 1 FROM ${name}`,
      `SELECT ${name}()`,
      `SELECT 1 ${name} ${name}`,
    ]) {
      const { message } = await rig.refusal(sql);
      assert.ok(message.length < 2_000, `${sql.slice(0, 20)}: ${message.length} characters`);
    }
  });
});

describe("queries of many", () => {
  it("wait for their turn, and more of them are refused", async () => {
    const slow = `${ENDLESS} SELECT count(*) FROM n`;
    const answers = await Promise.all(Array.from({ length: 7 }, () => rig.refusal(slow)));
    const errors = answers.map(({ error }) => error as string);
    assert.equal(errors.filter((error) => error === "overloaded").length, 3);
    assert.equal(errors.filter((error) => error === "query-limit-exceeded").length, 4);
    assert.match(answers.find(({ error }) => error === "overloaded")?.["message"], /2 queries are running/);
  });
});

it("a query ends when whoever asked has gone", async (t) => {
  const own = await QueryRig.start(t, [], { "query.timeLimit": "1h", "query.runningMax": 1 });
  const asked = new AbortController();
  const gone = fetch(`${own.server.adminUrl}/query`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: `${ENDLESS} SELECT count(*) FROM n` }),
    signal: asked.signal,
  });
  setTimeout(() => asked.abort(), 500);
  await assert.rejects(gone);
  // Only one runs at a time, and the first would have run for an hour.
  assert.deepEqual(await own.rows("SELECT 1 AS a"), [{ a: 1 }]);
});
