import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { bytesOf, service, workflow } from "../testing/handlers.ts";
import { MemoryRows } from "../testing/memory-rows.ts";
import { World } from "../testing/world.ts";
import { Table, type RowWrite, type Sealing } from "./table.ts";

type Counter = { value: number };

const decoder = new TextDecoder();

function counters(
  rows: MemoryRows,
  isPinned: (row: Counter) => boolean = () => false,
  sealing?: Sealing<Counter, RowWrite>,
): Table<Counter> {
  const decode = (bytes: Uint8Array): Counter => ({ value: Number(decoder.decode(bytes)) });
  return new Table<Counter>(rows, {
    name: "counters",
    decode,
    ...(sealing === undefined ? {} : { sealing }),
    encode: (key, { value }, writes: RowWrite[]) =>
      writes.push({ table: "counters", key, value: bytesOf(String(value)) }),
    encodeDelete: (key, writes) => writes.push({ table: "counters", key, value: undefined }),
    isPinned,
  });
}

function stored(rows: MemoryRows): Array<readonly [string, number]> {
  return rows
    .scan("counters", "", "\uffff", 1_000)
    .map(([key, bytes]) => [key, Number(decoder.decode(bytes))]);
}

function commit(table: Table<Counter>, rows: MemoryRows): void {
  while (!table.encodeFrozen({ rows: 10, bytes: 20 })) continue;
  rows.commit(table.frozenWrites());
}

test("a checkpoint writes the rows as they were when it began", () => {
  const rows = new MemoryRows();
  const table = counters(rows);
  for (const key of ["edited", "deleted", "replaced", "kept"]) table.insert(key, { value: 1 });
  table.freeze();
  table.edit("edited").value = 2;
  table.delete("deleted");
  table.delete("replaced");
  table.insert("replaced", { value: 2 });
  table.insert("new", { value: 2 });
  commit(table, rows);
  assert.deepEqual(stored(rows), [
    ["deleted", 1],
    ["edited", 1],
    ["kept", 1],
    ["replaced", 1],
  ]);
  table.thaw();
  table.freeze();
  commit(table, rows);
  table.thaw();
  assert.deepEqual(stored(rows), [
    ["edited", 2],
    ["kept", 1],
    ["new", 2],
    ["replaced", 2],
  ]);
});

test("a row that came and went between two checkpoints is never written", () => {
  const rows = new MemoryRows();
  const table = counters(rows);
  table.insert("brief", { value: 1 }, true);
  table.edit("brief").value = 2;
  table.delete("brief");
  assert.deepEqual([table.dirtyCount, table.loadedCount], [0, 0]);
  table.freeze();
  commit(table, rows);
  assert.deepEqual(table.frozenWrites(), []);
});

test("rows that are stored leave memory, except those that are pinned and those that changed since", () => {
  const rows = new MemoryRows();
  const table = counters(rows, ({ value }) => value === 7);
  table.insert("plain", { value: 1 });
  table.insert("pinned", { value: 7 });
  table.insert("changed", { value: 1 });
  table.freeze();
  table.edit("changed").value = 2;
  commit(table, rows);
  table.thaw();
  assert.deepEqual([...table.loaded()].map(([key]) => key).sort(), ["changed", "pinned"]);
  assert.equal(table.peek("plain"), undefined);
  assert.equal(table.get("plain")?.value, 1);
  assert.equal(table.peek("plain")?.value, 1, "read, it is in memory again");
});

test("rows that are only read do not gather without end, and none goes while a record is being applied", () => {
  const rows = new MemoryRows();
  const many = Array.from({ length: 12_000 }, (_, index) => String(index).padStart(5, "0"));
  rows.commit(many.map((key) => ({ table: "counters", key, value: bytesOf("1") })));
  const table = counters(rows, ({ value }) => value === 7);
  table.edit("00000").value = 2;
  for (const key of many) table.get(key);
  assert.ok(table.loadedCount < 6_000, `${table.loadedCount}`);
  assert.equal(table.get("00000")?.value, 2);

  table.begin();
  for (const key of many) table.get(key);
  assert.equal(table.loadedCount, many.length);
  table.end();
  table.freeze();
  commit(table, rows);
  table.thaw();
  assert.equal(table.loadedCount, 0);
});

