import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkTables, decodeRecords } from "@holdfast/engine";
import { handler, service, workflow, type Context } from "@holdfast/sdk";

import type { LogMemory } from "../log/memory-log.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { row } from "../store/store.contract.ts";
import { createTestEngine, TestEngine } from "../testing.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { StagedLog } from "./partition-rig.contract.ts";
import { Retention } from "./retention.ts";

const work = service("work", {
  go: async (ctx, size: number) => ctx.run("make", () => "x".repeat(size)),
  brief: handler({ journalRetention: "1h" }, async (ctx: Context) => ctx.run("make", () => "done")),
  forgotten: handler({ journalRetention: "0s" }, async (ctx: Context) => ctx.run("make", () => "done")),
});
const flow = workflow("flow", {}, async (ctx) => {
  ctx.state.set("n", 1);
  return ctx.run("make", () => "done");
});

function remaining(engine: TestEngine): number {
  return checkTables(engine.engine.tables).invocations;
}

function journalLength(engine: TestEngine, id: string): number | undefined {
  return engine.engine.tables.invocations.get(id)?.journalLength;
}

describe("retention by time", () => {
  it("removes a completed invocation with its journal a day after its end, and not before", async () => {
    await using engine = await createTestEngine({ services: [work] });
    const { invocationId } = await engine.send(work.go, 10);
    await engine.advance("23h");
    assert.ok((journalLength(engine, invocationId) ?? 0) > 2);
    await engine.advance("3h");
    assert.equal(journalLength(engine, invocationId), undefined);
    assert.deepEqual(checkTables(engine.engine.tables).problems, []);
  });

  it("removes thousands in small steps, each of at most 200", async () => {
    const logs: StagedLog[] = [];
    const openLog = async (memory: LogMemory): Promise<StagedLog> => {
      const log = await StagedLog.open(memory);
      logs.push(log);
      return log;
    };
    await using engine = await TestEngine.open({ services: [work] }, { openLog });
    for (let i = 0; i < 10; i++) {
      await Promise.all(Array.from({ length: 100 }, () => engine.call(work.go, 1)));
    }
    assert.equal(remaining(engine), 1_000);
    await engine.advance("26h");
    assert.equal(remaining(engine), 0);
    const records = (logs[0]?.appended ?? []).flatMap(({ payload }) => decodeRecords(payload));
    const steps = records.flatMap(({ body }) => (body.kind === "expire" ? [body.ids.length] : []));
    assert.deepEqual(steps, [200, 200, 200, 200, 200]);
  });

  it("goes from step to step without a checkpoint, and takes one at the end", async () => {
    const store = await MemoryStore.open();
    const rows = Array.from({ length: 450 }, (_, index) =>
      row(`inv_${String(index).padStart(3, "0")}`, {
        status: "completed",
        completedAt: 1,
        expiresAt: 1 + (index % 7),
      }),
    );
    await store.commit(rows, 1);
    const did: Array<number | "checkpoint"> = [];
    const retention = new Retention({
      clock: new VirtualClock(100),
      store,
      budgetBytes: 0,
      intervalMs: 1_000,
      expire: async (ids) => {
        did.push(ids.length);
        return { ok: true, detail: { removed: ids.length } };
      },
      checkpoint: async () => {
        did.push("checkpoint");
      },
    });
    assert.equal(await retention.sweep(), 450);
    assert.deepEqual(did, [200, 200, 50, "checkpoint"]);
  });

  it("keeps what still runs, sleeps or is paused for as long as it takes", async () => {
    const slow = service("slow", {
      sleep: async (ctx) => ctx.sleep("30d"),
      fail: handler({ retry: { attempts: 1 } }, async (_ctx: Context) => {
        throw new Error("down");
      }),
    });
    await using engine = await createTestEngine({ services: [slow] });
    const sleeping = await engine.send(slow.sleep);
    const paused = await engine.send(slow.fail);
    await engine.advance("10d");
    assert.equal(engine.engine.tables.invocations.get(sleeping.invocationId)?.status, "suspended");
    assert.equal(engine.engine.tables.invocations.get(paused.invocationId)?.status, "paused");
  });

  it("drops a journal earlier than the outcome that an idempotency key or a workflow stands for", async () => {
    await using engine = await createTestEngine({ services: [work] });
    const { invocationId } = await engine.send(work.brief, undefined, { idempotencyKey: "k" });
    await engine.advance("3h");
    assert.equal(journalLength(engine, invocationId), 0);
    assert.equal(await engine.handle(invocationId).attach(), "done");
    await engine.advance("23h");
    assert.equal(journalLength(engine, invocationId), undefined);
  });

  it("of zero forgets an invocation at its end, after its caller was answered", async () => {
    await using engine = await createTestEngine({ services: [work] });
    assert.equal(await engine.call(work.forgotten), "done");
    assert.equal(remaining(engine), 0);
  });

  it("goes on after a crash", async () => {
    const first = await createTestEngine({ services: [work] });
    await first.call(work.go, 1);
    await first.engine.checkpoint();
    await first.call(work.go, 1);
    await using engine = await first.restart();
    assert.equal(remaining(engine), 2);
    await engine.advance("26h");
    assert.equal(remaining(engine), 0);
  });
});

