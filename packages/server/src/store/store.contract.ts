import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { CheckpointStore, InvocationColumns, InvocationQuery, RowWrite, StoreTable } from "./store.ts";

/** One place on which a store can be opened again and again. */
export interface StoreUnderTest {
  open(): Promise<CheckpointStore>;
  dispose(): Promise<void>;
}

type Check = (title: string, body: (place: StoreUnderTest) => Promise<void>) => void;

/** What every implementation of the port owes its callers. Each test gets a place of its own. */
export function storeContract(name: string, factory: () => Promise<StoreUnderTest>): void {
  describe(`${name} keeps the store contract:`, () => {
    const check: Check = (title, body) => {
      it(title, async () => {
        const place = await factory();
        try {
          await body(place);
        } finally {
          await place.dispose();
        }
      });
    };
    checkRows(check);
    checkCommits(check);
    checkSearch(check);
    checkCounts(check);
  });
}

function checkRows(check: Check): void {
  check("a new store is empty", async (place) => {
    const store = await place.open();
    assert.equal(store.appliedPosition(), 0);
    assert.equal(store.get("objects", "a"), undefined);
    assert.deepEqual(store.scan("inbox", "", "~", 10), []);
    assert.deepEqual(store.countInvocations(), []);
    assert.equal(store.completedBytes(), 0);
    assert.deepEqual(store.findInvocations({ order: "newest", limit: 10 }), []);
    await store.close();
  });

  check("rows of every table are read back byte for byte, also after reopening", async (place) => {
    const tables: StoreTable[] = ["objects", "inbox", "promises", "timers", "deployments", "meta"];
    const store = await place.open();
    const writes = tables.flatMap((table, index): RowWrite[] => [
      { table, key: "empty", value: new Uint8Array(0) },
      { table, key: "large", value: new Uint8Array(300_000).fill(index + 1) },
    ]);
    for (const chunk of ["inv_1/000000000", "inv_1/000000007"])
      writes.push({ table: "journal", key: chunk, value: bytes(`chunk ${chunk}`) });
    await store.commit([...writes, row("inv_1", { status: "running" })], 7);
    const expectAll = (opened: CheckpointStore): void => {
      for (const { table, key, value } of writes) assert.deepEqual(opened.get(table, key), value);
      assert.deepEqual(opened.get("invocations", "inv_1"), bytes("inv_1"));
      assert.equal(opened.appliedPosition(), 7);
    };
    expectAll(store);
    await store.close();
    const reopened = await place.open();
    expectAll(reopened);
    await reopened.close();
  });

  check("a later write of a row wins and a deleted row is gone", async (place) => {
    const store = await place.open();
    await store.commit([put("objects", "a", "1"), put("objects", "b", "1"), put("objects", "a", "2")], 1);
    assert.deepEqual(store.get("objects", "a"), bytes("2"));
    await store.commit([put("objects", "a", "3"), remove("objects", "b"), remove("objects", "never")], 2);
    assert.deepEqual(store.get("objects", "a"), bytes("3"));
    assert.equal(store.get("objects", "b"), undefined);
    await store.commit(
      [remove("objects", "a"), put("objects", "a", "4"), put("objects", "c", "1"), remove("objects", "c")],
      3,
    );
    assert.deepEqual(store.get("objects", "a"), bytes("4"));
    assert.equal(store.get("objects", "c"), undefined);
    await store.close();
  });

  check("chunks of journals belong to their invocations", async (place) => {
    const store = await place.open();
    const chunk = (id: string, first: number, value?: string): RowWrite => ({
      table: "journal",
      key: `${id}/${String(first).padStart(9, "0")}`,
      value: value === undefined ? undefined : bytes(value),
    });
    const read = (id: string, ...firsts: number[]): Array<string | undefined> =>
      firsts.map((first) => {
        const value = store.get("journal", chunk(id, first).key);
        return value === undefined ? undefined : new TextDecoder().decode(value);
      });
    const writes = [
      chunk("a", 0, "a0"),
      row("a", {}),
      row("b", {}),
      chunk("b", 0, "b0"),
      chunk("c", 0, "c0"),
    ];
    await store.commit([...writes, row("c", {})], 1);
    await store.commit([chunk("b", 999_999_999, "b9"), chunk("a", 7, "old"), chunk("a", 7, "a7")], 2);
    assert.deepEqual(read("a", 0, 7), ["a0", "a7"]);
    assert.deepEqual(read("b", 0, 999_999_999), ["b0", "b9"]);
    // Gone and written again, with its invocation and without.
    await store.commit(
      [chunk("a", 0), chunk("a", 7), chunk("a", 0, "new"), row("a", { status: "completed" })],
      3,
    );
    await store.commit([chunk("c", 0, "c1"), chunk("c", 0), chunk("c", 3, "c3")], 4);
    assert.deepEqual(read("a", 0, 7), ["new", undefined]);
    assert.deepEqual(read("c", 0, 3), [undefined, "c3"]);
    await store.commit([chunk("c", 3), remove("invocations", "c"), chunk("b", 5), chunk("never", 0)], 5);
    await store.commit([row("d", {}), row("c", {})], 6);
    assert.deepEqual([...read("c", 0, 3), ...read("d", 0, 3), ...read("never", 0)], Array(5).fill(undefined));
    assert.deepEqual(read("b", 0, 999_999_999), ["b0", "b9"]);
    await store.close();
  });

  check("a scan yields the rows of its range in order, up to its limit", async (place) => {
    const store = await place.open();
    const keys = ["b/9", "a/1", "b/10", "c", "b", "b/", "b/1\u0000x", "b/1", "B/1", "b0", "b/2"];
    await store.commit(
      keys.map((key) => put("timers", key, key)),
      1,
    );
    const inRange = ["b/", "b/1", "b/1\u0000x", "b/10", "b/2", "b/9"];
    assert.deepEqual(
      store.scan("timers", "b/", "b0", 100),
      inRange.map((key) => [key, bytes(key)] as const),
    );
    assert.deepEqual(
      store.scan("timers", "b/1", "b0", 2).map(([key]) => key),
      ["b/1", "b/1\u0000x"],
    );
    assert.deepEqual(store.scan("timers", "b/", "b0", 0), []);
    assert.deepEqual(store.scan("timers", "x", "y", 5), []);
    assert.deepEqual(store.scan("timers", "b0", "b/", 5), []);
    await store.close();
  });

  check("bytes that were read stay as they are, and changing them changes nothing", async (place) => {
    const store = await place.open();
    await store.commit([put("objects", "a", "first"), put("objects", "b", "second")], 1);
    const first = store.get("objects", "a");
    const second = store.get("objects", "b");
    await store.commit([put("objects", "a", "other")], 2);
    assert.deepEqual([first, second], [bytes("first"), bytes("second")]);
    second?.fill(0);
    assert.deepEqual(store.get("objects", "b"), bytes("second"));
    await store.close();
  });

  check("invocations are scanned by id", async (place) => {
    const store = await place.open();
    await store.commit([row("inv_2", {}), row("inv_1", {}), row("inv_3", {})], 1);
    assert.deepEqual(
      store.scan("invocations", "inv_1", "inv_3", 10).map(([key]) => key),
      ["inv_1", "inv_2"],
    );
    await store.close();
  });
}