test("every row is met once by whoever reads others on the way", () => {
  const rows = new MemoryRows();
  const keys = Array.from({ length: 2_500 }, (_, index) => String(index).padStart(4, "0"));
  rows.commit(keys.map((key) => ({ table: "counters", key, value: bytesOf("1") })));
  const table = counters(rows);
  for (const key of keys.slice(0, 10)) table.get(key);
  table.delete("0003");
  const met: string[] = [];
  for (const [key] of table.all()) {
    met.push(key);
    table.get(String((Number(key) * 7 + 1) % keys.length).padStart(4, "0"));
  }
  assert.deepEqual(
    met.toSorted(),
    keys.filter((key) => key !== "0003"),
  );
});

test("letting go can be spread over turns in which rows change", () => {
  const rows = new MemoryRows();
  const table = counters(rows);
  const keys = Array.from({ length: 10 }, (_, index) => `k${index}`);
  for (const key of keys) table.insert(key, { value: 1 });
  table.freeze();
  commit(table, rows);
  assert.equal(table.thaw(4), false);
  table.edit("k1").value = 2;
  table.edit("k8").value = 2;
  table.insert("new", { value: 2 });
  assert.throws(() => table.freeze(), /frozen twice/);
  assert.equal(table.thaw(4), false);
  assert.equal(table.thaw(4), true);
  assert.deepEqual([...table.loaded()].map(([key]) => key).sort(), ["k1", "k8", "new"]);
  table.freeze();
  commit(table, rows);
  assert.equal(table.thaw(), true);
  assert.equal(table.loadedCount, 0);
  assert.deepEqual(new Map(stored(rows)).get("k8"), 2);
});

test("encoding stops for a turn after so many rows or bytes", () => {
  const table = counters(new MemoryRows());
  for (let index = 0; index < 6; index++) table.insert(`k${index}`, { value: 1_000 });
  table.freeze();
  assert.equal(table.encodeFrozen({ rows: 2, bytes: 1_000 }), false);
  assert.equal(table.frozenWrites().length, 2);
  assert.equal(table.encodeFrozen({ rows: 10, bytes: 5 }), false);
  assert.equal(table.frozenWrites().length, 4);
  assert.equal(table.encodeFrozen({ rows: 10, bytes: 1_000 }), true);
  assert.equal(table.frozenWrites().length, 6);
});

test("a row that exists cannot be inserted, and one that does not cannot be edited", () => {
  const rows = new MemoryRows();
  const table = counters(rows);
  table.insert("a", { value: 1 });
  assert.throws(() => table.insert("a", { value: 2 }), /row a exists/);
  table.delete("a");
  assert.throws(() => table.edit("a"), /a/);
  assert.throws(() => table.edit("b"), /no row b/);
});

/** What a test may do to a table and to a map that it is compared with. */
const step = fc.record({
  kind: fc.constantFrom(
    "put",
    "put",
    "put",
    "delete",
    "delete",
    "read",
    "freeze",
    "encode",
    "commit",
    "thaw",
  ),
  key: fc.constantFrom("a", "b", "c", "d", "e"),
  value: fc.nat(9),
});

const unsealCounter: Sealing<Counter, RowWrite>["unseal"] = (_key, [write]) => ({
  value: Number(decoder.decode(write?.value ?? assert.fail("nothing sealed"))),
});

test("a row that changes again and again between two checkpoints is not sealed each time", () => {
  const rows = new MemoryRows();
  let decoded = 0;
  const table = counters(rows, undefined, {
    isAtRest: () => true,
    unseal: (...sealed) => {
      decoded += 1;
      return unsealCounter(...sealed);
    },
  });
  table.insert("a", { value: 0 });
  table.end();
  const change = (): void => {
    table.begin();
    table.edit("a").value += 1;
    table.end();
  };
  for (let round = 0; round < 100; round++) change();
  assert.equal(decoded, 3);
  assert.equal(table.get("a")?.value, 100);
  table.freeze();
  commit(table, rows);
  table.thaw();
  for (let round = 0; round < 100; round++) change();
  assert.ok(decoded <= 8, `${decoded}`);
  assert.equal(table.get("a")?.value, 200);
});

