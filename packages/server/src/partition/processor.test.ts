import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Outcome } from "@holdfast/engine";
import { HoldfastError } from "@holdfast/protocol";

import { StoreMemory } from "../store/memory-store.ts";
import { PartitionRig, slowStore, START_TIME, turns } from "./partition-rig.contract.ts";

const OK_CREATED = (id: string): Outcome => ({ ok: true, detail: { id, existed: false } });

describe("group commit", () => {
  it("puts what is proposed in one turn into one batch", async () => {
    const rig = await PartitionRig.open();
    const bodies = Array.from({ length: 50 }, () => rig.invoke());
    const outcomes = rig.propose(bodies);
    await turns();
    assert.equal(rig.log.appended.length, 1);
    assert.deepEqual(
      outcomes,
      bodies.map(({ id }) => OK_CREATED(id)),
    );
    await rig.processor.close();
  });

  it("gathers what comes while two appends are under way into one more batch", async () => {
    const rig = await PartitionRig.open();
    rig.log.isHeld = true;
    const outcomes: Outcome[] = [];
    for (let turn = 0; turn < 10; turn++) {
      rig.propose([rig.invoke()], outcomes);
      await turns(2);
    }
    assert.equal(rig.log.appended.length, 2, "one append is synced, one waits for it");
    rig.log.isHeld = false;
    rig.log.release();
    await turns();
    assert.equal(rig.log.appended.length, 3);
    assert.equal(outcomes.length, 10);
    await rig.processor.close();
  });

  it("closes a batch early that reaches its largest size", async () => {
    const rig = await PartitionRig.open({ batchBytesMax: 10_000 });
    const outcomes = rig.propose(Array.from({ length: 10 }, () => rig.invoke({ bytes: 4_000 })));
    await turns();
    assert.equal(rig.log.appended.length, 4);
    for (const { payload } of rig.log.appended) assert.ok(payload.length < 15_000, `${payload.length}`);
    assert.equal(outcomes.length, 10);
    await rig.processor.close();
  });

  it("takes what sessions hand over at the end of the turn into the same batch", async () => {
    const rig = await PartitionRig.open();
    const handedOver = rig.invoke();
    let pending: typeof handedOver | undefined = handedOver;
    rig.onFlush = () => {
      const body = pending;
      pending = undefined;
      if (body !== undefined) rig.processor.submit(body, () => {});
    };
    rig.propose([rig.invoke()]);
    await turns();
    assert.equal(rig.log.appended.length, 1);
    assert.ok(rig.processor.tables.invocations.get(handedOver.id));
    await rig.processor.close();
  });
});

describe("a patient record", () => {
  /** A call of an object that is busy with another: it queues up, and that is all. */
  async function rigWithBusyObject(): Promise<PartitionRig> {
    const rig = await PartitionRig.open();
    rig.propose([rig.invoke({ key: "busy" })]);
    await turns();
    rig.log.appended.length = 0;
    return rig;
  }

  it("that only queues up joins the batch of the next one that somebody waits for", async () => {
    const rig = await rigWithBusyObject();
    const outcomes: Outcome[] = [];
    const queued = rig.invoke({ key: "busy" });
    rig.processor.submitFromOutside(queued, (outcome) => outcomes.push(outcome), "patient");
    await turns();
    assert.deepEqual([rig.log.appended.length, outcomes.length, rig.processor.isBusy], [0, 0, false]);
    rig.propose([rig.invoke()], outcomes);
    await turns();
    assert.deepEqual([rig.log.appended.length, outcomes.length], [1, 2]);
    assert.deepEqual(outcomes[0], OK_CREATED(queued.id));
    await rig.processor.close();
  });

  it("becomes durable by itself after a moment", async () => {
    const rig = await rigWithBusyObject();
    const outcomes: Outcome[] = [];
    for (let count = 0; count < 3; count++) {
      const done = (outcome: Outcome): number => outcomes.push(outcome);
      rig.processor.submitFromOutside(rig.invoke({ key: "busy" }), done, "patient");
    }
    await rig.advance(1);
    await turns();
    assert.deepEqual([rig.log.appended.length, outcomes.length], [1, 3]);
    await rig.processor.close();
  });

  it("becomes durable when the partition closes", async () => {
    const rig = await rigWithBusyObject();
    const outcomes: Outcome[] = [];
    const done = (outcome: Outcome): number => outcomes.push(outcome);
    rig.processor.submitFromOutside(rig.invoke({ key: "busy" }), done, "patient");
    await rig.processor.close();
    assert.equal(outcomes.length, 1);
  });

  it("that sets something in motion does not wait", async () => {
    const rig = await rigWithBusyObject();
    const outcomes: Outcome[] = [];
    const done = (outcome: Outcome): number => outcomes.push(outcome);
    rig.processor.submitFromOutside(rig.invoke({ key: "idle" }), done, "patient");
    await turns();
    assert.deepEqual([rig.log.appended.length, outcomes.length], [1, 1]);
    await rig.processor.close();
  });
});

