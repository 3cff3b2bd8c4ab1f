import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { planRestarts, type CrashRules, type Running } from "./crash-suspects.ts";
import { PartitionRig, turns } from "./partition-rig.contract.ts";

const RULES: CrashRules = { crashesMax: 5, holdMs: 30_000 };

/**
 * A process that is started again after each crash. `culprit` brings it down `fuseMs` after it begins to run; nobody else
 * ever finishes a step. Gives the number of crashes until somebody is paused, and who that is.
 */
function crashUntilPaused(
  ids: readonly string[],
  culprit: string,
  fuseMs: number,
  crashesBefore: (index: number) => number = () => 0,
): { crashes: number; paused: string } {
  const all = ids.map((id, index) => ({ id, crashes: crashesBefore(index), hadFollowed: false, waitMs: 0 }));
  for (let crashes = 1; crashes < 1_000; crashes++) {
    const crashAfterMs = (all.find(({ id }) => id === culprit)?.waitMs ?? 0) + fuseMs;
    const running = all.filter(({ waitMs }) => waitMs <= crashAfterMs);
    for (const one of running) one.crashes += 1;
    const plan = planRestarts(running, RULES);
    for (const one of all) one.waitMs = Math.max(0, one.waitMs - crashAfterMs);
    for (const one of running) {
      const restart = plan.get(one.id);
      if (restart?.kind === "pause") return { crashes, paused: one.id };
      one.waitMs = restart?.kind === "wait" ? restart.delayMs : 0;
      one.hadFollowed = restart?.kind === "wait";
    }
  }
  assert.fail("nobody was ever paused");
}

describe("the search for who brings the process down", () => {
  for (const fuseMs of [1, 29_999, 45_000, 15 * 60_000]) {
    for (const count of [1, 2, 3, 8, 1_000]) {
      it(`finds the one among ${count} that takes ${fuseMs} ms to do it, wherever it stands, and pauses nobody else`, () => {
        const ids = Array.from({ length: count }, (_, index) => `inv_${String(index).padStart(4, "0")}`);
        for (const at of new Set([0, count >> 1, count - 1])) {
          const culprit = ids[at] ?? "";
          const { crashes, paused } = crashUntilPaused(ids, culprit, fuseMs);
          assert.equal(paused, culprit);
          // The wait outgrows the longest fuse here after seven crashes; then three halve the suspects.
          assert.ok(crashes <= RULES.crashesMax + 8 + 3 * Math.ceil(Math.log2(count)), `${crashes} crashes`);
        }
      });
    }
  }

  it("is not misled by somebody innocent who was there in more crashes than the culprit", () => {
    const ids = Array.from({ length: 16 }, (_, index) => `inv_${String(index).padStart(2, "0")}`);
    for (const culprit of ids) {
      // The innocent have up to eleven crashes behind them, the culprit has as many as its place says.
      const { paused } = crashUntilPaused(ids, culprit, 1_000, (index) => 5 + (index % 7));
      assert.equal(paused, culprit);
    }
  });

  it("suspects nobody before the limit", () => {
    const plan = planRestarts([running("a", 4), running("b", 1)], RULES);
    assert.deepEqual([...plan.values()], [{ kind: "go on" }, { kind: "go on" }]);
  });

  it("never lets a suspect wait for longer than an hour", () => {
    const plan = planRestarts([running("a", 5_000), running("b", 5_000)], RULES);
    assert.deepEqual([...plan.values()], [{ kind: "go on" }, { kind: "wait", delayMs: 3_600_000 }]);
  });
});

function running(id: string, crashes: number): Running {
  return { id, crashes, hadFollowed: false };
}

describe("an invocation that was running when the engine crashed", () => {
  const rules: CrashRules = { crashesMax: 3, holdMs: 1_000 };

  async function reopen(crashed: PartitionRig, afterCrash: CrashRules | undefined): Promise<PartitionRig> {
    crashed.processor.abandon();
    const rig = await PartitionRig.open({
      clock: crashed.clock,
      logMemory: crashed.log.memory,
      storeMemory: crashed.storeMemory,
      ...(afterCrash === undefined ? {} : { afterCrash }),
    });
    await turns();
    return rig;
  }

  it("is tried again, and paused with its reason when it was there in as many crashes as are allowed", async () => {
    let rig = await PartitionRig.open();
    const body = rig.invoke();
    rig.propose([body]);
    await turns();
    const statuses: Array<string | undefined> = [];
    for (let crash = 1; crash <= 3; crash++) {
      rig = await reopen(rig, rules);
      statuses.push(rig.processor.tables.invocations.get(body.id)?.status);
      // A checkpoint must not make it forget.
      await rig.processor.checkpoint();
    }
    assert.deepEqual(statuses, ["running", "running", "paused"]);
    const row = rig.processor.tables.invocations.get(body.id);
    assert.equal(row?.lastFailure?.code, "crash-loop");
    assert.match(row?.events.at(-1)?.message ?? "", /in each of the last 3 crashes/);
    assert.match(rig.warnings.join("\n"), new RegExp(`${body.id} \\(greeter/greet\\).*is paused`));
    await rig.processor.close();
  });

  it("has all its chances again after a person resumed it", async () => {
    let rig = await PartitionRig.open();
    const body = rig.invoke();
    rig.propose([body]);
    await turns();
    for (let crash = 1; crash <= 3; crash++) rig = await reopen(rig, rules);
    assert.ok((await rig.processor.propose({ kind: "resume", id: body.id, deployment: undefined })).ok);
    rig = await reopen(rig, rules);
    assert.equal(rig.processor.tables.invocations.get(body.id)?.status, "running");
    await rig.processor.close();
  });

  it("is no suspect through restarts that were meant, however many", async () => {
    let rig = await PartitionRig.open();
    const body = rig.invoke();
    rig.propose([body]);
    await turns();
    for (let restart = 0; restart < 10; restart++) rig = await reopen(rig, undefined);
    assert.equal(rig.processor.tables.invocations.get(body.id)?.status, "running");
    await rig.processor.close();
  });
});