function checkCommits(check: Check): void {
  check("a commit takes the caller's bytes and leaves them usable", async (place) => {
    const store = await place.open();
    const buffer = new Uint8Array(100).fill(5);
    await store.commit([{ table: "objects", key: "a", value: buffer.subarray(10, 20) }], 1);
    assert.deepEqual(store.get("objects", "a"), new Uint8Array(10).fill(5));
    assert.equal(buffer.length, 100);
    buffer.fill(9);
    assert.deepEqual(store.get("objects", "a"), new Uint8Array(10).fill(5));
    await store.close();
  });

  check("reads see exactly the last resolved commit while another is in flight", async (place) => {
    const store = await place.open();
    await store.commit([put("objects", "a", "old"), row("inv_1", { status: "running" })], 1);
    const writes: RowWrite[] = [
      put("objects", "a", "new"),
      row("inv_1", { status: "completed", completedAt: 5 }),
    ];
    for (let index = 0; index < 3000; index++) writes.push(put("objects", `x${index}`, "x"));
    let resolved = false;
    const committed = store.commit(writes, 2).then(() => {
      resolved = true;
    });
    for (let turn = 0; !resolved; turn++) {
      assert.deepEqual(store.get("objects", "a"), bytes("old"));
      assert.equal(store.appliedPosition(), 1);
      assert.equal(store.completedBytes(), 0);
      assert.deepEqual(
        store.countInvocations().map(({ status }) => status),
        ["running"],
      );
      await nextTurn();
    }
    await committed;
    assert.deepEqual(store.get("objects", "a"), bytes("new"));
    assert.equal(store.appliedPosition(), 2);
    assert.equal(store.scan("objects", "x", "y", 5000).length, 3000);
    await store.close();
  });

  check("a commit without rows moves the position", async (place) => {
    const store = await place.open();
    await store.commit([], 12);
    assert.equal(store.appliedPosition(), 12);
    await store.close();
    const reopened = await place.open();
    assert.equal(reopened.appliedPosition(), 12);
    await reopened.close();
  });

  check("a commit that cannot be carried out is refused and leaves the store as it was", async (place) => {
    const store = await place.open();
    await store.commit([put("objects", "a", "1")], 5);
    const incomplete: RowWrite = { table: "invocations", key: "inv_1", value: bytes("x") };
    await assert.rejects(store.commit([put("objects", "a", "2"), incomplete], 6), /columns are missing/);
    await assert.rejects(store.commit([put("objects", "a", "2")], 4), /already reflects 5/);
    const underWay = store.commit([put("objects", "b", "1")], 6);
    await assert.rejects(store.commit([put("objects", "a", "2")], 7), /another commit is under way/);
    await underWay;
    assert.deepEqual(store.get("objects", "a"), bytes("1"));
    assert.equal(store.appliedPosition(), 6);
    await store.commit([put("objects", "a", "3")], 8);
    assert.deepEqual(store.get("objects", "a"), bytes("3"));
    await store.close();
    await assert.rejects(store.commit([], 9), /closed/);
  });
}

