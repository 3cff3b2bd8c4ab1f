import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { timerDue } from "@holdfast/engine";
import fc from "fast-check";

import { VirtualClock } from "../virtual-clock.ts";
import { PartitionRig, START_TIME, turns } from "./partition-rig.contract.ts";
import { TimerService } from "./timer-service.ts";

const START = 1_000_000;
const HOUR = 3_600_000;

function keyOf(due: number, seq: number): string {
  return `${String(due).padStart(16, "0")}-${String(seq).padStart(15, "0")}`;
}

/** The table of timers, a window on it, and everything that fired. */
class World {
  readonly clock = new VirtualClock(START);
  readonly rows = new Map<string, true>();
  readonly fired: Array<{ readonly key: string; readonly at: number }> = [];
  readonly service: TimerService;
  #seq = 0;

  constructor(window: number) {
    this.service = new TimerService({
      clock: this.clock,
      timers: {
        scan: (from, to, limit) =>
          [...this.rows]
            .filter(([key]) => key >= from && key < to)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .slice(0, limit),
      },
      fire: (keys) => {
        for (const key of keys) {
          if (this.rows.delete(key)) this.fired.push({ key, at: this.clock.now() });
        }
      },
      window,
    });
  }

  /** A row as the fold adds it. The service is told once that is durable. */
  add(due: number): string {
    const key = keyOf(due, this.#seq++);
    this.rows.set(key, true);
    return key;
  }

  remove(key: string): void {
    this.rows.delete(key);
  }

  run(until: number): void {
    while (this.clock.step(until));
  }
}

describe("the timer service", () => {
  it("fires in due order, none early, with a window far smaller than the table", () => {
    const world = new World(4);
    const dues = Array.from({ length: 500 }, (_, i) => START + ((i * 7_919) % 1_000));
    for (const due of dues) world.add(due);
    world.service.start();
    assert.ok(world.service.liveCount <= 4);
    world.run(START + 1_000);
    assert.deepEqual(
      world.fired.map(({ key }) => timerDue(key)),
      dues.toSorted((a, b) => a - b),
    );
    for (const { key, at } of world.fired) assert.equal(at, timerDue(key));
  });

  it("fires each timer once and in order, whatever is set and cleared in whatever order", () => {
    const operation = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ kind: fc.constant("set" as const), wait: fc.nat(100), late: fc.boolean() }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("clear" as const), pick: fc.nat() }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.nat(50) }) },
    );
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 120 }),
        fc.integer({ min: 1, max: 5 }),
        (operations, window) => {
          const world = new World(window);
          const expected = new Set<string>();
          const untold: string[] = [];
          world.service.start();
          for (const step of operations) {
            if (step.kind === "set") {
              const key = world.add(world.clock.now() + step.wait);
              expected.add(key);
              // The effect follows when the record is durable, which may be later than the next load of the window.
              if (step.late) untold.push(key);
              else world.service.set(key);
            } else if (step.kind === "clear") {
              const key = [...world.rows.keys()].at(step.pick % Math.max(1, world.rows.size));
              if (key === undefined || untold.includes(key)) continue;
              world.remove(key);
              expected.delete(key);
              world.service.clear(key);
            } else {
              for (const key of untold.splice(0)) world.service.set(key);
              world.run(world.clock.now() + step.ms);
            }
          }
          for (const key of untold) world.service.set(key);
          world.run(START + 1_000_000);
          assert.deepEqual(new Set(world.fired.map(({ key }) => key)), expected);
          assert.equal(world.fired.length, expected.size);
          for (const { key, at } of world.fired) assert.ok(at >= timerDue(key), "early");
          assert.equal(world.rows.size, 0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("gives memory back when many more are set than fit", () => {
    const world = new World(10);
    world.service.start();
    for (let i = 0; i < 1_000; i++) {
      world.service.set(world.add(START + 1 + ((i * 7_919) % 5_000)));
      assert.ok(world.service.liveCount <= 20);
    }
    world.run(START + 5_001);
    assert.equal(world.fired.length, 1_000);
  });

  it("goes on when all timers of the window were cleared", () => {
    const world = new World(3);
    const near = [1, 2, 3].map((wait) => world.add(START + wait));
    world.add(START + 100);
    world.service.start();
    for (const key of near) {
      world.remove(key);
      world.service.clear(key);
    }
    world.run(START + 200);
    assert.deepEqual(
      world.fired.map(({ at }) => at),
      [START + 100],
    );
  });

  it("neither fires early nor stops when the clock goes back", () => {
    const world = new World(10);
    world.add(START + 1_000);
    world.service.start();
    const { now } = world.clock;
    world.clock.now = () => now.call(world.clock) - 500;
    world.run(START + 1_400);
    assert.deepEqual(world.fired, [], "the clock shows 900");
    world.run(START + 1_500);
    assert.deepEqual(
      world.fired.map(({ key }) => timerDue(key)),
      [START + 1_000],
    );
  });

  it("reads on behind the window: what has fired is not looked at again", () => {
    const world = new World(10);
    const keys = Array.from({ length: 35 }, (_, i) => world.add(START + i));
    const reads: string[] = [];
    const service = new TimerService({
      clock: world.clock,
      timers: {
        scan: (from, to, limit) => {
          reads.push(from);
          return [...world.rows].filter(([key]) => key >= from && key < to).slice(0, limit);
        },
      },
      // Their rows stay, as they do in the store until the next checkpoint.
      fire: (due) => world.fired.push(...due.map((key) => ({ key, at: world.clock.now() }))),
      window: 10,
    });
    service.start();
    world.run(START + 100);
    assert.deepEqual(
      world.fired.map(({ key }) => key),
      keys,
    );
    assert.deepEqual(reads, ["", `${keys[9]}~`, `${keys[19]}~`, `${keys[29]}~`]);
  });

  it("fires a backlog in portions", () => {
    const world = new World(5_000);
    for (let i = 0; i < 250; i++) world.add(START - 10_000 + i);
    const portions: number[] = [];
    const service = new TimerService({
      clock: world.clock,
      timers: { scan: () => [...world.rows].sort(([a], [b]) => (a < b ? -1 : 1)) },
      fire: (keys) => {
        portions.push(keys.length);
        for (const key of keys) world.rows.delete(key);
      },
    });
    service.start();
    world.run(START);
    assert.deepEqual(portions, [100, 100, 50]);
  });
});

