import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { checkTables, type Outcome } from "@holdfast/engine";
import { HoldfastError } from "@holdfast/protocol";

import { StoreMemory } from "../store/memory-store.ts";
import { defaultCheckpointThresholds } from "./checkpointer.ts";
import { failingStore, PartitionRig, slowStore, START_TIME, turns } from "./partition-rig.contract.ts";

const EVERYTHING = { dirtyRows: 1, logBytes: 1, intervalMs: 1_000 };
const NEVER = { dirtyRows: 1e9, logBytes: 1e9, intervalMs: 1e9 };

describe("a checkpoint", () => {
  it("makes the store reflect what was proposed before, and trims the log up to there", async () => {
    const rig = await PartitionRig.open({ checkpoints: NEVER });
    const body = rig.invoke();
    const told = rig.propose([body]);
    await rig.processor.checkpoint();
    assert.equal(told.length, 1);
    assert.equal(rig.storeMemory.appliedPosition, rig.log.tail());
    assert.equal(rig.processor.checkpointPosition, rig.log.tail());
    assert.equal(rig.log.head(), rig.log.tail() + 1);
    assert.ok(rig.storeMemory.tables.get("invocations")?.has(body.id));
    await rig.processor.close();
  });

  it("is begun by rows, by bytes, and by time", async () => {
    const thresholds = [
      { ...NEVER, dirtyRows: 10 },
      { ...NEVER, logBytes: 2_000 },
      { ...NEVER, intervalMs: 5_000 },
    ];
    for (const checkpoints of thresholds) {
      const rig = await PartitionRig.open({ checkpoints });
      for (let i = 0; i < 20; i++) {
        rig.propose([rig.invoke({ bytes: 200 })]);
        await turns();
      }
      await rig.advance(5_000);
      assert.ok(rig.storeMemory.appliedPosition > 1, JSON.stringify(checkpoints));
      await rig.processor.close();
    }
  });

  it("can be asked for while the open batch alone has crossed the threshold", async () => {
    const rig = await PartitionRig.open({ checkpoints: { ...NEVER, dirtyRows: 5 } });
    rig.propose(Array.from({ length: 20 }, () => rig.invoke()));
    await rig.processor.checkpoint();
    assert.deepEqual(rig.failures, []);
    assert.equal(rig.storeMemory.tables.get("invocations")?.size, 20);
    await rig.processor.close();
  });

  it("follows by time for what changed while the last one was being taken", async () => {
    const rig = await PartitionRig.open({ checkpoints: { ...NEVER, intervalMs: 5_000 } });
    rig.log.isHeld = true;
    const late = rig.invoke();
    rig.propose([rig.invoke()]);
    await turns();
    const taken = rig.processor.checkpoint();
    rig.propose([late]);
    await turns();
    rig.log.isHeld = false;
    rig.log.release();
    await taken;
    await rig.advance(5_000);
    assert.ok(rig.storeMemory.tables.get("invocations")?.has(late.id));
    await rig.processor.close();
  });

  it("holds exactly the rows as of its position while the fold goes on", async () => {
    const rig = await PartitionRig.open({ checkpoints: NEVER });
    const bodies = Array.from({ length: 1_000 }, () => rig.invoke());
    rig.propose(bodies);
    const taken = rig.processor.checkpoint();
    const position = rig.log.tail() + 1;
    // Encoding takes several turns; in each, rows that wait to be encoded change.
    for (const { id } of bodies.slice(500)) {
      rig.propose([rig.end(id)]);
      if (Number(id.slice(4)) % 50 === 0) await turns(1);
    }
    await taken;
    const stored = await PartitionRig.open({
      storeMemory: rig.storeMemory,
      checkpoints: NEVER,
      clock: rig.clock,
    });
    assert.equal(rig.storeMemory.appliedPosition, position);
    for (const { id } of bodies) assert.equal(stored.processor.tables.invocations.get(id)?.attempt, 2);
    stored.processor.abandon();
    await rig.processor.close();
  });

  it("lets go of more rows than one turn can, and another follows", async () => {
    const rig = await PartitionRig.open({ checkpoints: NEVER });
    const later = START_TIME + 1_000_000;
    for (let round = 1; round <= 2; round++) {
      rig.propose(Array.from({ length: 2_500 }, () => rig.invoke({ startAt: later })));
      await rig.processor.checkpoint();
      const { invocations, timers } = rig.processor.tables;
      assert.deepEqual([rig.failures, invocations.loadedCount, timers.loadedCount], [[], 0, 0]);
      assert.equal(rig.storeMemory.tables.get("invocations")?.size, round * 2_500);
    }
    await rig.processor.close();
  });

  it("is not committed before its position is durable in the log", async () => {
    const rig = await PartitionRig.open({ checkpoints: NEVER });
    rig.log.isHeld = true;
    rig.propose([rig.invoke()]);
    const taken = rig.processor.checkpoint();
    await turns(10);
    assert.equal(rig.storeMemory.appliedPosition, 0);
    rig.log.isHeld = false;
    rig.log.release();
    await taken;
    assert.ok(rig.storeMemory.appliedPosition > 0);
    await rig.processor.close();
  });
});

