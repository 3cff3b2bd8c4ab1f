/** Every view against a world with invocations in every status. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { CANCEL_SIGNAL } from "@holdfast/protocol";
import { tableFromIPC } from "@uwdata/flechette";

import type { QueryRig, Row } from "./query-rig.contract.ts";
import { startWorld, type World } from "./query-world.contract.ts";

let rig: QueryRig;
let ids: World["ids"];
const cleanups: Array<() => unknown> = [];

before(async () => {
  ({ rig, ids } = await startWorld({ after: (cleanup) => void cleanups.push(cleanup as () => unknown) }));
});
after(async () => {
  for (const cleanup of cleanups) await cleanup();
});

type FailedOutput = {
  readonly Command: { readonly Output: { readonly result: { readonly Failure: Row } } };
};

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

async function one(query: string): Promise<Row> {
  const rows = await rig.rows(query);
  assert.equal(rows.length, 1, `${query}: ${JSON.stringify(rows)}`);
  return rows[0] ?? {};
}

function invocation(id: string, columns = "*"): Promise<Row> {
  return one(`SELECT ${columns} FROM sys_invocation WHERE id = '${id}'`);
}

describe("sys_invocation", () => {
  it("calls statuses as Restate does", async () => {
    const rows = await rig.rows("SELECT id, status FROM sys_invocation");
    const statuses = new Map(rows.map((row) => [row["id"], row["status"]]));
    const expected = {
      success: "completed",
      failure: "completed",
      running: "running",
      suspended: "suspended",
      backingOff: "backing-off",
      paused: "paused",
      scheduled: "scheduled",
      queued: "pending",
    } as const;
    for (const [name, status] of Object.entries(expected))
      assert.equal(statuses.get(ids[name as keyof typeof expected]), status, name);
  });

  it("can be searched by each of them, in every way", async () => {
    const all = await rig.rows("SELECT id, status FROM sys_invocation");
    const idsOf = (rows: Row[]): string[] => rows.map((row) => String(row["id"])).toSorted();
    for (const status of new Set(all.map((row) => String(row["status"])))) {
      const expected = idsOf(all.filter((row) => row["status"] === status));
      for (const [query, parameters] of [
        [`SELECT id FROM sys_invocation WHERE status = '${status}'`, []],
        ["SELECT id FROM sys_invocation WHERE status = ? ORDER BY modified_at DESC LIMIT 100", [status]],
        [`SELECT id FROM sys_invocation WHERE upper(status) = '${status.toUpperCase()}'`, []],
      ] as const)
        assert.deepEqual(idsOf(await rig.rows(query, parameters)), expected, query);
    }
    const raw = await rig.rows("SELECT status, count(*) AS n FROM sys_invocation_status GROUP BY status");
    for (const { status, n } of raw) {
      const found = await rig.rows(`SELECT id FROM sys_invocation_status WHERE status = '${status}'`);
      assert.equal(found.length, n, status);
    }
  });

  it("has who is called, by whom, and what it came to", async () => {
    const row = await invocation(ids.success);
    assert.equal(row["target"], "flow/greet");
    assert.equal(row["target_service_ty"], "service");
    assert.equal(row["invoked_by"], "ingress");
    assert.equal(row["completion_result"], "success");
    assert.equal(row["completion_retention"], "PT0S");
    assert.equal(row["journal_retention"], "PT86400S");
    assert.match(row["created_at"], INSTANT);
    assert.match(row["completed_at"], INSTANT);
    assert.ok(!("completion_failure" in row), "what is NULL is left out");
    assert.equal(
      (await invocation(ids.failure, "completion_failure"))["completion_failure"],
      "[409] not today",
    );
    const called = await one("SELECT * FROM sys_invocation WHERE target = 'counter/forwarded/add'");
    assert.deepEqual(
      [
        called["invoked_by"],
        called["invoked_by_id"],
        called["invoked_by_target"],
        called["target_service_key"],
      ],
      ["service", ids.forwarding, "flow/forward", "forwarded"],
    );
    assert.equal(called["target_service_ty"], "virtual_object");
    assert.equal((await invocation(ids.workflow))["target_service_ty"], "workflow");
  });

  it("says of an attempt that failed why, and when the next is due", async () => {
    const row = await invocation(ids.backingOff);
    assert.equal(row["retry_count"], 1);
    assert.equal(row["last_failure"], "Error: not yet");
    assert.equal(row["last_failure_error_code"], "RT0007");
    assert.match(row["next_retry_at"], INSTANT);
    assert.match(row["last_attempt_server"], /^holdfast-sdk-typescript/);
    assert.equal((await invocation(ids.running))["retry_count"], 1);
    assert.equal((await invocation(ids.paused))["last_failure"], "Error: no way");
  });

  it("says what a suspended one waits for, and until when a scheduled one does", async () => {
    const suspended = await invocation(ids.suspended);
    assert.deepEqual(suspended["suspended_waiting_for_completions"], [1]);
    assert.ok(suspended["suspended_waiting_for_signals"].includes(CANCEL_SIGNAL));
    const { scheduled_start_at: until, created_at: from } = await invocation(ids.scheduled);
    const wait = Date.parse(until) - Date.parse(from);
    assert.ok(wait > 3_500_000 && wait <= 3_600_000, `${wait}`);
    assert.match((await invocation(ids.queued))["inboxed_at"], INSTANT);
  });
});

describe("the two views that it is made of", () => {
  it("have the raw statuses, and what is about attempts", async () => {
    const rows = await rig.rows(
      "SELECT s.id, status, in_flight FROM sys_invocation_status s LEFT JOIN sys_invocation_state a ON a.id = s.id",
    );
    const found = (id: string): unknown[] => {
      const row = rows.find((each) => each["id"] === id);
      return [row?.["status"], row?.["in_flight"]];
    };
    assert.deepEqual(found(ids.running), ["invoked", true]);
    assert.deepEqual(found(ids.backingOff), ["invoked", false]);
    assert.deepEqual(found(ids.queued), ["inboxed", undefined]);
    assert.deepEqual(found(ids.success), ["completed", undefined]);
  });

  it("have the partition key with all of its digits", async () => {
    const { tables } = rig.server.engine;
    assert.ok(tables.invocations.get(ids.success));
    const response = await rig.post({ query: "SELECT id, partition_key FROM sys_invocation_status" });
    const text = await response.text();
    const keys = [...text.matchAll(/"partition_key":(\d+)/g)].map(([, digits = ""]) => BigInt(digits));
    assert.equal(keys.length, JSON.parse(text).rows.length);
    assert.ok(keys.some((key) => key > 2n ** 53n && key !== BigInt(Number(key))));
  });
});

describe("sys_journal", () => {
  it("has an entry a row, each completion behind its command", async () => {
    const rows = await rig.rows(
      `SELECT index, entry_type, name, completed FROM sys_journal WHERE id = '${ids.success}' ORDER BY index`,
    );
    assert.deepEqual(rows, [
      { index: 0, entry_type: "Command: Input" },
      { index: 1, entry_type: "Command: Run", name: "greeting", completed: true },
      { index: 2, entry_type: "Notification: Run" },
      { index: 3, entry_type: "Command: Sleep", name: "pause", completed: true },
      { index: 4, entry_type: "Notification: Sleep" },
      { index: 5, entry_type: "Command: Output" },
    ]);
  });

  it("has entries as JSON, whole and without payloads", async () => {
    const of = async (id: string, type: string): Promise<unknown[]> => {
      const row = await one(
        `SELECT entry_json, entry_lite_json FROM sys_journal WHERE id = '${id}' AND entry_type = '${type}'`,
      );
      return [JSON.parse(row["entry_json"]), JSON.parse(row["entry_lite_json"])];
    };
    const bytes = [...Buffer.from('"hello Ada"')];
    assert.deepEqual(await of(ids.success, "Command: Output"), [
      { Command: { Output: { result: { Success: bytes }, name: "" } } },
      { Command: { Output: { result: "Success", name: "" } } },
    ]);
    assert.deepEqual(await of(ids.success, "Notification: Run"), [
      { Notification: { Completion: { Run: { completion_id: 1, result: { Success: bytes } } } } },
      { Notification: { ty: { Completion: "Run" }, id: { CompletionId: 1 }, result: "Success" } },
    ]);
    const [failure] = await of(ids.failure, "Command: Output");
    const { code, message } = (failure as FailedOutput).Command.Output.result.Failure;
    assert.deepEqual([code, message], [409, "not today"]);
  });

  it("can be counted, which reads only which entries there are", async () => {
    const { n } = await one("SELECT count(*) AS n FROM sys_journal");
    const { size } = await one("SELECT sum(journal_size) AS size FROM sys_invocation");
    assert.equal(n, size);
    const runs = await one("SELECT count(*) AS n FROM sys_journal WHERE entry_type = 'Command: Run'");
    assert.ok(runs["n"] > 0 && runs["n"] < n);
  });

  it("links calls with what they made", async () => {
    const row = await one(
      `SELECT invoked_id, invoked_target, completed, raw_length, raw FROM sys_journal
       WHERE id = '${ids.forwarding}' AND entry_type = 'Command: Call'`,
    );
    assert.equal(row["invoked_target"], "counter/forwarded/add");
    assert.equal((await invocation(row["invoked_id"]))["invoked_by_id"], ids.forwarding);
    assert.match(row["raw"], /^[0-9a-f]+$/);
    assert.equal(row["raw"].length, 2 * row["raw_length"]);
  });
});

describe("sys_journal_events", () => {
  it("has failed attempts as Restate's tools read them", async () => {
    const row = await one(`SELECT * FROM sys_journal_events WHERE id = '${ids.backingOff}'`);
    assert.equal(row["event_type"], "TransientError");
    const event = JSON.parse(row["event_json"]);
    assert.deepEqual(
      [event.ty, event.error_code, event.error_message],
      ["TransientError", 500, "Error: not yet"],
    );
    assert.match(row["appended_at"], INSTANT);
  });

  it("has why an invocation was paused", async () => {
    const paused = await one(
      `SELECT event_json FROM sys_journal_events WHERE id = '${ids.paused}' AND event_type = 'Paused'`,
    );
    assert.equal(JSON.parse(paused["event_json"]).last_failure.error_message, "Error: no way");
  });
});

describe("what belongs to keys", () => {
  it("is in state, as text and as bytes", async () => {
    const rows = await rig.rows(
      "SELECT service_name, service_key, key, value_utf8, value, value_length FROM state ORDER BY key",
    );
    const note = Buffer.from('"ünï"');
    assert.deepEqual(rows, [
      {
        service_name: "counter",
        service_key: "forwarded",
        key: "note",
        value_utf8: '"ünï"',
        value: note.toString("hex"),
        value_length: note.length,
      },
      {
        service_name: "counter",
        service_key: "forwarded",
        key: "total",
        value_utf8: "7",
        value: "37",
        value_length: 1,
      },
    ]);
  });

  it("is in sys_keyed_service_status and sys_inbox: who holds the lock, and who waits for it", async () => {
    const holders = await rig.rows("SELECT * FROM sys_keyed_service_status WHERE service_name = 'counter'");
    assert.deepEqual(
      holders.map((row) => [row["service_key"], row["invocation_id"]]),
      [["k", ids.holding]],
    );
    const queue = await one("SELECT * FROM sys_inbox");
    assert.deepEqual(
      [queue["service_name"], queue["service_key"], queue["id"]],
      ["counter", "k", ids.queued],
    );
    assert.ok(queue["sequence_number"] > 0);
    assert.match(queue["created_at"], INSTANT);
  });

  it("is in sys_promise, before and after it is settled", async () => {
    const query = "SELECT key, completed, completion_success_value_utf8 AS value FROM sys_promise";
    assert.deepEqual(await rig.rows(query), [{ key: "decision", completed: false }]);
    const path = "/services/approval/promises/a1/decision/resolve";
    const response = await rig.post("granted", { accept: "*/*" }, path);
    assert.ok(response.ok, await response.text());
    assert.deepEqual(await rig.rows(query), [{ key: "decision", completed: true, value: '"granted"' }]);
  });
});