test("a row at rest is sealed: readers get copies, and a change breaks the seal", () => {
  const rows = new MemoryRows();
  const table = counters(rows, undefined, { isAtRest: () => true, unseal: unsealCounter });
  const row: Counter = { value: 1 };
  table.insert("a", row);
  assert.equal(table.get("a"), row, "the record that made it is still being applied");
  table.end();
  assert.notEqual(table.get("a"), row);
  assert.deepEqual(table.get("a"), row);
  table.edit("a").value = 2;
  assert.deepEqual(table.get("a"), { value: 2 });
  table.end();
  table.freeze();
  commit(table, rows);
  assert.deepEqual(stored(rows), [["a", 2]]);
  table.thaw();
  assert.deepEqual([table.loadedCount, table.get("a")], [0, { value: 2 }]);
});

test("rows in memory can be passed by without being decoded", () => {
  const table = counters(new MemoryRows(), undefined, {
    isAtRest: ({ value }) => value > 1,
    unseal: (key, writes, encoded) =>
      key === "sealed" ? assert.fail("decoded") : unsealCounter(key, writes, encoded),
  });
  table.insert("open", { value: 1 });
  table.insert("sealed", { value: 2 });
  table.insert("wanted", { value: 3 });
  table.delete("gone");
  table.end();
  assert.deepEqual(
    [...table.loaded(({ key }) => key === "wanted")],
    [
      ["open", { value: 1 }],
      ["wanted", { value: 3 }],
      ["gone", undefined],
    ],
  );
});

test("through any changes and checkpoints a table is what a map would be, and so is what it stores", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), fc.boolean(), (steps, seals) => {
      const rows = new MemoryRows();
      const sealing = { isAtRest: ({ value }: Counter) => value % 2 === 0, unseal: unsealCounter };
      const table = counters(rows, ({ value }) => value === 7, seals ? sealing : undefined);
      const model = new Map<string, number>();
      /** The checkpoint in progress, and whether it is committed. */
      let frozen: { readonly model: ReadonlyMap<string, number>; committed: boolean } | undefined;
      for (const { kind, key, value } of steps) {
        if (kind === "put" && model.has(key)) table.edit(key).value = value;
        else if (kind === "put") table.insert(key, { value });
        else if (kind === "delete") table.delete(key);
        else if (kind === "freeze" && frozen === undefined) {
          table.freeze();
          frozen = { model: new Map(model), committed: false };
        } else if (kind === "encode" && frozen?.committed === false)
          table.encodeFrozen({ rows: 1, bytes: 1 });
        else if (kind === "commit" && frozen?.committed === false) {
          commit(table, rows);
          frozen.committed = true;
          assert.deepEqual(stored(rows), entries(frozen.model));
        } else if (kind === "thaw" && frozen?.committed === true) {
          if (table.thaw(2)) frozen = undefined;
        }
        if (kind === "put") model.set(key, value);
        if (kind === "delete") model.delete(key);
        table.end();
        assert.equal(table.get(key)?.value, model.get(key));
        const all = [...table.all()].map(([name, row]) => [name, row.value] as const);
        assert.deepEqual(entries(new Map(all)), entries(model));
        for (const limit of [1, 3, 100]) {
          const scanned = table.scan("b", "e", limit).map(([name, row]) => [name, row.value] as const);
          const expected = entries(model).filter(([name]) => name >= "b" && name < "e");
          assert.deepEqual(scanned, expected.slice(0, limit));
        }
      }
    }),
    { numRuns: 300 },
  );
});

function entries(model: ReadonlyMap<string, number>): Array<readonly [string, number]> {
  return [...model].sort(([a], [b]) => (a < b ? -1 : 1));
}