describe("retention by a budget of disk", () => {
  const BUDGET = 100_000;
  const open = (): Promise<TestEngine> =>
    createTestEngine({ services: [work, flow], limits: { diskBudgetBytes: BUDGET } });

  it("removes the oldest, as many as it takes and not more", async () => {
    await using engine = await open();
    const ids: string[] = [];
    for (let i = 0; i < 60; i++) {
      const { invocationId } = await engine.send(work.go, 1_000);
      ids.push(invocationId);
      await engine.advance("1s");
    }
    await engine.advance("2h");
    await engine.engine.checkpoint();
    assert.ok(engine.engine.store.completedBytes() <= BUDGET);
    assert.ok(engine.engine.store.completedBytes() > BUDGET * 0.9, `${engine.engine.store.completedBytes()}`);
    const kept = ids.filter((id) => journalLength(engine, id) !== undefined);
    assert.deepEqual(kept, ids.slice(-kept.length));
  });

  it("never removes the outcome of an idempotency key or a workflow before its time, only journals", async () => {
    await using engine = await open();
    const keyed = await engine.send(work.go, 20_000, { idempotencyKey: "k" });
    const run = await engine.send(flow, "f");
    await engine.advance("1s");
    for (let i = 0; i < 20; i++) await engine.call(work.go, 10_000);
    await engine.advance("2h");
    assert.equal(journalLength(engine, keyed.invocationId), 0);
    assert.equal(journalLength(engine, run.invocationId), 0);
    assert.equal(((await keyed.attach()) as string).length, 20_000);
    assert.equal(await run.attach(), "done");
    await assert.rejects(engine.send(flow, "f"), { code: "workflow-already-started" });
    await engine.advance("26h");
    assert.equal(journalLength(engine, keyed.invocationId), undefined);
    assert.equal(journalLength(engine, run.invocationId), undefined);
  });

  it("leaves live ones alone, however much they hold", async () => {
    const hoarder = service("hoarder", {
      go: async (ctx) => {
        for (let i = 0; i < 10; i++) await ctx.run("hoard", () => "x".repeat(30_000));
        await ctx.sleep("10h");
        return "done";
      },
    });
    await using engine = await createTestEngine({ services: [hoarder], limits: { diskBudgetBytes: BUDGET } });
    const handle = await engine.send(hoarder.go);
    await engine.advance("5h");
    assert.ok((journalLength(engine, handle.invocationId) ?? 0) > 20);
    await engine.advance("5h");
    assert.equal(await handle.attach(), "done");
  });
});