function checkSearch(check: Check): void {
  check("a search answers every combination of filters as a plain loop over the rows does", async (place) => {
    const store = await place.open();
    const rows = sampleRows();
    await store.commit(rows, 1);
    for (const query of sampleQueries()) {
      const expected = expectedIds(rows, query);
      const found = store.findInvocations(query);
      assert.deepEqual(
        found.map(({ id }) => id),
        expected,
        JSON.stringify(query),
      );
      for (const { id, value, columns } of found) {
        assert.deepEqual(value, bytes(id));
        assert.deepEqual(columns, rows.find(({ key }) => key === id)?.columns);
      }
    }
    await store.close();
  });

  for (const order of ["newest", "oldest", "expiry"] as const) {
    check(`pages in the order ${order} meet every row once`, async (place) => {
      const store = await place.open();
      const rows = sampleRows();
      await store.commit(rows, 1);
      const ids: string[] = [];
      let after: InvocationQuery["after"];
      for (;;) {
        const query: InvocationQuery = after === undefined ? { order, limit: 7 } : { order, limit: 7, after };
        const last = store.findInvocations(query).map((hit) => {
          ids.push(hit.id);
          const { createdAt, expiresAt } = hit.columns;
          return { sortValue: order === "expiry" ? (expiresAt ?? 0) : createdAt, id: hit.id };
        });
        after = last.at(-1);
        if (after === undefined) break;
      }
      assert.deepEqual(ids, expectedIds(rows, { order, limit: 1000 }));
      await store.close();
    });
  }
}

function checkCounts(check: Check): void {
  check("counts and the sum of completed bytes follow every change of the rows", async (place) => {
    const store = await place.open();
    const model = new Map<string, InvocationColumns>();
    const random = generator(11);
    for (let round = 1; round <= 12; round++) {
      const writes: RowWrite[] = [];
      for (let index = 0; index < 40; index++) {
        const id = `inv_${Math.floor(random() * 60)}`;
        if (random() < 0.25) {
          writes.push(remove("invocations", id));
          model.delete(id);
          continue;
        }
        const write = sampleRow(id, random);
        writes.push(write);
        if (write.columns !== undefined) model.set(id, write.columns);
      }
      await store.commit(writes, round);
      assert.deepEqual(store.countInvocations(), countsOf(model.values()));
      assert.equal(store.completedBytes(), completedBytesOf(model.values()));
    }
    await store.close();
    const reopened = await place.open();
    assert.deepEqual(reopened.countInvocations(), countsOf(model.values()));
    assert.equal(reopened.completedBytes(), completedBytesOf(model.values()));
    await reopened.close();
  });
}

const STATUSES = ["scheduled", "running", "suspended", "completed", "failed"];
const SERVICES = ["cart", "checkout", "mail"];

function sampleRows(): RowWrite[] {
  const random = generator(5);
  return Array.from({ length: 60 }, (_, index) =>
    sampleRow(`inv_1${index.toString(36).padStart(6, "a")}`, random),
  );
}