describe("acting after durability", () => {
  it("applies at once, and performs and tells nothing before the append has resolved", async () => {
    const rig = await PartitionRig.open();
    rig.log.isHeld = true;
    const body = rig.invoke();
    const completed: string[] = [];
    rig.processor.onCompleted(body.id, () => completed.push(body.id));
    const outcomes = rig.propose([body, rig.end(body.id)]);
    assert.equal(rig.processor.tables.invocations.get(body.id)?.status, "completed");
    await turns(10);
    assert.deepEqual([outcomes, rig.performed, completed], [[], [], []]);
    rig.log.release();
    await turns();
    assert.equal(outcomes.length, 2);
    assert.deepEqual(
      rig.performed.map(({ kind }) => kind),
      ["start-attempt"],
    );
    assert.deepEqual(completed, [body.id]);
    rig.log.isHeld = false;
    await rig.processor.close();
  });

  it("performs effects in the order of their records, and tells outcomes in the order of the proposals", async () => {
    const rig = await PartitionRig.open();
    const order: string[] = [];
    rig.log.isHeld = true;
    const first = [rig.invoke(), rig.invoke(), rig.invoke()];
    const second = [rig.invoke(), rig.invoke()];
    const perform = rig.performed.push.bind(rig.performed);
    rig.performed.push = (...effects) => {
      for (const effect of effects) order.push(`effect ${"id" in effect ? effect.id : ""}`);
      return perform(...effects);
    };
    for (const body of first) rig.processor.submitFromOutside(body, () => order.push(`outcome ${body.id}`));
    await turns();
    for (const body of second) rig.processor.submitFromOutside(body, () => order.push(`outcome ${body.id}`));
    await turns();
    rig.log.release();
    await turns();
    rig.log.release();
    await turns();
    assert.deepEqual(order, [
      ...first.map(({ id }) => `effect ${id}`),
      ...first.map(({ id }) => `outcome ${id}`),
      ...second.map(({ id }) => `effect ${id}`),
      ...second.map(({ id }) => `outcome ${id}`),
    ]);
    rig.log.isHeld = false;
    await rig.processor.close();
  });

  it("stops announcing to whoever has stopped listening", async () => {
    const rig = await PartitionRig.open();
    const body = rig.invoke();
    const heard: string[] = [];
    const stop = rig.processor.onCompleted(body.id, () => heard.push("stopped"));
    rig.processor.onCompleted(body.id, () => heard.push("listening"));
    stop();
    stop();
    rig.propose([body, rig.end(body.id)]);
    await turns();
    assert.deepEqual(heard, ["listening"]);
    await rig.processor.close();
  });
});

describe("time", () => {
  it("never goes back in the log, whatever the machine's clock does", async () => {
    const rig = await PartitionRig.open();
    const stamps = [0, 5_000, -3_600_000, 10, 7_000];
    for (const shift of stamps) {
      rig.clock.now = () => START_TIME + shift;
      rig.propose([rig.invoke()]);
      await turns();
    }
    const times = (await rig.log.records()).map(({ at }) => at);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.equal(times.at(-1), START_TIME + 7_000);
    await rig.processor.close();
  });
});

describe("overload", () => {
  it("refuses outside proposals while too much is accepted and not durable, and takes them again afterwards", async () => {
    const rig = await PartitionRig.open({ pendingBytesMax: 50_000, batchBytesMax: 10_000 });
    rig.log.isHeld = true;
    const outcomes: Outcome[] = [];
    let refusal: unknown;
    let accepted = 0;
    for (; accepted < 1_000 && refusal === undefined; accepted++) {
      try {
        rig.propose([rig.invoke({ bytes: 1_000 })], outcomes);
      } catch (error) {
        refusal = error;
        break;
      }
    }
    assert.ok(refusal instanceof HoldfastError);
    assert.equal(refusal.code, "overloaded");
    assert.doesNotMatch(refusal.message, /\?/, "the message names the reason");
    assert.ok(accepted > 40 && accepted < 60, `${accepted}`);
    await assert.rejects(rig.processor.propose(rig.invoke()), { code: "overloaded" });
    // What the engine itself must record is never refused.
    rig.processor.submit({ kind: "timers-fired", keys: [] }, () => {});
    rig.log.isHeld = false;
    rig.log.release();
    await turns(10);
    assert.equal(outcomes.length, accepted);
    rig.propose([rig.invoke()], outcomes);
    await turns();
    assert.equal(outcomes.length, accepted + 1);
    await rig.processor.close();
  });
});