describe("timers of a partition", () => {
  it("start thousands of delayed invocations once each, in due order, none early, across a restart", async () => {
    let rig = await PartitionRig.open({ timerWindow: 50 });
    const waits = new Map<string, number>();
    for (let i = 0; i < 2_000; i++) {
      const wait = 1_000 + ((i * 7_919) % 60_000);
      const body = rig.invoke({ startAt: START_TIME + wait });
      waits.set(body.id, START_TIME + wait);
      rig.propose([body]);
      if (i % 100 === 0) await turns(1);
    }
    await turns();
    const started: Array<{ readonly id: string; readonly at: number }> = [];
    const take = (): void => {
      for (const effect of rig.performed.splice(0)) {
        if (effect.kind === "start-attempt" && effect.attempt === 1)
          started.push({ id: effect.id, at: rig.clock.now() });
      }
    };
    while (rig.clock.now() < START_TIME + 30_000) {
      await rig.advance(500);
      take();
    }
    rig.processor.abandon();
    rig = await PartitionRig.open({
      timerWindow: 50,
      clock: rig.clock,
      logMemory: rig.log.memory,
      storeMemory: rig.storeMemory,
    });
    while (rig.clock.now() < START_TIME + 70_000) {
      await rig.advance(500);
      take();
    }
    assert.equal(started.length, 2_000);
    assert.equal(new Set(started.map(({ id }) => id)).size, 2_000);
    for (const { id, at } of started) assert.ok(at >= (waits.get(id) ?? Number.NaN), "early");
    await rig.processor.close();
  });

  it("fire after the time that was asked for when the clock is set back by an hour, and none of them early", async () => {
    const rig = await PartitionRig.open();
    const before = rig.invoke({ startAt: START_TIME + 10_000 });
    rig.propose([before]);
    await turns();
    setClockBack(rig, HOUR);
    const after = rig.invoke({ startAt: rig.processor.clock.now() + 15_000 });
    rig.propose([after]);
    const statuses = (): unknown[] =>
      [before, after].map(({ id }) => rig.processor.tables.invocations.get(id)?.status);
    await pass(rig, 9_999);
    assert.deepEqual(statuses(), ["scheduled", "scheduled"]);
    await pass(rig, 1);
    assert.deepEqual(statuses(), ["running", "scheduled"]);
    await pass(rig, 4_999);
    assert.deepEqual(statuses(), ["running", "scheduled"]);
    await pass(rig, 1);
    assert.deepEqual(statuses(), ["running", "running"]);
    assert.deepEqual(rig.failures, []);
    await rig.processor.close();
  });

  it("fire after their time as well when the clock is set back between two lives", async () => {
    const crashed = await PartitionRig.open();
    const body = crashed.invoke({ startAt: START_TIME + 10_000 });
    crashed.propose([body]);
    await turns();
    crashed.processor.abandon();
    const clock = new VirtualClock(START_TIME - HOUR);
    const { memory: logMemory } = crashed.log;
    const rig = await PartitionRig.open({ clock, logMemory, storeMemory: crashed.storeMemory });
    const status = (): unknown => rig.processor.tables.invocations.get(body.id)?.status;
    await rig.advance(9_999);
    assert.equal(status(), "scheduled");
    await rig.advance(1);
    assert.equal(status(), "running");
    await rig.processor.close();
  });
});

async function pass(rig: PartitionRig, ms: number): Promise<void> {
  const until = rig.clock.elapsed() + ms;
  await turns();
  while (rig.clock.step(until)) await turns();
  await turns();
}

/** The machine's clock shows an earlier time from here on; time itself passes as before. */
function setClockBack(rig: PartitionRig, ms: number): void {
  const { clock } = rig;
  clock.now = () => clock.elapsed() - ms;
}
