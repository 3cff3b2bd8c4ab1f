import assert from "node:assert/strict";
import { test } from "node:test";

import { systemClock } from "./clock.ts";
import { Engine } from "./engine.ts";
import type { AppendOutcome, LogBatch, PartitionLog } from "./log/log.ts";
import { MemoryLog } from "./log/memory-log.ts";
import { MemoryStore } from "./store/memory-store.ts";

/** A log whose appends are held back until they are let go. */
function heldLog(log: PartitionLog): { log: PartitionLog; hold: () => void; letGo: () => void } {
  let gate = Promise.resolve();
  let open = (): void => {};
  const held: PartitionLog = {
    epoch: log.epoch,
    tail: () => log.tail(),
    head: () => log.head(),
    append: async (batch: LogBatch, expectedTail: number): Promise<AppendOutcome> => {
      await gate;
      return log.append(batch, expectedTail);
    },
    read: (from) => log.read(from),
    trim: (upTo) => log.trim(upTo),
    close: () => log.close(),
  };
  return {
    log: held,
    hold: () => {
      gate = new Promise((resolve) => {
        open = resolve;
      });
    },
    letGo: () => open(),
  };
}

test("an effect that cannot be performed ends the engine, and is told to whoever embeds it", async () => {
  const failed = Promise.withResolvers<Error>();
  const engine = await Engine.open({
    clock: systemClock,
    log: await MemoryLog.open(),
    store: await MemoryStore.open(),
    onFailed: failed.resolve,
    onWarning: assert.fail,
  });
  engine.submit({ kind: "expire", ids: [], budget: false }, () => {
    throw new Error("cannot tell");
  });
  assert.equal((await failed.promise).message, "cannot tell");
  assert.equal(engine.health().status, "failed");
  engine.abandon();
});

test("health tells what is applied from what is durable, so that nobody is told of what a crash could undo", async () => {
  const { log, hold, letGo } = heldLog(await MemoryLog.open());
  const engine = await Engine.open({
    clock: systemClock,
    log,
    store: await MemoryStore.open(),
    onFailed: assert.fail,
    onWarning: assert.fail,
  });
  assert.equal(engine.health().appliedPosition, engine.health().durablePosition);
  hold();
  const proposed = engine.propose({ kind: "expire", ids: [], budget: false });
  const { appliedPosition, durablePosition } = engine.health();
  assert.equal(appliedPosition, durablePosition + 1);
  letGo();
  await proposed;
  assert.equal(engine.health().durablePosition, appliedPosition);
  await engine.close();
});
