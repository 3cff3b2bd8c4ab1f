import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createRandom } from "../random.ts";
import { Lane, Lifetime } from "./lifetime.ts";
import { Scheduler } from "./scheduler.ts";

const FOREVER = Number.MAX_SAFE_INTEGER;

function newScheduler(seed = "seed"): Scheduler {
  return new Scheduler(createRandom(seed));
}

describe("a scheduler", () => {
  it("runs events in the order of their times", async () => {
    const scheduler = newScheduler();
    const times: number[] = [];
    for (const ms of [5, 1, 300, 2, 40]) scheduler.after(ms, () => times.push(scheduler.now));
    assert.equal(await scheduler.run(FOREVER, 100), "idle");
    assert.deepEqual(times, [1, 2, 5, 40, 300]);
  });

  it("orders events of the same time by the seed", async () => {
    const orders = new Set<string>();
    for (let seed = 0; seed < 20; seed++) {
      const order: number[] = [];
      for (let again = 0; again < 2; again++) {
        const scheduler = newScheduler(`seed ${seed}`);
        for (let n = 0; n < 5; n++) scheduler.after(1, () => order.push(n));
        await scheduler.run(FOREVER, 100);
      }
      assert.deepEqual(order.slice(0, 5), order.slice(5), "the same seed gives the same order");
      orders.add(order.join());
    }
    assert.ok(orders.size > 10, `${orders.size} different orders`);
  });

  it("begins no event before the promises that the last one settled have run", async () => {
    const scheduler = newScheduler();
    const seen: string[] = [];
    scheduler.after(1, () => {
      void (async () => {
        for (let hop = 0; hop < 20; hop++) await Promise.resolve();
        seen.push("promises");
      })();
    });
    scheduler.after(2, () => seen.push("event"));
    await scheduler.run(FOREVER, 100);
    assert.deepEqual(seen, ["promises", "event"]);
  });

  it("does not run what was called off, and stops where it is told to", async () => {
    const scheduler = newScheduler();
    const seen: number[] = [];
    scheduler.after(1, () => seen.push(1));
    scheduler.after(2, () => seen.push(2))();
    scheduler.after(9, () => seen.push(9));
    assert.equal(await scheduler.run(5, 100), "time");
    assert.equal(scheduler.now, 5);
    assert.deepEqual(seen, [1]);
  });
});

describe("the life of a process", () => {
  it("ends with everything that it had asked for", async () => {
    const scheduler = newScheduler();
    const lifetime = new Lifetime(scheduler);
    const seen: string[] = [];
    lifetime.after(1, () => seen.push("before"));
    lifetime.after(3, () => seen.push("after"));
    scheduler.after(2, () => lifetime.end());
    await scheduler.run(FOREVER, 100);
    assert.deepEqual(seen, ["before"]);
  });

  it("goes on after a freeze with all that came due meanwhile", async () => {
    const scheduler = newScheduler();
    const lifetime = new Lifetime(scheduler);
    const seen: number[] = [];
    lifetime.freeze();
    lifetime.after(1, () => seen.push(scheduler.now));
    lifetime.after(2, () => seen.push(scheduler.now));
    scheduler.after(50, () => lifetime.thaw());
    await scheduler.run(FOREVER, 100);
    assert.deepEqual(seen, [50, 50]);
  });

  it("keeps the order of a lane, however long each thing takes", async () => {
    const scheduler = newScheduler();
    const delays = createRandom("delays");
    const lane = new Lane(new Lifetime(scheduler), () => delays.below(100));
    const seen: number[] = [];
    for (let n = 0; n < 30; n++) lane.run(() => seen.push(n));
    await scheduler.run(FOREVER, 100);
    assert.deepEqual(
      seen,
      Array.from({ length: 30 }, (_, n) => n),
    );
  });
});
