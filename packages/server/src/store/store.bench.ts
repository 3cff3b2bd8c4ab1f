/**
 * What the store costs: a checkpoint of 20,000 rows onto a store with many, a row that is read, one that is not there, an
 * open. `node packages/server/src/store/store.bench.ts DIR [ROWS]`; DIR is kept, so that a store of an older version can be
 * opened by a newer one. Times are of the processor, all threads together: other programs on the machine disturb them less.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

import { SqliteStore } from "./sqlite-store.ts";
import type { RowWrite } from "./store.ts";

const VALUE_BYTES = 500;
const CHECKPOINT_ROWS = 20_000;
const ROUNDS = 9;
const READS = 20_000;

const [dir = "", rowsGiven = "200000"] = process.argv.slice(2);
if (dir === "") throw new Error("Which directory?");

/** An invocation that sleeps: its row, its journal and its timer. */
function sleeper(index: number): RowWrite[] {
  const id = `inv_${((index * 2_654_435_761) % 2 ** 32).toString(36).padStart(8, "0")}${index}`;
  const value = new Uint8Array(VALUE_BYTES).fill(index);
  const columns = {
    status: "suspended",
    service: "sleepers",
    handler: "sleep",
    key: "",
    deployment: "dp_1",
    createdAt: 1_700_000_000_000 + index,
    modifiedAt: 1_700_000_000_000 + index,
    completedAt: undefined,
    expiresAt: undefined,
    size: VALUE_BYTES,
  };
  return [
    { table: "invocations", key: id, value, columns },
    { table: "journal", key: `${id}/000000000`, value },
    { table: "timers", key: `${String(index).padStart(15, "0")}/${id}`, value: value.subarray(0, 60) },
  ];
}

function* checkpoints(from: number, to: number): Generator<RowWrite[], void, undefined> {
  let writes: RowWrite[] = [];
  for (let index = from; index < to; index++) {
    writes.push(...sleeper(index));
    if (writes.length < CHECKPOINT_ROWS) continue;
    yield writes;
    writes = [];
  }
  yield writes;
}

function report(what: string, samples: readonly number[], unit: string): void {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted[Math.floor(sorted.length / 2)] ?? 0;
  console.log(`${what.padEnd(32)} ${middle.toFixed(1)} ${unit} (best ${(sorted[0] ?? 0).toFixed(1)})`);
}

async function timed(run: () => void | Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

const rows = Number(rowsGiven);
if (!existsSync(join(dir, "checkpoint.db"))) {
  await using filling = await SqliteStore.open({ dir });
  let position = 0;
  for (const writes of checkpoints(0, rows)) await filling.commit(writes, ++position);
}
const opening = process.cpuUsage();
const store = await SqliteStore.open({ dir });
report("open", [process.cpuUsage(opening).user / 1_000], "ms");
const { size } = statSync(join(dir, "checkpoint.db"));
console.log(`${"size".padEnd(32)} ${(size / 2 ** 20).toFixed(0)} MiB`);

const keys = Array.from({ length: READS }, (_, index) => sleeper((index * 97) % rows)[0]?.key ?? "");
const reading: number[] = [];
const missing: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const found = await timed(() => {
    for (const key of keys) if (store.get("invocations", key) === undefined) throw new Error(key);
  });
  reading.push((found * 1_000) / READS);
  const absent = await timed(() => {
    for (const key of keys) store.get("timers", `none/${key}`);
  });
  missing.push((absent * 1_000) / READS);
}
report("get, a row", reading, "µs");
report("get, none", missing, "µs");

const added: number[] = [];
const changed: number[] = [];
let position = store.appliedPosition();
let next = rows + position * CHECKPOINT_ROWS;
for (let round = 0; round < ROUNDS; round++) {
  const [writes = []] = checkpoints(next, next + CHECKPOINT_ROWS);
  next += CHECKPOINT_ROWS;
  for (const samples of [added, changed]) samples.push(await timed(() => store.commit(writes, ++position)));
}
report("commit of 20,000 new rows", added, "ms");
report("commit of 20,000 known rows", changed, "ms");
await store.close();
