/** LOG-8 for the store: a flipped bit is noticed, or it does not matter. It is never data. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { SqliteStore } from "./sqlite-store.ts";
import { put, row } from "./store.contract.ts";
import {
  StoreCorruptError,
  StoreFormatError,
  type CheckpointStore,
  type InvocationQuery,
  type RowWrite,
} from "./store.ts";

/** Bytes from one flip to the next; odd, so that every kind of byte of a page is hit. `HOLDFAST_FLIP_STEP=1`: all of them. */
const STEP = Number(process.env["HOLDFAST_FLIP_STEP"] ?? 1009);
const INVOCATIONS = 60;
const KEY_VALUE_TABLES = ["objects", "inbox", "promises", "timers", "deployments", "meta"] as const;
const STATUSES = ["running", "suspended", "completed"];

const WRITES: readonly RowWrite[] = [
  ...Array.from({ length: INVOCATIONS }, (_, index) => {
    const id = `inv_${String(index).padStart(8, "0")}`;
    const status = STATUSES[index % STATUSES.length] ?? "";
    const ended = status === "completed" ? { completedAt: 50 + index, expiresAt: 90 + index } : {};
    const columns = {
      status,
      key: index % 2 === 0 ? `k${index}` : "",
      createdAt: 1_000 + index,
      size: index,
    };
    return [
      row(id, { ...columns, ...ended }),
      put("journal", `${id}/000000000`, `journal of ${id} `.repeat(4)),
    ];
  }).flat(),
  ...KEY_VALUE_TABLES.flatMap((table) =>
    Array.from({ length: 40 }, (_, index) =>
      put(table, `${table}/${index}`, `value ${index} of ${table} `.repeat(3)),
    ),
  ),
  // Longer than a page.
  put("objects", "large", "large ".repeat(1_500)),
];
const APPLIED = 7;

const QUERIES: readonly InvocationQuery[] = [
  { order: "newest", limit: 1_000 },
  { order: "oldest", status: ["running"], limit: 1_000 },
  { order: "oldest", service: "cart", limit: 1_000 },
  { order: "oldest", service: "cart", key: "k4", limit: 1_000 },
  { order: "expiry", status: ["completed"], expiredAt: 1_000, limit: 1_000 },
  { order: "oldest", idPrefix: "inv_0000", limit: 1_000 },
];

type Read = { readonly what: string; readonly run: (store: CheckpointStore) => unknown };

/** Everything that can be asked. */
const READS: readonly Read[] = [
  { what: "position", run: (store) => store.appliedPosition() },
  { what: "counts", run: (store) => store.countInvocations() },
  { what: "bytes", run: (store) => store.completedBytes() },
  ...WRITES.map(({ table, key }) => ({
    what: `get ${table} ${key}`,
    run: (store: CheckpointStore) => store.get(table, key),
  })),
  ...(["invocations", ...KEY_VALUE_TABLES] as const).map((table) => ({
    what: `scan ${table}`,
    run: (store: CheckpointStore) => store.scan(table, "", "~", 1_000),
  })),
  ...QUERIES.map((query) => ({
    what: `find ${JSON.stringify(query)}`,
    run: (store: CheckpointStore) => store.findInvocations(query),
  })),
];

type Outcome = "refused" | "right" | "missing";

