import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createRandom } from "../random.ts";
import { Chaos } from "./chaos.ts";
import type { FaultBody } from "./plan.ts";
import { drawTuning } from "./tuning.ts";
import { World } from "./world.ts";

const DIRECTORY = "/data/other";

/** A world in which nothing runs but the faults. */
function quietWorld() {
  const random = createRandom("chaos");
  const world = new World({
    random,
    tuning: drawTuning(random.fork("tuning")),
    services: () => [],
    observe: () => {},
    onVerb: () => {},
  });
  world.disk.makeDirectory(DIRECTORY);
  const chaos = new Chaos(world, random.fork("faults"));
  let faults = 0;
  const strike = (body: FaultBody): void => chaos.strike({ id: faults++, at: 0, ...body });
  return { world, chaos, strike };
}

function fill({ disk }: World): void {
  const file = disk.open(`${DIRECTORY}/${disk.operations}`, "create");
  file.pwrite(new Uint8Array(10_000), 0);
  file.pwrite(new Uint8Array(10_000), 10_000);
}

describe("the faults of a plan", () => {
  it("have not struck while they are only prepared", () => {
    const { world, chaos, strike } = quietWorld();
    strike({ kind: "sync-fails", after: 2, leaves: "what was there", downMs: 1 });
    strike({ kind: "disk-full", ms: 100 });
    strike({ kind: "commits-fail", ms: 100 });
    const file = world.disk.open(`${DIRECTORY}/synced`, "create");
    file.datasync();
    assert.deepEqual([...chaos.struck], []);
    assert.throws(() => file.datasync(), { code: "EIO" });
    assert.deepEqual([...chaos.struck], [["sync-fails", 1]]);
  });

  it("strike once while they are on, however often that is felt", () => {
    const { world, chaos, strike } = quietWorld();
    strike({ kind: "disk-full", ms: 100 });
    for (let round = 0; round < 3; round++) assert.throws(() => fill(world), { code: "ENOSPC" });
    assert.deepEqual([...chaos.struck], [["disk-full", 1]]);
    chaos.heal();
    assert.deepEqual([...chaos.struck], [["disk-full", 1]]);
  });

  it("stay on when an earlier one of their kind is over", async () => {
    const { world, chaos, strike } = quietWorld();
    strike({ kind: "disk-full", ms: 100 });
    await world.scheduler.run(50, 1_000);
    strike({ kind: "disk-full", ms: 1_000 });
    await world.scheduler.run(500, 1_000);
    assert.throws(() => fill(world), { code: "ENOSPC" });
    await world.scheduler.run(2_000, 1_000);
    fill(world);
    assert.deepEqual([...chaos.struck], [["disk-full", 1]]);
  });
});
