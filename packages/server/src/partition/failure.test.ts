import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Outcome } from "@holdfast/engine";

import type { AppendOutcome } from "../log/log.ts";
import { MemoryStore } from "../store/memory-store.ts";
import { storeDamage } from "../store/store-damage.ts";
import type { CheckpointStore, InvocationCount, StoreCorruptError } from "../store/store.ts";
import { HeldProposals } from "./held-proposals.ts";
import { PartitionRig, START_TIME, turns } from "./partition-rig.contract.ts";

const verdicts: ReadonlyArray<{
  readonly name: string;
  readonly verdict: AppendOutcome | Error;
  readonly reason: RegExp;
}> = [
  { name: "an append that rejects", verdict: new Error("EIO: fdatasync"), reason: /EIO: fdatasync/ },
  { name: "another writer", verdict: "fenced", reason: /taken over/ },
  { name: "an append of unknown outcome", verdict: "unknown", reason: /unknown/ },
];

for (const { name, verdict, reason } of verdicts) {
  describe(`after ${name}`, () => {
    it("the partition has failed, once, and nothing is performed or told any more", async () => {
      const rig = await PartitionRig.open();
      rig.log.isHeld = true;
      const before = rig.propose([rig.invoke()]);
      await turns();
      const failing = rig.log.tail() + 2;
      rig.log.verdict = (position) => (position === failing ? verdict : undefined);
      const lost = rig.propose([rig.invoke()]);
      await turns();
      // The one before was on its way when the log failed: it may have become durable, but this process is done acting.
      rig.log.isHeld = false;
      rig.log.release();
      await turns(10);
      assert.equal(rig.failures.length, 1);
      assert.match(rig.failures[0]?.message ?? "", reason);
      assert.deepEqual([before, lost, rig.performed], [[], [], []]);
      assert.equal(rig.processor.failure, rig.failures[0]);
      await assert.rejects(rig.processor.propose(rig.invoke()), { code: "shutting-down" });
      rig.processor.submit(rig.invoke(), () => assert.fail("told of something after the failure"));
      await turns();
      assert.equal(rig.log.appended.length, 1);
      assert.equal(rig.failures.length, 1);
      await rig.processor.close();
    });

    it("whoever waits for the outcome of a proposal is told that it is unknown", async () => {
      const rig = await PartitionRig.open();
      rig.log.verdict = () => verdict;
      await assert.rejects(rig.processor.propose(rig.invoke()), (error: Error) => {
        assert.match(error.message, /before it could tell whether this was recorded/);
        assert.match(error.message, reason);
        return true;
      });
      await rig.processor.close();
    });

    it("a start that meets it rejects instead of waiting for ever", async () => {
      const crashed = await PartitionRig.open();
      crashed.processor.abandon();
      const logMemory = crashed.log.memory;
      const opening = PartitionRig.open({
        logMemory,
        whileStarting: (rig) => {
          rig.log.verdict = () => verdict;
          return Promise.resolve();
        },
      });
      await assert.rejects(opening, reason);
    });

    it("fires no timer any more", async () => {
      const rig = await PartitionRig.open();
      rig.propose([rig.invoke({ startAt: rig.clock.now() + 1_000 })]);
      await turns();
      rig.log.verdict = () => verdict;
      rig.propose([rig.invoke()]);
      await turns();
      assert.equal(rig.failures.length, 1);
      await rig.advance(10_000);
      assert.equal(rig.failures.length, 1);
      assert.deepEqual(rig.performed, []);
      await rig.processor.close();
    });

    it("closing ends, also while a checkpoint waits for the log", async () => {
      const rig = await PartitionRig.open();
      rig.log.isHeld = true;
      rig.propose([rig.invoke()]);
      const checkpoint = assert.rejects(rig.processor.checkpoint(), { code: "shutting-down" });
      await turns();
      rig.log.verdict = () => verdict;
      rig.propose([rig.invoke()]);
      await turns();
      assert.equal(rig.failures.length, 1);
      await checkpoint;
      await rig.processor.close();
      assert.equal(rig.storeMemory.appliedPosition, 0);
    });

    it("closing that had begun before ends too", async () => {
      const rig = await PartitionRig.open();
      rig.log.verdict = () => verdict;
      rig.propose([rig.invoke()]);
      const closed = rig.processor.close();
      await closed;
      assert.equal(rig.failures.length, 1);
    });
  });
}

/** Schedules an invocation and then breaks its row in memory, as a bug would: its timer, once due, meets the impossible. */
async function damage(rig: PartitionRig) {
  const scheduled = rig.invoke({ startAt: rig.clock.now() + 1 });
  rig.propose([scheduled]);
  await turns();
  rig.processor.tables.invocations.edit(scheduled.id).status = "paused";
  return scheduled;
}

describe("a record that the fold finds impossible", () => {
  it("fails the partition and does not reach the log, nor does what shares its batch", async () => {
    const rig = await PartitionRig.open();
    await damage(rig);
    const durable = rig.log.tail();
    const told = rig.propose([rig.invoke()]);
    rig.clock.step(rig.clock.now() + 1);
    await turns();
    assert.equal(rig.failures.length, 1);
    assert.match(rig.failures[0]?.message ?? "", /start timer of .* which is paused/);
    assert.equal(rig.log.tail(), durable);
    assert.deepEqual(told, []);
    await rig.processor.close();
  });

  it("leaves what was durable to the next start", async () => {
    const rig = await PartitionRig.open();
    const kept = await damage(rig);
    rig.clock.step(rig.clock.now() + 1);
    const again = await PartitionRig.open({ logMemory: rig.log.memory, clock: rig.clock });
    assert.equal(again.processor.tables.invocations.get(kept.id)?.status, "scheduled");
    await again.advance(1_000);
    assert.equal(again.processor.tables.invocations.get(kept.id)?.status, "running");
    await again.processor.close();
  });
});