describe("a store with a flipped bit", () => {
  let dir = "";
  let flipped = "";
  let intact: Buffer = Buffer.alloc(0);
  const expected = new Map<Read, string>();

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), "holdfast-damage-"));
    const store = await SqliteStore.open({ dir });
    await store.commit(WRITES, APPLIED);
    for (const read of READS) expected.set(read, JSON.stringify(read.run(store), plain));
    await store.close();
    intact = readFileSync(join(dir, "checkpoint.db"));
    flipped = join(dir, "flipped");
  });

  after(() => rmSync(dir, { recursive: true }));

  /** Fails when something is read that was never written. */
  async function readAll(checkedBytesMax: number | undefined, what: string): Promise<Outcome> {
    let store: SqliteStore;
    try {
      store = await SqliteStore.open({
        dir: flipped,
        ...(checkedBytesMax === undefined ? {} : { checkedBytesMax }),
      });
    } catch (error) {
      assertNamed(error, what);
      return "refused";
    }
    let outcome: Outcome = "right";
    try {
      for (const read of READS) {
        let found: unknown;
        try {
          found = read.run(store);
        } catch (error) {
          assertNamed(error, `${what}, ${read.what}`);
          outcome = "refused";
          continue;
        }
        const right = expected.get(read) ?? "";
        if (JSON.stringify(found, plain) === right) continue;
        assert.ok(isPartOf(found, right), `${what}, ${read.what}: ${JSON.stringify(found, plain)}`);
        if (outcome === "right") outcome = "missing";
      }
      return outcome;
    } finally {
      await store.close();
    }
  }

  async function flipEach(checkedBytesMax: number | undefined): Promise<Record<Outcome, number>> {
    const tally: Record<Outcome, number> = { refused: 0, right: 0, missing: 0 };
    for (let offset = 0, bit = 0; offset < intact.length; offset += STEP, bit = (bit + 3) % 8) {
      rmSync(flipped, { recursive: true, force: true });
      mkdirSync(flipped);
      const bytes = Buffer.from(intact);
      bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << bit), offset);
      writeFileSync(join(flipped, "checkpoint.db"), bytes);
      tally[await readAll(checkedBytesMax, `bit ${bit} of byte ${offset}`)] += 1;
    }
    return tally;
  }

  it("is refused, or gives back what was written, all of it", async () => {
    const tally = await flipEach(undefined);
    if (process.env["HOLDFAST_FLIP_STEP"]) console.error(intact.length, tally);
    assert.ok(tally.refused > 10, "flips are noticed");
    assert.ok(tally.right > 5, "flips where nothing is written do not matter");
    assert.equal(tally.missing, 0);
  });

  it("gives back nothing else, even when it is too large to be checked when it is opened", async () => {
    const tally = await flipEach(0);
    if (process.env["HOLDFAST_FLIP_STEP"]) console.error(intact.length, tally);
    assert.ok(tally.refused > 10, "flips are noticed");
  });
});

describe("a row that was changed while the store is open", () => {
  let dir = "";
  let store: SqliteStore;
  const told: StoreCorruptError[] = [];

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "holdfast-damage-"));
    told.length = 0;
    store = await SqliteStore.open({ dir });
    await store.commit(WRITES, APPLIED);
    store.onDamaged((reason) => told.push(reason));
  });

  afterEach(async () => {
    await store.close();
    rmSync(dir, { recursive: true });
  });

  function change(sql: string): void {
    const database = new DatabaseSync(join(dir, "checkpoint.db"));
    database.exec(sql);
    database.close();
  }

  const changes: ReadonlyArray<readonly [sql: string, read: (from: SqliteStore) => unknown, table: string]> =
    [
      [
        "UPDATE objects SET value = x'00' WHERE key = 'objects/3'",
        (from) => from.get("objects", "objects/3"),
        "objects",
      ],
      [
        "UPDATE timers SET key = 'timers/99' WHERE key = 'timers/3'",
        (from) => from.scan("timers", "", "~", 99),
        "timers",
      ],
      [
        "UPDATE invocations SET value = x'00'",
        (from) => from.get("invocations", "inv_00000003"),
        "invocations",
      ],
      [
        "UPDATE invocations SET size = 1",
        (from) => from.findInvocations({ order: "oldest", limit: 9 }),
        "invocations",
      ],
      [
        "UPDATE invocations SET id = 'inv_x' WHERE number = 4",
        (from) => from.scan("invocations", "", "~", 99),
        "invocations",
      ],
      [
        "UPDATE journal SET value = x'00'",
        (from) => from.get("journal", "inv_00000003/000000000"),
        "journal",
      ],
    ];
  for (const [sql, read, table] of changes) {
    it(`is an error that names it, and is told once: ${sql}`, () => {
      change(sql);
      for (let again = 0; again < 2; again++) {
        assert.throws(
          () => read(store),
          (error) => error instanceof StoreCorruptError && error.report.table === table,
        );
      }
      assert.equal(told.length, 1);
      assert.equal(told[0]?.report.table, table);
    });
  }

  it("keeps the counts from being written again, and no commit succeeds", async () => {
    change("UPDATE invocation_counts SET count = count + 1 WHERE status = 'running'");
    assert.throws(() => store.countInvocations(), StoreCorruptError);
    await assert.rejects(store.commit([put("objects", "new", "1")], APPLIED + 1), StoreCorruptError);
    assert.equal(told.length, 1);
  });
});

function assertNamed(error: unknown, what: string): void {
  if (error instanceof StoreFormatError) return;
  assert.ok(
    error instanceof StoreCorruptError,
    `${what}: ${String(error)} ${error instanceof Error ? error.stack : ""}`,
  );
  assert.match(error.message, /checkpoint\.db.*table .*holdfast doctor.*backup/s);
}

/** Nothing, or some rows of a list. */
function isPartOf(found: unknown, right: string): boolean {
  if (found === undefined) return true;
  return Array.isArray(found) && found.every((each) => right.includes(JSON.stringify(each, plain)));
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value;
}
