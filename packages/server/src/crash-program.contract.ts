/**
 * The program that `embedded.process.test.ts` kills: it opens a data directory in its own process, keeps it busy, and writes
 * down in a ledger what it did and what it was told. The ledger survives it: each line is one write to the system.
 *
 * Arguments: directory, ledger, and "load", "finish" or "nap".
 */
import { openSync, writeSync } from "node:fs";

import { checkTables } from "@holdfast/engine";
import { object, service, workflow } from "@holdfast/sdk";

import { Holdfast } from "./embedded.ts";

const [dir = "", ledgerPath = "", mode = "load"] = process.argv.slice(2);
const ledger = openSync(ledgerPath, "a");

function note(...words: ReadonlyArray<string | number>): void {
  writeSync(ledger, `${words.join(" ")}\n`);
}

const KEYS = ["red", "green", "blue"];
/** Flows under way at a time. */
const FLOWS_AT_ONCE = 8;
const SLEEP_MS = 20;
const STEPS = 3;

const counter = object("counter", {
  add: async (ctx, by: number) => {
    const count = ((await ctx.state.get<number>("count")) ?? 0) + by;
    ctx.state.set("count", count);
    await ctx.run("look aside", ({ idempotencyKey }) => note("ran", idempotencyKey));
    return count;
  },
});

const later = service("later", {
  check: async (_ctx, due: number) => note("sent", due, Date.now()),
});

const flow = workflow("flow", {}, async (ctx, key: string) => {
  let results = "";
  for (let step = 1; step <= STEPS; step++) {
    const name = `${ctx.invocationId}:${step}`;
    results += await ctx.run(`step ${step}`, async ({ idempotencyKey }) => {
      note("ran", idempotencyKey);
      await new Promise<void>((resolve) => void setImmediate(resolve));
      return step;
    });
    // The await has ended: from here on the result must never be made again.
    note("passed", name);
  }
  const due = await ctx.run("when", () => Date.now() + SLEEP_MS);
  await ctx.sleep(`${SLEEP_MS}ms`);
  note("woke", ctx.key, due, Date.now());
  await ctx.send(later.check, due + SLEEP_MS, { delay: `${SLEEP_MS}ms` });
  await ctx.call(counter.add, key, 1);
  return results;
});

const napper = service("napper", {
  nap: async (ctx) => {
    await ctx.sleep("100ms");
    return "rested";
  },
});

const engine = await Holdfast.open({
  dir,
  services: [counter, later, flow, napper],
  // It is killed from outside, many times in a row: nobody here is the cause.
  limits: { crashesMax: 1_000_000 },
});
note("opened", process.pid);
if (mode === "load") await load();
else if (mode === "finish") await finish();
else await nap();

/** Waits for something that is nothing but time. */
async function nap(): Promise<void> {
  console.log(await engine.call(napper.nap));
  await engine.close();
}

/** Starts flows for as long as it is let live. */
async function load(): Promise<void> {
  let next = 0;
  const keepBusy = async (): Promise<void> => {
    for (;;) {
      const name = `${process.pid}-${next++}`;
      const key = KEYS[next % KEYS.length] ?? "";
      const handle = await engine.send(flow, name, key);
      note("acknowledged", name, key);
      await handle.attach();
      note("ended", name);
    }
  };
  await Promise.all(Array.from({ length: FLOWS_AT_ONCE }, keepBusy));
}

/** Waits until everything that was begun has ended, and tells what there is. */
async function finish(): Promise<void> {
  const { tables } = engine.engine;
  const isOver = (): boolean => {
    for (const [, row] of tables.invocations.all()) if (row.status !== "completed") return false;
    return true;
  };
  while (!isOver()) await new Promise((resolve) => setTimeout(resolve, 20));
  const flows: Record<string, string> = {};
  for (const [id, row] of Array.from(tables.invocations.all())) {
    if (row.target.service !== "flow") continue;
    const outcome = await engine.handle<string>(id).attach();
    flows[row.target.key] = `${outcome}`;
  }
  const counts: Record<string, number> = {};
  for (const key of KEYS) counts[key] = await engine.call(counter.add, key, 0);
  await engine.engine.checkpoint();
  const { problems } = checkTables(tables);
  console.log(JSON.stringify({ flows, counts, problems }));
  await engine.close();
}
