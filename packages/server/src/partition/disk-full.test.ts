import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Outcome } from "@holdfast/engine";

import { PartitionRig, turns } from "./partition-rig.contract.ts";

/** Fills the disk, and proposes two invocations, in two batches, that are accepted before anybody can know. */
async function rigOnFullDisk(): Promise<{ rig: PartitionRig; accepted: string[]; told: Outcome[] }> {
  const rig = await PartitionRig.open();
  rig.log.memory.capacityBytes = rig.log.memory.usedBytes;
  rig.log.isHeld = true;
  const first = rig.invoke();
  const told = rig.propose([first]);
  await turns();
  const second = rig.invoke();
  rig.propose([second], told);
  await turns();
  rig.log.isHeld = false;
  rig.log.release();
  await turns();
  return { rig, accepted: [first.id, second.id], told };
}

describe("on a full disk", () => {
  it("what was accepted waits, and new proposals are refused with the reason", async () => {
    const { rig, told } = await rigOnFullDisk();
    assert.deepEqual(told, []);
    assert.equal(rig.processor.isFull, true);
    await assert.rejects(rig.processor.propose(rig.invoke()), { code: "disk-full" });
    assert.throws(() => rig.propose([rig.invoke()]), { code: "disk-full" });
    assert.deepEqual(rig.failures, []);
    rig.processor.abandon();
  });

  it("it stays refused while appends are repeated without success", async () => {
    const { rig, told } = await rigOnFullDisk();
    const tail = rig.log.tail();
    rig.log.isHeld = true;
    for (let time = 0; time < 20; time++) {
      // Also in the moment in which a repeated append is under way.
      assert.equal(rig.processor.isFull, true);
      rig.clock.step(rig.clock.now() + 250);
      assert.equal(rig.processor.isFull, true);
      rig.log.release();
      await turns(2);
    }
    assert.deepEqual([told, rig.performed, rig.log.tail()], [[], [], tail]);
    rig.processor.abandon();
  });

  it("everything that was accepted survives in its order once there is room, without a restart", async () => {
    const { rig, accepted, told } = await rigOnFullDisk();
    await rig.advance(1_000);
    rig.log.memory.capacityBytes = Number.POSITIVE_INFINITY;
    await rig.advance(1_000);
    assert.equal(told.length, 2);
    assert.equal(rig.processor.isFull, false);
    assert.deepEqual(
      rig.performed.map((effect) => ("id" in effect ? effect.id : effect.kind)),
      accepted,
    );
    const later = rig.invoke();
    rig.propose([later], told);
    await turns();
    assert.equal(told.length, 3);
    const logged = (await rig.log.records()).flatMap(({ body }) => (body.kind === "invoke" ? [body.id] : []));
    assert.deepEqual(logged, [...accepted, later.id]);
    await rig.processor.close();
  });

  it("the engine's own records wait as well, and nothing of them is lost", async () => {
    const { rig } = await rigOnFullDisk();
    const told: string[] = [];
    rig.processor.submit({ kind: "timers-fired", keys: [] }, () => told.push("done"));
    await rig.advance(1_000);
    assert.deepEqual(told, []);
    rig.log.memory.capacityBytes = Number.POSITIVE_INFINITY;
    await rig.advance(1_000);
    assert.deepEqual(told, ["done"]);
    await rig.processor.close();
  });

  it("room for a part is used for that part", async () => {
    const { rig, accepted, told } = await rigOnFullDisk();
    const [first] = rig.log.appended;
    rig.log.memory.capacityBytes = rig.log.memory.usedBytes + (first?.payload.length ?? 0);
    await rig.advance(250);
    assert.equal(told.length, 1);
    assert.equal(rig.processor.isFull, true);
    rig.log.memory.capacityBytes = Number.POSITIVE_INFINITY;
    await rig.advance(1_000);
    assert.equal(told.length, accepted.length);
    await rig.processor.close();
  });
});

/** What a reader of the present state was told. */
function readerOf({ processor }: PartitionRig): string[] {
  const told: string[] = [];
  processor.whenDurable(
    () => told.push("told"),
    ({ code }) => told.push(code),
  );
  return told;
}

describe("readers of what is not durable yet", () => {
  it("are told when it is, without a record of their own", async () => {
    const rig = await PartitionRig.open();
    rig.log.isHeld = true;
    rig.propose([rig.invoke()]);
    const first = readerOf(rig);
    await turns();
    rig.propose([rig.invoke()]);
    const second = readerOf(rig);
    await turns();
    assert.deepEqual([first, second], [[], []]);
    rig.log.release();
    await turns();
    assert.deepEqual([first, second], [["told"], ["told"]]);
    assert.deepEqual(readerOf(rig), ["told"]);
    assert.equal(rig.log.appended.length, 2);
    await rig.processor.close();
  });

  it("are refused when the disk turns out to be full while they wait, and while it is", async () => {
    const rig = await PartitionRig.open();
    rig.log.memory.capacityBytes = rig.log.memory.usedBytes;
    rig.propose([rig.invoke()]);
    const waiting = readerOf(rig);
    await turns();
    assert.deepEqual(waiting, ["disk-full"]);
    assert.deepEqual(readerOf(rig), ["disk-full"]);
    rig.log.memory.capacityBytes = Number.POSITIVE_INFINITY;
    await rig.advance(1_000);
    assert.deepEqual(readerOf(rig), ["told"]);
    await rig.processor.close();
  });

  it("are refused when the partition ends before", async () => {
    const rig = await PartitionRig.open();
    rig.log.isHeld = true;
    rig.propose([rig.invoke()]);
    const waiting = readerOf(rig);
    rig.log.verdict = () => "unknown";
    await turns();
    rig.processor.abandon();
    assert.deepEqual(waiting, ["shutting-down"]);
  });
});

describe("closing on a full disk", () => {
  it("does not wait for room: what is not durable was promised to nobody", async () => {
    const { rig, told } = await rigOnFullDisk();
    await rig.processor.close();
    assert.deepEqual(told, []);
  });

  it("gives up when the disk turns out to be full after it has begun", async () => {
    const rig = await PartitionRig.open();
    rig.log.memory.capacityBytes = rig.log.memory.usedBytes;
    const told = rig.propose([rig.invoke()]);
    await rig.processor.close();
    assert.deepEqual(told, []);
  });
});
