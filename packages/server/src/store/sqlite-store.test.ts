import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { decodeInvocation } from "@holdfast/engine";

import { SqliteStore } from "./sqlite-store.ts";
import { openForWriting } from "./store-schema.ts";
import { STORE_VERSION } from "./store-tables.ts";
import { bytes, put, remove, row, storeContract } from "./store.contract.ts";
import { StoreCorruptError, StoreFormatError, type CheckpointStore, type RowWrite } from "./store.ts";

storeContract("the SQLite store", () => {
  const place = mkdtempSync(join(tmpdir(), "holdfast-store-"));
  return Promise.resolve({
    open: () => SqliteStore.open({ dir: place }),
    dispose: () => {
      rmSync(place, { recursive: true });
      return Promise.resolve();
    },
  });
});

const OLDER_FORMATS = Array.from({ length: STORE_VERSION - 1 }, (_, index) => index + 1);

function storeOfFormat(format: number): string {
  return fileURLToPath(new URL(`../fixtures/data-format-${format}/checkpoint.db`, import.meta.url));
}

let dir = "";
let file = "";

/** Rows that together take about that many bytes. */
function bulk(prefix: string, count: number, size: number): RowWrite[] {
  return Array.from({ length: count }, (_, index) => ({
    table: "objects",
    key: `${prefix}/${String(index).padStart(6, "0")}`,
    value: new Uint8Array(size).fill(index),
  }));
}

function contentsOf(store: CheckpointStore): unknown {
  const { length } = store.scan("objects", "", "~", 100_000);
  return [store.appliedPosition(), length, store.countInvocations(), store.completedBytes()];
}