// -- journals around checkpoints ---------------------------------------------------------------------------------------

function world(): World {
  return new World({ services: [service("mail", ["send"]), workflow("flow", [])] });
}

function names(w: World, id: string, limit?: number): number[] {
  return w.tables
    .journal(w.tables.invocations.get(id) ?? assert.fail(), limit)
    .map(({ type }) => type & 0xff);
}

test("a journal is one, however many checkpoints its entries were stored by", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  for (let step = 0; step < 5; step++) {
    a.propose(a.run("step"), "done");
    w.checkpoint([() => a.sleep(10), () => a.sleep(20)]);
  }
  const { journalLength } = w.tables.invocations.get(id) ?? assert.fail();
  assert.equal(journalLength, 1 + 5 * 4);
  assert.equal(names(w, id).length, journalLength);
  assert.deepEqual(names(w, id, 4), names(w, id).slice(0, 4));
  assert.deepEqual(names(w, id, 0), []);
  w.restart();
  assert.equal(names(w, id).length, journalLength);
});

test("an invocation at rest wakes with the journal it had, wherever a checkpoint is", () => {
  for (const wakesAt of ["before", "frozen", "encoded", "committed", "thawed"]) {
    const w = world();
    const id = w.invoke("mail/send");
    const a = w.attempt(id);
    a.propose(a.run("step"), "done");
    a.suspend([a.sleep(10)]);
    const wake = (moment: string): void => {
      if (moment === wakesAt) w.advance(10);
    };
    assert.equal(w.tables.invocations.get(id)?.status, "suspended");
    assert.equal(names(w, id).length, 4);
    wake("before");
    w.beginCheckpoint();
    wake("frozen");
    while (!w.encodeSlice(100)) continue;
    assert.equal(names(w, id).length, w.tables.invocations.get(id)?.journalLength);
    wake("encoded");
    w.commitCheckpoint();
    wake("committed");
    w.thaw();
    wake("thawed");
    assert.equal(names(w, id).length, 5, wakesAt);
    w.attempt(id).return("sent");
    const atTheEnd = names(w, id);
    w.checkpoint();
    w.checkStore();
    w.restart();
    assert.deepEqual(names(w, id), atTheEnd, wakesAt);
  }
});

test("an invocation that is purged while its checkpoint is being taken leaves nothing behind", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).run("step");
  w.checkpoint();
  w.attempt(id).return("sent");
  w.beginCheckpoint();
  w.must({ kind: "purge", id, journalOnly: false });
  w.commitCheckpoint();
  w.thaw();
  w.restart();
  assert.equal(w.tables.invocations.get(id), undefined);
  w.checkStore();
});

test("a journal that is removed after its row was encoded goes with the next checkpoint", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.attempt(id).return("sent");
  w.beginCheckpoint();
  while (!w.encodeSlice(100)) continue;
  w.must({ kind: "purge", id, journalOnly: true });
  w.commitCheckpoint();
  w.thaw();
  assert.deepEqual(names(w, id), []);
  w.checkStore();
  assert.equal(w.tables.invocations.get(id)?.status, "completed");
});

test("a workflow that is purged and run again during a checkpoint has the new journal only", () => {
  const w = world();
  for (const stepsBefore of [0, 1, 2, 3]) {
    const key = `k${stepsBefore}`;
    const id = w.invoke(`flow/${key}/run`);
    w.attempt(id).set("a", "1");
    w.attempt(id).return("old");
    if (stepsBefore > 1) w.checkpoint();
    w.beginCheckpoint();
    w.encodeSlice(stepsBefore);
    w.must({ kind: "purge", id, journalOnly: false });
    w.invoke(`flow/${key}/run`);
    w.encodeSlice(stepsBefore);
    w.attempt(id).run("new");
    w.commitCheckpoint();
    w.thaw();
    w.restart();
    assert.equal(names(w, id).length, 2);
    w.checkStore();
    w.restart();
    assert.equal(names(w, id).length, 2);
  }
});