describe("sys_deployment and sys_service", () => {
  it("have what can be called, and where", async () => {
    const deployment = await one("SELECT * FROM sys_deployment");
    assert.deepEqual(deployment["services"].toSorted(), ["approval", "counter", "flow"]);
    assert.equal(deployment["ty"], "in_process");
    const services = await rig.rows(
      "SELECT name, ty, public, revision, deployment_id FROM sys_service ORDER BY name",
    );
    assert.deepEqual(
      services.map(({ name, ty }) => [name, ty]),
      [
        ["approval", "workflow"],
        ["counter", "virtual_object"],
        ["flow", "service"],
      ],
    );
    assert.deepEqual(services[0]?.["deployment_id"], deployment["id"]);
    assert.equal(services[0]?.["public"], true);
  });
});

describe("the language", () => {
  it("is what Restate's clients use of theirs", async () => {
    assert.ok((await rig.rows("show tables")).some((row) => row["table_name"] === "sys_invocation"));
    const described = await rig.rows("DESCRIBE sys_inbox");
    assert.deepEqual(described[0], {
      table_catalog: "restate",
      table_schema: "public",
      table_name: "sys_inbox",
      column_name: "partition_key",
      ordinal_position: 1,
      data_type: "UInt64",
      is_nullable: "YES",
    });
    const qualified = "SELECT count(*) AS n FROM restate.public.sys_invocation WHERE target_service_name = ?";
    assert.deepEqual(await rig.rows(qualified, ["nobody"]), [{ n: 0 }]);
    const counts = await rig.rows(
      "SELECT status, count(1) AS n FROM sys_invocation GROUP BY status ORDER BY n DESC",
    );
    assert.equal(counts[0]?.["status"], "completed");
    const recent = "SELECT count(*) AS n FROM sys_invocation WHERE created_at > now() - interval '1 hour'";
    assert.ok((await one(recent))["n"] > 10);
    assert.deepEqual(await one("SELECT ago('90s') < now() AS earlier, 0.5 AS half"), {
      earlier: true,
      half: 0.5,
    });
  });

  it("says what theirs says in other words", async () => {
    const row = await one(`
      SELECT 'Ada' ILIKE 'aDA' AS alike, CAST('7 days' AS STRING) AS text, CAST(now() AS TIMESTAMP) = now() AS same,
        now() - INTERVAL '2' HOUR = ago('2h') AS hours, now() - interval '1 day 2 hours' = ago('26h') AS days,
        date_trunc('hour', '2026-11-23T02:06:11.310Z') AS hour, to_timestamp('2026-11-23T10:00:00+01:00') AS at,
        to_timestamp(1e20) AS late, ago('100000w') AS early`);
    assert.deepEqual(row, {
      alike: true,
      text: "7 days",
      same: true,
      hours: true,
      days: true,
      hour: "2026-11-23T02:00:00.000Z",
      at: "2026-11-23T09:00:00.000Z",
      late: "9999-12-31T23:59:59.999Z",
      early: "1970-01-01T00:00:00.001Z",
    });
  });

  it("knows conditions by how they are written, and numbers by that they are none", async () => {
    const row = await one(`
      WITH inner AS (SELECT id, id IS NOT NULL AS is_there, length(id) AS size FROM sys_invocation WHERE id = '${ids.success}')
      SELECT is_there, size > 100, NOT size AS none, size IN (38, 39) OR 1 = 2 AS known, 1 AS one, (1 = 1) + 0 AS sum,
        CASE WHEN size = 1 THEN 1 ELSE 0 END AS number, exists(SELECT 1) AS "there", count(*) FILTER (WHERE size > 1) AS n
      FROM inner`);
    assert.deepEqual(row, {
      is_there: true,
      "size > 100": false,
      none: false,
      known: true,
      one: 1,
      sum: 1,
      number: 0,
      there: true,
      n: 1,
    });
  });

  it("answers what Restate's command line asks for lists and descriptions", async () => {
    const [row] = await rig.rows(`
      SELECT inv.id, inv.retry_count AS num_retries, dp.id IS NOT NULL AS pinned_deployment_exists
      FROM sys_invocation inv LEFT JOIN sys_deployment dp ON dp.id = inv.pinned_deployment_id
      WHERE status IN ('paused','backing-off') AND inv.id IN ('${ids.backingOff}') ORDER BY inv.created_at DESC, inv.id`);
    assert.deepEqual(row, { id: ids.backingOff, num_retries: 1, pinned_deployment_exists: true });
    const known = await one(`
      SELECT COUNT(*) FROM information_schema.columns
      WHERE table_name = 'sys_journal' AND column_name IN ('version', 'entry_json', 'appended_at')`);
    assert.deepEqual(known, { "COUNT(*)": 3 });
    const entries = await rig.rows(`
      SELECT sj.index, sj.version FROM sys_journal sj WHERE sj.id = '${ids.success}' ORDER BY index DESC LIMIT 100`);
    assert.deepEqual(entries[0], { index: 5, version: 2 });
    const state =
      "select key, value from state where service_name = 'counter' and service_key = 'forwarded' ;";
    assert.equal((await rig.rows(state)).length, 2);
    const counted = await one(
      "SELECT COUNT(1) FROM (SELECT * FROM sys_invocation inv LIMIT 50000) WHERE status != 'completed'",
    );
    assert.ok(counted["COUNT(1)"] > 5);
  });

  it("joins what the hooks of Restate's tests join", async () => {
    const rows = await rig.rows(`
      SELECT i.id, i.status, j.entry_json, e.event_json FROM sys_invocation i
      LEFT JOIN sys_journal j ON j.id = i.id AND j.entry_type = 'Command: Output'
      LEFT JOIN sys_journal_events e ON e.id = i.id
      WHERE i.id IN ('${ids.success}', '${ids.backingOff}') ORDER BY i.status`);
    assert.deepEqual(
      rows.map((row) => [row["status"], "entry_json" in row, "event_json" in row]),
      [
        ["backing-off", false, true],
        ["completed", true, false],
      ],
    );
  });
});

