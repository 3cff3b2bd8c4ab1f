import assert from "node:assert/strict";
import { test } from "node:test";

import { PartitionRig, turns } from "./partition-rig.contract.ts";

test("a disk that takes seconds for an append is noticed, and forgotten when it has caught up", async () => {
  const rig = await PartitionRig.open();
  rig.log.isHeld = true;
  const told = rig.propose([rig.invoke()]);
  await turns();
  assert.equal(rig.processor.isSlow, false);
  rig.clock.step(rig.clock.now() + 2_001);
  assert.equal(rig.processor.isSlow, true);
  assert.deepEqual(told, []);
  rig.log.isHeld = false;
  rig.log.release();
  await turns();
  assert.equal(rig.processor.isSlow, false);
  assert.equal(told.length, 1);
  await rig.processor.close();
});

test("a disk is not slow because the wall clock was set forward", async () => {
  const rig = await PartitionRig.open();
  rig.log.isHeld = true;
  rig.propose([rig.invoke()]);
  await turns();
  const { clock } = rig;
  clock.now = () => clock.elapsed() + 3_600_000;
  assert.equal(rig.processor.isSlow, false);
  rig.log.isHeld = false;
  rig.log.release();
  await turns();
  await rig.processor.close();
});
