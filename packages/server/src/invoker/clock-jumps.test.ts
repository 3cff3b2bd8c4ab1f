import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { it } from "node:test";

import { handler, service, type Context } from "@holdfast/sdk";

import type { ByteSocket } from "../byte-socket.ts";
import { createTestEngine } from "../testing.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { NativeConnection } from "./native-connection.ts";

const HOUR = 3_600_000;

it("a handler's process does not count as silent because the wall clock was set forward", () => {
  const clock = new VirtualClock(0);
  let closed = 0;
  const socket = Object.assign(new EventEmitter(), {
    setNoDelay: () => {},
    write: () => true,
    destroySoon: () => {},
  });
  const connection = new NativeConnection({
    clock,
    socket: socket as unknown as ByteSocket,
    messageBytesMax: 100_000,
    onGoAway: () => {},
    onClosed: () => {
      closed += 1;
    },
  });
  const pass = (ms: number): void => {
    const until = clock.elapsed() + ms;
    while (clock.step(until));
  };
  clock.now = () => clock.elapsed() + HOUR;
  pass(25_000);
  assert.equal(closed, 0);
  clock.now = () => clock.elapsed() - HOUR;
  pass(25_000);
  assert.equal(closed, 1, "it has been silent for longer than it may, whatever the wall clock says");
  connection.close("over");
});

it("an attempt is not cut off because the wall clock was set forward, and is when its time is over", async () => {
  const attempts: number[] = [];
  const stuck = service("stuck", {
    run: handler({ inactivityTimeout: "1m", abortTimeout: "1m" }, async (ctx: Context) => {
      attempts.push(ctx.attempt);
      await ctx.run("never", () => new Promise<void>(() => {}));
    }),
  });
  await using engine = await createTestEngine({ services: [stuck] });
  const { clock } = engine;
  const pass = async (ms: number): Promise<void> => {
    const until = clock.elapsed() + ms;
    await engine.settle();
    while (clock.step(until)) await engine.settle();
    await engine.settle();
  };
  await engine.send(stuck.run);
  await pass(1_000);
  clock.now = () => clock.elapsed() + HOUR;
  await pass(30_000);
  clock.now = () => clock.elapsed() + 2 * HOUR;
  await pass(30_000);
  assert.deepEqual(attempts, [1]);
  await pass(150_000);
  assert.equal(attempts[1], 2);
});