describe("a store that fails", () => {
  it("is tried again until it works; the log keeps everything meanwhile", async () => {
    const storeMemory = new StoreMemory();
    const failures = { left: 3 };
    const store = await failingStore(storeMemory, failures);
    const rig = await PartitionRig.open({ storeMemory, store, checkpoints: EVERYTHING });
    const bodies = [rig.invoke(), rig.invoke()];
    const told = rig.propose(bodies);
    await turns();
    assert.equal(told.length, 2, "proposals do not wait for checkpoints");
    assert.equal(storeMemory.appliedPosition, 0);
    assert.equal(rig.log.head(), 1);
    await rig.advance(10_000);
    assert.equal(failures.left, 0);
    assert.equal(rig.warnings.length, 3);
    assert.match(rig.warnings[0] ?? "", /checkpoint could not be written.*no space left/);
    assert.equal(storeMemory.appliedPosition, rig.log.tail());
    assert.deepEqual(rig.failures, []);
    await rig.processor.close();
  });

  it("refuses what waits for it, and what comes while nothing more may wait", async () => {
    const storeMemory = new StoreMemory();
    const failures = { left: 1 };
    const store = await failingStore(storeMemory, failures);
    const rig = await PartitionRig.open({ storeMemory, store, checkpoints: EVERYTHING });
    failures.left = 1_000_000;
    rig.propose([rig.invoke()]);
    await turns();
    assert.match(rig.processor.checkpointFailure ?? "", /no space left/);
    // As much as may gather for the next checkpoint, and more.
    const told: Outcome[] = [];
    const crowd = Array.from({ length: 1_500 }, () => rig.invoke());
    let refused = 0;
    for (const body of crowd) {
      try {
        rig.propose([body], told);
      } catch (error) {
        assert.ok(error instanceof HoldfastError && error.code === "overloaded", String(error));
        assert.match(error.message, /checkpoint cannot be written.*no space left/);
        refused += 1;
      }
    }
    await turns();
    assert.ok(refused > 0, "all were accepted");
    assert.equal(told.length + refused, crowd.length, "some wait for a store that fails");
    failures.left = 0;
    await rig.advance(5_000);
    assert.equal(rig.processor.checkpointFailure, undefined);
    rig.propose([rig.invoke()], told);
    await turns();
    assert.equal(told.length + refused, crowd.length + 1);
    await rig.processor.close();
  });

  it("tells those who wait for it already that it fails", async () => {
    const storeMemory = new StoreMemory();
    const slow = await slowStore(storeMemory);
    const rig = await PartitionRig.open({ storeMemory, store: slow.store, checkpoints: EVERYTHING });
    slow.hold();
    const told: Outcome[] = [];
    for (let count = 0; count < 1_500; count++) {
      rig.propose([rig.invoke()], told);
      if (count % 20 === 0) await turns();
    }
    await turns();
    assert.ok(told.length < 1_500, "nobody waits");
    slow.release(new Error("no space left on the device"));
    await turns();
    assert.equal(told.length, 1_500);
    assert.ok(told.some((outcome) => !outcome.ok && outcome.code === "overloaded"));
    rig.processor.abandon();
  });

  it("does not keep closing from ending", async () => {
    const storeMemory = new StoreMemory();
    const store = await failingStore(storeMemory, { left: 1_000_000 });
    const rig = await PartitionRig.open({ storeMemory, store, checkpoints: EVERYTHING });
    rig.propose([rig.invoke()]);
    await turns();
    const closed = rig.processor.close();
    await rig.advance(5_000);
    await closed;
    const again = await PartitionRig.open({ logMemory: rig.log.memory, storeMemory, clock: rig.clock });
    assert.deepEqual(checkTables(again.processor.tables).problems, []);
    assert.equal(checkTables(again.processor.tables).invocations, 1);
    await again.processor.close();
  });
});

describe("a log that cannot be trimmed", () => {
  it("is a warning, and is trimmed by the next checkpoint", async () => {
    const rig = await PartitionRig.open({ checkpoints: NEVER });
    rig.log.trimError = new Error("EPERM: unlink");
    rig.propose([rig.invoke()]);
    await rig.processor.checkpoint();
    assert.match(rig.warnings.join(), /could not be trimmed.*EPERM/);
    assert.equal(rig.log.head(), 1);
    rig.log.trimError = undefined;
    rig.propose([rig.invoke()]);
    await rig.processor.checkpoint();
    assert.equal(rig.log.head(), rig.log.tail() + 1);
    await rig.processor.close();
  });
});

describe("memory", () => {
  it("is given back for what is parked, and what is parked can be woken", async () => {
    const rig = await PartitionRig.open({ checkpoints: { ...defaultCheckpointThresholds, dirtyRows: 500 } });
    for (let i = 0; i < 20; i++) {
      rig.propose(Array.from({ length: 100 }, () => rig.invoke({ startAt: rig.clock.now() + 3_600_000 })));
      await turns();
    }
    await rig.processor.checkpoint();
    const { tables } = rig.processor;
    assert.equal([...tables.invocations.loaded()].length, 0);
    assert.equal([...tables.timers.loaded()].length, 0);
    await rig.advance(3_600_000);
    assert.equal(rig.performed.filter(({ kind }) => kind === "start-attempt").length, 2_000);
    assert.deepEqual(checkTables(tables).problems, []);
    await rig.processor.close();
  });
});
