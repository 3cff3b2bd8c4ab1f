import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Effect } from "@holdfast/engine";

import { PartitionRig, turns } from "./partition-rig.contract.ts";

/** Attempts that were started, in order: "<id>#<attempt>". */
function startsIn(effects: readonly Effect[]): string[] {
  return effects.flatMap((effect) =>
    effect.kind === "start-attempt" ? [`${effect.id}#${effect.attempt}`] : [],
  );
}

function reopen(
  crashed: PartitionRig,
  whileStarting?: (rig: PartitionRig) => Promise<void>,
): Promise<PartitionRig> {
  crashed.processor.abandon();
  return PartitionRig.open({
    clock: crashed.clock,
    logMemory: crashed.log.memory,
    storeMemory: crashed.storeMemory,
    ...(whileStarting === undefined ? {} : { whileStarting }),
  });
}

describe("starting after a crash", () => {
  it("gives every invocation that was running one new attempt, whether the store or the log has it", async () => {
    const crashed = await PartitionRig.open();
    const stored = crashed.invoke();
    crashed.propose([stored]);
    await crashed.processor.checkpoint();
    const logged = crashed.invoke();
    const ended = crashed.invoke();
    crashed.propose([logged, ended, crashed.end(ended.id)]);
    await turns();
    const rig = await reopen(crashed);
    await turns();
    assert.deepEqual(startsIn(rig.performed).toSorted(), [`${stored.id}#2`, `${logged.id}#2`].toSorted());
    await rig.processor.close();
  });

  it("starts what a timer wakes during the start only once", async () => {
    const crashed = await PartitionRig.open();
    const delayed = crashed.invoke({ startAt: crashed.clock.now() + 1_000 });
    crashed.propose([delayed]);
    await turns();
    const rig = await reopen(crashed, async (starting) => {
      starting.log.isHeld = true;
      await turns();
      await starting.advance(2_000);
      assert.equal(starting.processor.tables.invocations.get(delayed.id)?.status, "running");
      starting.log.isHeld = false;
      starting.log.release();
    });
    await turns();
    assert.deepEqual(startsIn(rig.performed), [`${delayed.id}#1`]);
    await rig.processor.close();
  });

  it("refuses what an attempt of the crashed process still proposes", async () => {
    const crashed = await PartitionRig.open();
    const body = crashed.invoke();
    crashed.propose([body]);
    await turns();
    const rig = await reopen(crashed);
    const late = await rig.processor.propose(rig.end(body.id, 1));
    assert.equal(late.ok ? "accepted" : late.code, "stale-attempt");
    assert.equal(rig.processor.tables.invocations.get(body.id)?.status, "running");
    const own = await rig.processor.propose(rig.end(body.id, 2));
    assert.equal(own.ok, true);
    assert.equal(rig.processor.tables.invocations.get(body.id)?.status, "completed");
    await rig.processor.close();
  });

  it("finds the same tables again and again", async () => {
    let rig = await PartitionRig.open();
    const bodies = Array.from({ length: 20 }, (_, i) => rig.invoke({ key: `k${i % 3}` }));
    rig.propose(bodies);
    await turns();
    const waiting = (): string[] =>
      bodies.flatMap(({ id }) => (rig.processor.tables.invocations.get(id)?.status === "queued" ? [id] : []));
    const before = waiting();
    for (let time = 0; time < 3; time++) {
      rig = await reopen(rig);
      await turns();
      assert.deepEqual(waiting(), before);
    }
    assert.equal(before.length, 17);
    await rig.processor.close();
  });
});