describe("a store that cannot keep up", () => {
  it("has outside proposals and timers wait until it has caught up, and refuses what cannot wait", async () => {
    const storeMemory = new StoreMemory();
    const slow = await slowStore(storeMemory);
    const { store } = slow;
    const checkpoints = { dirtyRows: 10, logBytes: 1e9, intervalMs: 1e9 };
    const rig = await PartitionRig.open({ store, storeMemory, checkpoints });
    slow.hold();
    const outcomes = rig.propose([rig.invoke({ startAt: START_TIME + 5_000 })]);
    await turns();
    const bodies = Array.from({ length: 1_500 }, () => rig.invoke());
    for (const [index, body] of bodies.entries()) {
      rig.propose([body], outcomes);
      if (index % 20 === 0) await turns();
    }
    await turns();
    const accepted = outcomes.length;
    assert.ok(accepted >= 1_000 && accepted < 1_100, `${accepted}`);
    const proposed = rig.processor.propose(rig.invoke());
    rig.performed.length = 0;
    await rig.advance(10_000);
    assert.deepEqual([rig.performed, outcomes.length], [[], accepted]);

    let refusal: unknown;
    for (let i = 0; i < 10_000 && refusal === undefined; i++) {
      try {
        rig.propose([rig.invoke()], outcomes);
      } catch (error) {
        refusal = error;
      }
    }
    assert.ok(refusal instanceof HoldfastError);
    assert.equal(refusal.code, "overloaded");
    assert.match(refusal.message, /the store cannot keep up/);

    slow.release();
    await rig.advance(5_000);
    await turns(200);
    assert.equal((await proposed).ok, true);
    assert.ok(outcomes.length > 10_000, `${outcomes.length}`);
    assert.deepEqual(
      outcomes.slice(1, 1_501).map((outcome) => (outcome.ok ? outcome.detail?.id : undefined)),
      bodies.map(({ id }) => id),
    );
    const first = outcomes[0]?.ok === true ? outcomes[0].detail?.id : undefined;
    assert.ok(rig.performed.some((effect) => effect.kind === "start-attempt" && effect.id === first));
    await rig.processor.close();
  });

  it("does not keep what waits from becoming durable when the partition closes", async () => {
    const slow = await slowStore(new StoreMemory());
    const { store } = slow;
    const checkpoints = { dirtyRows: 10, logBytes: 1e9, intervalMs: 1e9 };
    const rig = await PartitionRig.open({ store, checkpoints });
    slow.hold();
    const outcomes: Outcome[] = [];
    for (let i = 0; i < 1_500; i++) {
      rig.propose([rig.invoke()], outcomes);
      if (i % 20 === 0) await turns();
    }
    await turns();
    assert.ok(outcomes.length < 1_500);
    const closed = rig.processor.close();
    await turns();
    assert.equal(outcomes.length, 1_500);
    slow.release();
    await closed;
  });
});

describe("closing", () => {
  it("lets what was accepted become durable, and refuses what comes later", async () => {
    const rig = await PartitionRig.open();
    rig.log.isHeld = true;
    const body = rig.invoke();
    const outcomes = rig.propose([body]);
    const closed = rig.processor.close();
    assert.throws(() => rig.propose([rig.invoke()]), { code: "shutting-down" });
    await turns();
    rig.log.release();
    await closed;
    assert.deepEqual(outcomes, [OK_CREATED(body.id)]);
  });

  it("drops what is not durable when it is abandoned, as a crash would", async () => {
    const rig = await PartitionRig.open();
    rig.log.isHeld = true;
    const outcomes = rig.propose([rig.invoke()]);
    await turns();
    rig.processor.abandon();
    rig.log.release();
    await turns(10);
    assert.deepEqual([outcomes, rig.performed, rig.failures], [[], [], []]);
  });
});