describe("a statement that cannot be run", () => {
  it("is answered with what would have been right", async () => {
    const column = await rig.refusal("SELECT statuz FROM sys_invocation");
    assert.equal(column["error"], "query-invalid");
    assert.match(column["message"], /there is no column "statuz"/);
    assert.match(column["hint"], /Did you mean "status"\?.*target_service_name/);
    const table = await rig.refusal("SELECT * FROM sys_invocations");
    assert.match(table["hint"], /Did you mean "sys_invocation"\?/);
    assert.match((await rig.refusal("SELECT FROM"))["message"], /syntax error/);
    assert.match((await rig.refusal("SELECT ago('soon')"))["message"], /"soon" is not a length of time/);
    assert.equal((await rig.post({})).status, 400);
  });
});

describe("an answer", () => {
  const query = "SELECT id, created_at, suspended_waiting_for_completions, journal_size FROM sys_invocation";
  const where = (): string => `${query} WHERE id = '${ids.suspended}'`;

  it("is an Arrow stream for whoever does not ask for exactly JSON, under every version of the path", async () => {
    for (const path of ["/query", "/v2/query", "/v3/query", "/v4/query"]) {
      const response = await rig.post({ query: where() }, { accept: "application/json, */*" }, path);
      assert.equal(response.status, 200, path);
      assert.equal(response.headers.get("content-type"), "application/vnd.apache.arrow.stream");
      const table = tableFromIPC(new Uint8Array(await response.arrayBuffer()), { useDate: true });
      const [row] = table.toArray() as Row[];
      assert.deepEqual([table.numRows, row?.["id"]], [1, ids.suspended]);
      assert.ok(row?.["created_at"] instanceof Date);
      assert.deepEqual([...row["suspended_waiting_for_completions"]], [1]);
      assert.equal(row["journal_size"], 2);
    }
  });

  it("is an object a row as JSON, and a list a row as a table", async () => {
    const json = await rig.post({ query: where() });
    assert.equal(json.headers.get("content-type"), "application/json");
    assert.equal(((await json.json()) as { rows: Row[] }).rows[0]?.["id"], ids.suspended);
    const table = await rig.post({ query: where() }, { accept: "application/vnd.holdfast.table+json" });
    const { columns, rows } = (await table.json()) as { columns: string[]; rows: unknown[][] };
    assert.deepEqual(columns, ["id", "created_at", "suspended_waiting_for_completions", "journal_size"]);
    assert.deepEqual([rows[0]?.[0], rows[0]?.[2]], [ids.suspended, [1]]);
  });

  it("has the columns also when there are no rows", async () => {
    const response = await rig.post({ query: `${query} WHERE id = ''` }, { accept: "*/*" });
    const table = tableFromIPC(new Uint8Array(await response.arrayBuffer()));
    assert.deepEqual(
      [table.numRows, table.names],
      [0, ["id", "created_at", "suspended_waiting_for_completions", "journal_size"]],
    );
  });

  it("passes through what JSON has no sign for, and names that every object has", async () => {
    const rows = await rig.rows(
      "SELECT 1e999 AS endless, '\u0001\"' AS odd, 9007199254740993 AS large, 1 AS __proto__",
    );
    assert.deepEqual(Object.keys(rows[0] ?? {}), ["odd", "large", "__proto__"]);
    const response = await rig.post({ query: "SELECT 9007199254740993 AS large" });
    assert.equal(await response.text(), '{"rows":[{"large":9007199254740993}]}');
  });
});

describe("freshness", () => {
  it("is that of the query: what a call has done is in the very next one", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) {
      const id = await rig.send("/flow/later", name, "?delay=1h");
      assert.equal((await invocation(id, "status"))["status"], "scheduled");
    }
  });
});