describe("when the store is damaged", () => {
  /** An empty store with the methods that the test gives. */
  async function storeWith(methods: Partial<CheckpointStore>): Promise<CheckpointStore> {
    const store = await MemoryStore.open();
    return {
      appliedPosition: () => store.appliedPosition(),
      get: (table, key) => store.get(table, key),
      scan: (table, from, to, limit) => store.scan(table, from, to, limit),
      findInvocations: (query) => store.findInvocations(query),
      countInvocations: () => store.countInvocations(),
      completedBytes: () => store.completedBytes(),
      commit: (writes, position) => store.commit(writes, position),
      close: () => store.close(),
      ...methods,
    };
  }

  it("the partition fails, whoever it was that wanted to read", async () => {
    const listeners: Array<(reason: StoreCorruptError) => void> = [];
    const store = await storeWith({ onDamaged: (listener) => void listeners.push(listener) });
    const rig = await PartitionRig.open({ store });
    const damage = storeDamage("checkpoint.db", { table: "objects", key: "a" }, "it is not what was written");
    for (const listener of listeners) listener(damage);
    assert.deepEqual(rig.failures, [damage]);
    await assert.rejects(rig.processor.propose(rig.invoke()), { code: "shutting-down" });
    await rig.processor.close();
  });

  it("a commit that finds it is not tried again: the partition fails", async () => {
    const damage = storeDamage("checkpoint.db", { table: "store" }, "it is not what was written");
    const rig = await PartitionRig.open({ store: await storeWith({ commit: () => Promise.reject(damage) }) });
    await assert.rejects(rig.processor.checkpoint(), { code: "shutting-down" });
    assert.deepEqual(rig.failures, [damage]);
    assert.deepEqual(rig.warnings, []);
    await rig.processor.close();
  });

  it("a start that finds fewer running invocations than there are rejects, and leaves none behind", async () => {
    const counts: InvocationCount[] = [{ service: "greeter", handler: "greet", status: "running", count: 1 }];
    const opening = PartitionRig.open({ store: await storeWith({ countInvocations: () => counts }) });
    await assert.rejects(opening, /an index has 0 running ones, and there are 1/);
  });
});

describe("a record that cannot be written down", () => {
  const unwritable = (rig: PartitionRig) => ({ ...rig.invoke(), startAt: 0.5 });

  it("is refused alone: nothing of it is in the tables, and what shares its batch becomes durable", async () => {
    const rig = await PartitionRig.open();
    const [before, after, refused] = [rig.invoke(), rig.invoke(), unwritable(rig)];
    const told = rig.propose([before]);
    assert.throws(() => rig.propose([refused]), {
      code: "request-invalid",
      message: /cannot be recorded as "invoke": uint out of range: 0\.5/,
    });
    rig.propose([after], told);
    await turns();
    assert.equal(rig.processor.tables.invocations.get(refused.id), undefined);
    assert.deepEqual(
      (await rig.log.records()).slice(-2).map(({ body }) => body.kind === "invoke" && body.id),
      [before.id, after.id],
    );
    assert.equal(told.length, 2);
    assert.deepEqual(rig.failures, []);
    await rig.processor.close();
  });

  it("rejects the promise of whoever waits for its outcome, and only that one", async () => {
    const rig = await PartitionRig.open();
    const accepted = rig.processor.propose(rig.invoke());
    await assert.rejects(rig.processor.propose(unwritable(rig)), { code: "request-invalid" });
    assert.equal((await accepted).ok, true);
    await rig.processor.close();
  });

  it("is told when its turn comes, if it had to wait for the store", async () => {
    const outcomes: Outcome[] = [];
    const done = (outcome: Outcome): number => outcomes.push(outcome);
    let mustWait = true;
    const rig = await PartitionRig.open();
    const held = new HeldProposals({
      soon: (run) => setImmediate(run),
      mustWait: () => mustWait,
      submit: (body, told, urgency) => rig.processor.submit(body, told, urgency),
    });
    held.take(unwritable(rig), done);
    held.take(rig.invoke(), done);
    mustWait = false;
    held.release();
    await turns();
    assert.deepEqual(
      outcomes.map((outcome) => outcome.ok || outcome.code),
      ["request-invalid", true],
    );
    await rig.processor.close();
  });

  it("fails the partition when the engine itself must record it", async () => {
    const rig = await PartitionRig.open();
    rig.propose([rig.invoke({ startAt: rig.clock.now() + 1 })]);
    await turns();
    // A clock that is broken stands for whatever could make its own records unwritable.
    rig.clock.now = () => Number.POSITIVE_INFINITY;
    rig.clock.step(START_TIME + 1);
    await turns();
    assert.match(rig.failures[0]?.message ?? "", /cannot be recorded as "timers-fired"/);
    await rig.processor.close();
  });
});

describe("a log that finds out by itself that it can take nothing more", () => {
  it("ends the partition at once, and not with the next proposal", async () => {
    const rig = await PartitionRig.open();
    rig.log.tellFailure(new Error("EIO: the seal"));
    assert.match(rig.failures[0]?.message ?? "", /the seal/);
    await assert.rejects(rig.processor.propose(rig.invoke()), { code: "shutting-down" });
    await rig.processor.close();
  });

  it("says nothing of a partition that is closing anyway", async () => {
    const rig = await PartitionRig.open();
    await rig.processor.close();
    rig.log.tellFailure(new Error("EIO: the seal"));
    assert.deepEqual(rig.failures, []);
  });
});
