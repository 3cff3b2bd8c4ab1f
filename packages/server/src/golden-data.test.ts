/**
 * Data directories as the first version of each format of the store wrote them are kept in `fixtures/data-format-N`: a
 * checkpoint, and a log behind it that was not closed. Every later version must read them and go on with what is in them.
 *
 * `HOLDFAST_MAKE_FIXTURE=1` makes the one of the present format anew. What counts is what was committed, not what that
 * would make today.
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { before, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { object, service, workflow, type Servable } from "@holdfast/sdk";
import { z } from "zod";

import { systemClock } from "./clock.ts";
import { openDataDirectory } from "./data-directory.ts";
import { inspectDataDirectory } from "./doctor.ts";
import { Holdfast } from "./embedded.ts";
import { endpointsOf } from "./embedded/endpoints.ts";
import { LocalClient } from "./embedded/local-client.ts";
import { Engine } from "./engine.ts";
import { STORE_VERSION } from "./store/store-tables.ts";
import { StoreCorruptError } from "./store/store.ts";

const FORMATS = Array.from({ length: STORE_VERSION }, (_, index) => index + 1);
const SEGMENT_BYTES = 16 * 1024;

// The commands of these handlers are recorded in the fixture: they must stay as they are.
const greeter = service("greeter", {
  greet: async (ctx, name: string) => {
    const greeting = await ctx.run("greeting", () => `hello ${name}`);
    return `${greeting}!`;
  },
});
const counter = object("counter", {
  add: async (ctx, by: number) => {
    const total = ((await ctx.state.get<number>("total")) ?? 0) + by;
    ctx.state.set("total", total);
    return total;
  },
});
const approval = workflow(
  "approval",
  {
    input: z.object({ what: z.string() }),
    promises: { decision: z.object({ ok: z.boolean(), at: z.date() }) },
  },
  async (ctx, input) => {
    const prepared = await ctx.run("prepare", () => ({ what: input.what, parts: new Set(["a", "b"]) }));
    const decision = await ctx.promise("decision");
    return { ...prepared, decision };
  },
);
const services: readonly Servable[] = [greeter, counter, approval];

function fixture(format: number): string {
  return fileURLToPath(new URL(`fixtures/data-format-${format}`, import.meta.url));
}

async function withEngine(work: (engine: Engine, client: LocalClient) => Promise<void>): Promise<void> {
  const directory = await openDataDirectory(fixture(STORE_VERSION), { segmentBytes: SEGMENT_BYTES });
  const engine = await Engine.open({
    clock: systemClock,
    log: directory.log,
    store: directory.store,
    endpoints: endpointsOf(services),
    onFailed: (reason) => {
      throw reason;
    },
    onWarning: console.warn,
  });
  await work(engine, new LocalClient(engine));
  engine.abandon();
  await directory.close();
}

async function makeFixture(): Promise<void> {
  rmSync(fixture(STORE_VERSION), { recursive: true, force: true });
  await withEngine(async (engine, client) => {
    await client.call(greeter.greet, "Ada", { idempotencyKey: "first" });
    await client.call(counter.add, "visits", 3);
    await client.send(approval, "contract", { what: "contract" });
    await client.send(greeter.greet, "later", { delay: "3650d" });
    await engine.checkpoint();
  });
  await withEngine(async (_engine, client) => {
    await client.call(counter.add, "visits", 4);
    await client.call(greeter.greet, "Grace");
  });
  const leftovers = ["lock.db", "lock.json", "checkpoint.db-shm", "checkpoint.db-wal", "running"];
  for (const name of leftovers) rmSync(join(fixture(STORE_VERSION), name), { force: true });
}

before(async () => {
  if (process.env["HOLDFAST_MAKE_FIXTURE"] === "1") await makeFixture();
});

function copyOfFixture(t: TestContext, format: number): string {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-golden-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  cpSync(fixture(format), directory, { recursive: true });
  return directory;
}

for (const format of FORMATS) {
  test(`the doctor finds everything in a directory of format ${format}, and nothing wrong`, async (t) => {
    const { problems, tables, store, log } = await inspectDataDirectory(copyOfFixture(t, format));
    assert.deepEqual(problems, []);
    assert.deepEqual(tables?.byStatus, { completed: 4, running: 1, scheduled: 1 });
    assert.ok((log?.lastPosition ?? 0) > store.appliedPosition, "there is a log behind the checkpoint");
  });

  test(`an engine goes on with what a directory of format ${format} holds`, async (t) => {
    const engine = await Holdfast.open({ dir: copyOfFixture(t, format), services });
    try {
      assert.equal(await engine.call(counter.add, "visits", 5), 12);
      const at = new Date("2026-01-02T03:04:05Z");
      assert.equal(await engine.promise(approval, "contract", "decision").resolve({ ok: true, at }), true);
      const [running] = [...engine.engine.tables.invocations.all()].filter(
        ([, row]) => row.target.service === "approval",
      );
      assert.deepEqual(await engine.handle(running?.[0] ?? "").attach(), {
        what: "contract",
        parts: new Set(["a", "b"]),
        decision: { ok: true, at },
      });
    } finally {
      await engine.close();
    }
  });
}

test("a flipped bit in the middle of the log stops the engine with a report, and changes nothing", async (t) => {
  const directory = copyOfFixture(t, 1);
  const [first] = (await inspectDataDirectory(directory)).log?.segments ?? [];
  const path = join(directory, "log", first?.fileName ?? "");
  const bytes = readFileSync(path);
  const FIRST_FRAME = 512 + 64;
  bytes.writeUInt8(bytes.readUInt8(FIRST_FRAME) ^ 1, FIRST_FRAME);
  writeFileSync(path, bytes);
  await assert.rejects(Holdfast.open({ dir: directory, services }), (error: Error) => {
    assert.equal(error.name, "LogCorruptError");
    assert.ok(error.message.includes(first?.fileName ?? ""));
    return true;
  });
  assert.deepEqual(readFileSync(path), bytes);
  const { problems } = await inspectDataDirectory(directory);
  assert.equal(problems.length > 0, true);
});

test("a changed row of the checkpoint ends an engine that reads it, and is what the doctor names", async (t) => {
  const directory = copyOfFixture(t, STORE_VERSION);
  const failures: Error[] = [];
  const engine = await Holdfast.open({
    dir: directory,
    services,
    onFailed: (reason) => failures.push(reason),
  });
  const database = new DatabaseSync(join(directory, "checkpoint.db"));
  database.exec("UPDATE invocations SET value = zeroblob(length(value)) WHERE status = 'scheduled'");
  const id = String(database.prepare("SELECT id FROM invocations WHERE status = 'scheduled'").get()?.["id"]);
  database.close();
  await assert.rejects(async () => engine.handle(id).attach(), StoreCorruptError);
  assert.deepEqual(
    failures.map((reason) => reason instanceof StoreCorruptError && reason.report.key),
    [id],
  );
  await engine.close();

  const { problems } = await inspectDataDirectory(directory);
  assert.match(
    problems.join("\n"),
    new RegExp(`damaged: invocations, row "${id}": it is not what was written`),
  );
  await assert.rejects(Holdfast.open({ dir: directory, services }), StoreCorruptError);
});

test("a store of a newer version is called that by the doctor, and not damaged", async (t) => {
  const directory = copyOfFixture(t, 3);
  const database = new DatabaseSync(join(directory, "checkpoint.db"));
  database.exec("ALTER TABLE invocations ADD COLUMN later INTEGER; PRAGMA user_version = 4");
  database.close();
  await assert.rejects(inspectDataDirectory(directory), {
    name: "StoreFormatError",
    message: /format 4.*newer/,
  });
});