function sampleRow(id: string, random: () => number): RowWrite {
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? "";
  const status = pick(STATUSES);
  const ended = status === "completed" || status === "failed";
  const createdAt = 1000 + Math.floor(random() * 20);
  return row(id, {
    status,
    service: pick(SERVICES),
    handler: pick(["add", "pay"]),
    key: pick(["", "", "k1", "k2"]),
    deployment: pick(["dp_1", "dp_2"]),
    createdAt,
    modifiedAt: createdAt + 3,
    completedAt: ended ? createdAt + 3 : undefined,
    expiresAt: ended && random() < 0.8 ? createdAt + Math.floor(random() * 10) : undefined,
    size: Math.floor(random() * 1000),
  });
}

/** Every subset of the filters, in every order. */
function sampleQueries(): InvocationQuery[] {
  const filters: Array<Partial<InvocationQuery>> = [
    { status: ["completed", "failed", "completed", "unknown"] },
    { service: "cart" },
    { handler: "pay" },
    { key: "k1" },
    { deployment: "dp_2" },
    { createdBefore: 1015 },
    { createdAfter: 1003 },
    { expiredAt: 1012 },
    { idPrefix: "inv_1aaaaa" },
  ];
  const queries: InvocationQuery[] = [];
  for (const order of ["newest", "oldest", "expiry"] as const) {
    for (let subset = 0; subset < 1 << filters.length; subset++) {
      const chosen = filters.filter((_, index) => (subset & (1 << index)) !== 0);
      queries.push(Object.assign({ order, limit: 9 }, ...chosen));
    }
    for (const filter of [
      { status: [] },
      { status: ["running"] },
      { idPrefix: "inv" },
      { idPrefix: "" },
      { key: "" },
    ]) {
      queries.push({ order, limit: 100, ...filter });
    }
    queries.push({ order, limit: 0 });
  }
  return queries;
}

function expectedIds(rows: readonly RowWrite[], query: InvocationQuery): string[] {
  const found = rows.flatMap(({ key: id, columns }) => {
    if (columns === undefined) return [];
    const keep =
      (query.status?.includes(columns.status) ?? true) &&
      (query.service ?? columns.service) === columns.service &&
      (query.handler ?? columns.handler) === columns.handler &&
      (query.key ?? columns.key) === columns.key &&
      (query.deployment ?? columns.deployment) === columns.deployment &&
      id.startsWith(query.idPrefix ?? "") &&
      columns.createdAt < (query.createdBefore ?? Infinity) &&
      columns.createdAt > (query.createdAfter ?? -Infinity) &&
      (query.expiredAt === undefined || (columns.expiresAt ?? Infinity) <= query.expiredAt) &&
      (query.order !== "expiry" || columns.expiresAt !== undefined);
    const sortValue = query.order === "expiry" ? (columns.expiresAt ?? 0) : columns.createdAt;
    return keep ? [{ id, sortValue: query.order === "newest" ? -sortValue : sortValue }] : [];
  });
  found.sort((a, b) => a.sortValue - b.sortValue || (a.id < b.id ? -1 : 1));
  return found.slice(0, query.limit).map(({ id }) => id);
}

function countsOf(rows: Iterable<InvocationColumns>): unknown[] {
  const groups = Map.groupBy(rows, ({ service, handler, status }) => `${service} ${handler} ${status}`);
  return [...groups.keys()].sort().map((group) => {
    const [service, handler, status] = group.split(" ");
    return { service, handler, status, count: groups.get(group)?.length };
  });
}

function completedBytesOf(rows: Iterable<InvocationColumns>): number {
  let total = 0;
  for (const { completedAt, size } of rows) if (completedAt !== undefined) total += size;
  return total;
}

export function row(id: string, columns: Partial<InvocationColumns>): RowWrite {
  const complete: InvocationColumns = {
    status: "running",
    service: "cart",
    handler: "add",
    key: "",
    deployment: "dp_1",
    createdAt: 1,
    modifiedAt: 1,
    completedAt: undefined,
    expiresAt: undefined,
    size: 10,
    ...columns,
  };
  return { table: "invocations", key: id, value: bytes(id), columns: complete };
}

export function put(table: StoreTable, key: string, value: string): RowWrite {
  return { table, key, value: bytes(value) };
}

export function remove(table: StoreTable, key: string): RowWrite {
  return { table, key, value: undefined };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 0x100_0000;
  };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