describe("the SQLite store", () => {
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "holdfast-store-"));
    file = join(dir, "checkpoint.db");
  });

  afterEach(() => rmSync(dir, { recursive: true }));

  it("has every row from the moment it is opened, whether or not it has gone through their keys yet", async () => {
    {
      await using store = await SqliteStore.open({ dir });
      await store.commit(bulk("old", 5_000, 10), 1);
    }
    await using store = await SqliteStore.open({ dir });
    const missing = (prefix: string, count: number): number =>
      bulk(prefix, count, 1).filter(({ key }) => store.get("objects", key) === undefined).length;
    assert.deepEqual([missing("old", 5_000), missing("new", 500)], [0, 500]);
    await store.commit(bulk("new", 500, 10), 2);
    for (let round = 0; round < 20; round++) {
      assert.deepEqual([missing("old", 5_000), missing("new", 500), missing("none", 500)], [0, 0, 500]);
      await setTimeout(5);
    }
  });

  it("on a full disk rejects the commit, stays as it was, and takes a later one", async () => {
    await using store = await SqliteStore.open({ dir, fileBytesMax: 1_000_000 });
    await store.commit([...bulk("a", 100, 3000), row("inv_1", { completedAt: 1, size: 7 })], 1);
    const before = contentsOf(store);
    const tooMuch = [remove("invocations", "inv_1"), row("inv_2", {}), ...bulk("b", 1000, 3000)];
    await assert.rejects(store.commit(tooMuch, 2), /Cannot commit to the store .*checkpoint\.db: .*full/);
    assert.deepEqual(contentsOf(store), before);
    assert.deepEqual(store.get("invocations", "inv_1"), bytes("inv_1"));

    await store.commit([put("objects", "a", "1")], 3);
    assert.equal(store.appliedPosition(), 3);
    const cleared = bulk("a", 100, 0).map(({ key }) => remove("objects", key));
    await store.commit([...cleared, ...bulk("c", 200, 3000)], 4);
    assert.equal(store.scan("objects", "c/", "c0", 1000).length, 200);
  });

  it("goes on after a commit that failed in its thread", async () => {
    await using store = await SqliteStore.open({ dir });
    await store.commit([put("objects", "a", "1")], 1);
    const unknown = { table: "bogus", key: "a", value: bytes("x") } as unknown as RowWrite;
    await assert.rejects(store.commit([put("objects", "a", "2"), unknown], 2), /Cannot unpack write 1/);
    assert.deepEqual(store.get("objects", "a"), bytes("1"));
    await store.commit([put("objects", "b", "3")], 3);
    assert.deepEqual(store.get("objects", "a"), bytes("1"));
    assert.deepEqual(store.get("objects", "b"), bytes("3"));
  });

  it("does not let its write-ahead log grow with the number of commits", async () => {
    await using store = await SqliteStore.open({ dir });
    for (let round = 1; round <= 8; round++) await store.commit(bulk("same", 1500, 4000), round);
    assert.ok(statSync(`${file}-wal`).size < 40_000_000, String(statSync(`${file}-wal`).size));
  });

  it("leaves nothing in its write-ahead log that is in the database: a damaged one would bring half of it back", async () => {
    await using store = await SqliteStore.open({ dir });
    await store.commit(bulk("a", 5_000, 4_000), 1);
    await store.commit([], 2);
    assert.ok(statSync(`${file}-wal`).size < 100_000, String(statSync(`${file}-wal`).size));
  });

  it("serves the thread it runs in between the slices of a large commit", async () => {
    await using store = await SqliteStore.open({ dir });
    let turn = 0;
    const count = (): void => {
      turn += 1;
      immediate = setImmediate(count);
    };
    let immediate = setImmediate(count);
    const seen = new Set<number>();
    const writes = bulk("a", 10_000, 10).map(({ table, key, value }) => ({
      table,
      key,
      get value() {
        seen.add(turn);
        return value;
      },
    }));
    seen.clear();
    await store.commit(writes, 1);
    clearImmediate(immediate);
    assert.ok(seen.size >= 10, `${seen.size} turns`);
  });

  it("syncs every commit, and never leaves it to SQLite when to empty the write-ahead log", async () => {
    await (await SqliteStore.open({ dir })).close();
    const database = openForWriting(file);
    const setting = (name: string): unknown =>
      Object.values(database.prepare(`PRAGMA ${name}`).get() ?? {})[0];
    assert.equal(setting("journal_mode"), "wal");
    assert.equal(setting("synchronous"), 2);
    assert.equal(setting("wal_autocheckpoint"), 0);
    database.close();
  });

  it("may be read by nobody else", { skip: process.platform === "win32" }, async () => {
    await using store = await SqliteStore.open({ dir });
    await store.commit([put("objects", "a", "1")], 1);
    for (const name of [file, `${file}-wal`, `${file}-shm`]) assert.equal(statSync(name).mode & 0o777, 0o600);
  });

  it("makes its directory, and takes an empty file for a new store", async () => {
    const inner = join(dir, "a", "b");
    await using store = await SqliteStore.open({ dir: inner });
    assert.equal(store.appliedPosition(), 0);
    writeFileSync(file, "");
    await using other = await SqliteStore.open({ dir });
    assert.equal(other.appliedPosition(), 0);
  });

  for (const format of OLDER_FORMATS) {
    it(`brings format ${format} up to date, with every journal, and reads it as it is when it may not`, async () => {
      cpSync(storeOfFormat(format), file);
      const reader = await SqliteStore.open({ dir, upgrade: false });
      const ids = reader.scan("invocations", "", "~", 100).map(([id]) => id);
      const chunksOf = (store: SqliteStore): unknown[] =>
        ids.flatMap((id) =>
          decodeInvocation(store.get("invocations", id) ?? assert.fail()).chunks.map((first) =>
            store.get("journal", `${id}/${String(first).padStart(9, "0")}`),
          ),
        );
      const chunks = chunksOf(reader);
      const searched = reader.findInvocations({ order: "oldest", limit: 100 });
      assert.ok(ids.length > 2 && chunks.length >= ids.length && !chunks.includes(undefined));
      await assert.rejects(reader.commit([], 1_000), /older format/);
      await reader.close();

      await using store = await SqliteStore.open({ dir });
      assert.deepEqual(chunksOf(store), chunks);
      assert.deepEqual(store.findInvocations({ order: "oldest", limit: 100 }), searched);
      const position = store.appliedPosition() + 1;
      await store.commit([row("inv_new", {}), put("journal", "inv_new/000000000", "new")], position);
      assert.deepEqual(store.get("journal", "inv_new/000000000"), bytes("new"));
      assert.deepEqual(chunksOf(store), chunks);
    });
  }

  it("does not bring up to date what is of the present format already, whatever the file says", async () => {
    await (await SqliteStore.open({ dir })).close();
    for (const format of OLDER_FORMATS) {
      const database = new DatabaseSync(file);
      database.exec(`PRAGMA user_version = ${format}`);
      database.close();
      await assert.rejects(SqliteStore.open({ dir }), StoreCorruptError);
    }
  });

  it("gives no checksum to what is damaged when it brings a store up to date", async () => {
    cpSync(storeOfFormat(2), file);
    const index = new DatabaseSync(file, { readOnly: true });
    const page = index.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'invocations_by_id'").get();
    const size = index.prepare("PRAGMA page_size").get();
    index.close();
    const bytes = readFileSync(file);
    bytes.write("x", bytes.indexOf("inv_", (Number(page?.["rootpage"]) - 1) * Number(size?.["page_size"])));
    writeFileSync(file, bytes);
    await assert.rejects(SqliteStore.open({ dir }), StoreCorruptError);
    const database = new DatabaseSync(file);
    assert.equal(database.prepare("PRAGMA user_version").get()?.["user_version"], 2);
    database.close();
  });

  it("refuses a chunk whose invocation is not there", async () => {
    await using store = await SqliteStore.open({ dir });
    await assert.rejects(store.commit([put("journal", "inv_1/000000000", "x")], 1), /no such invocation/);
    await assert.rejects(store.commit([put("journal", "inv_1", "x")], 1), /Not the key of a journal's chunk/);
    await store.commit([put("journal", "inv_1/000000000", "x"), row("inv_1", {})], 1);
  });

  it("gives a journal's place to no other journal", async () => {
    await using store = await SqliteStore.open({ dir });
    await store.commit([row("inv_1", {}), put("journal", "inv_1/000000000", "left behind")], 1);
    await store.commit([remove("invocations", "inv_1")], 2);
    await store.commit([row("inv_2", {})], 3);
    assert.equal(store.get("journal", "inv_2/000000000"), undefined);
  });

  it("stops by name at a format it does not know, and changes nothing", async () => {
    await (await SqliteStore.open({ dir })).close();
    const database = new DatabaseSync(file);
    database.exec("PRAGMA user_version = 12");
    await assert.rejects(SqliteStore.open({ dir }), (error) => {
      assert.ok(error instanceof StoreFormatError);
      assert.match(error.message, /format 12/);
      return true;
    });
    assert.equal(database.prepare("PRAGMA user_version").get()?.["user_version"], 12);
    database.close();
  });

  it("stops by name at a file that is not a store", async () => {
    const refused = async (): Promise<void> => {
      await assert.rejects(
        SqliteStore.open({ dir }),
        (error) => error instanceof StoreFormatError && /not a Holdfast store/.test(error.message),
      );
      rmSync(file);
    };
    writeFileSync(file, "something else, and long enough to be looked at closely\n".repeat(100));
    await refused();
    const foreign = new DatabaseSync(file);
    foreign.exec("CREATE TABLE mine (a); PRAGMA user_version = 1");
    foreign.close();
    await refused();
    const other = new DatabaseSync(file);
    other.exec("PRAGMA application_id = 77; PRAGMA user_version = 1");
    other.close();
    await refused();
  });

  it("waits for no reader that holds an older view, and empties the write-ahead log when it has gone", async () => {
    await using store = await SqliteStore.open({ dir });
    await store.commit(bulk("a", 1, 10), 1);
    const reader = new DatabaseSync(file, { readOnly: true });
    reader.exec("BEGIN");
    const count = (): unknown => reader.prepare("SELECT count(*) AS n FROM objects").get()?.["n"];
    assert.equal(count(), 1);
    const began = performance.now();
    for (let position = 2; position <= 4; position++)
      await store.commit(bulk(String(position), 170, 100_000), position);
    // Each would have waited five seconds for the reader, which waits for them.
    assert.ok(performance.now() - began < 9_000, `${performance.now() - began} ms`);
    assert.equal(count(), 1);
    reader.close();
    await store.commit(bulk("b", 1, 10), 5);
    await store.commit(bulk("c", 1, 10), 6);
    assert.ok(statSync(`${file}-wal`).size < 1_000_000, String(statSync(`${file}-wal`).size));
  });

  it("uses an index for each kind of search", async () => {
    await using store = await SqliteStore.open({ dir });
    await store.commit([row("inv_1", { key: "k" })], 1);
    const database = new DatabaseSync(file, { readOnly: true });
    const plan = (sql: string): string =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => String(detail))
        .join();
    const select = "SELECT rowid FROM invocations INDEXED BY";
    assert.match(
      plan(`${select} invocations_by_status WHERE status = 'a' ORDER BY created_at DESC, id LIMIT 5`),
      /^SEARCH .*status=\?\),USE TEMP B-TREE FOR LAST TERM OF ORDER BY$/,
    );
    assert.match(
      plan(
        `${select} invocations_by_key WHERE key <> '' AND service = 's' AND key = 'k' ORDER BY created_at, id`,
      ),
      /^SEARCH .*service=\? AND key=\?\),USE TEMP B-TREE FOR LAST TERM OF ORDER BY$/,
    );
    assert.match(
      plan(
        `${select} invocations_by_expiry WHERE expires_at IS NOT NULL AND expires_at <= 5 ORDER BY expires_at, id`,
      ),
      /^SEARCH .*expires_at<\?\),USE TEMP B-TREE FOR LAST TERM OF ORDER BY$/,
    );
    database.close();
  });
});
