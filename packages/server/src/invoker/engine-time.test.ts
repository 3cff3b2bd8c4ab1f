import assert from "node:assert/strict";
import { it } from "node:test";

import { encodeMessage, MessageType } from "@holdfast/protocol";
import { handler, service, type Context } from "@holdfast/sdk";

import { createTestEngine } from "../testing.ts";
import { inEngineTime } from "./engine-time.ts";

const HOUR = 3_600_000;

it("a sleep takes as long as it was asked to, begun before or after the clock was set back", async () => {
  const naps = service("naps", {
    // Suspended while they sleep, so that what wakes them is a replay.
    nap: handler({ inactivityTimeout: "1ms" }, async (ctx: Context) => {
      await ctx.sleep("10s");
      await ctx.sleep("10s");
      return "rested";
    }),
    flaky: handler({ retry: { initial: "10s" } }, async (ctx: Context) => {
      if (ctx.attempt === 1) throw new Error("once");
      return "recovered";
    }),
  });
  await using engine = await createTestEngine({ services: [naps] });
  const { clock } = engine;
  const pass = async (ms: number): Promise<void> => {
    const until = clock.elapsed() + ms;
    await engine.settle();
    while (clock.step(until)) await engine.settle();
    await engine.settle();
  };
  const ended = new Set<string>();
  const note = (name: string, handle: { attach(): Promise<unknown> }): void => {
    void handle.attach().then(() => ended.add(name));
  };
  note("before", await engine.send(naps.nap));
  note("retry before", await engine.send(naps.flaky));
  await pass(1_000);
  clock.now = () => clock.elapsed() - HOUR;
  note("after", await engine.send(naps.nap));
  note("retry after", await engine.send(naps.flaky));
  note("delayed", await engine.send(naps.flaky, undefined, { delay: "25s" }));
  await pass(8_900);
  assert.deepEqual([...ended], []);
  await pass(5_000);
  assert.deepEqual([...ended].sort(), ["retry after", "retry before"]);
  await pass(4_900);
  assert.equal(ended.has("before") || ended.has("after"), false);
  await pass(1_300);
  assert.deepEqual([ended.has("before"), ended.has("after")], [true, true]);
  assert.equal(ended.has("delayed"), false);
  await pass(20_000);
  assert.equal(ended.size, 5);
});

it("what a handler sends or moves begins after the delay it named, also once the clock was set back", async () => {
  const started = new Set<string>();
  const mail = service("mail", {
    note: async (_ctx: Context, name: string) => {
      started.add(name);
    },
    plan: async (ctx: Context) => {
      await ctx.send(mail.note, "at once");
      await ctx.send(mail.note, "sent", { delay: "10s" });
      const moved = await ctx.send(mail.note, "moved", { delay: "1h" });
      await moved.reschedule("20s");
    },
  });
  await using engine = await createTestEngine({ services: [mail] });
  const { clock } = engine;
  const pass = async (ms: number): Promise<void> => {
    const until = clock.elapsed() + ms;
    await engine.settle();
    while (clock.step(until)) await engine.settle();
    await engine.settle();
  };
  await pass(1_000);
  clock.now = () => clock.elapsed() - HOUR;
  await engine.send(mail.plan);
  await pass(9_900);
  assert.deepEqual([...started], ["at once"]);
  await pass(200);
  assert.deepEqual([...started], ["at once", "sent"]);
  await pass(9_700);
  assert.deepEqual([...started], ["at once", "sent"]);
  await pass(400);
  assert.deepEqual([...started], ["at once", "sent", "moved"]);
});

it("a time at the end of all time stays there", () => {
  const message = {
    type: MessageType.Sleep,
    wakeUpAt: Number.MAX_SAFE_INTEGER - 1,
    completionId: 1,
    name: "",
  } as const;
  const moved = inEngineTime({ message, body: encodeMessage(message) }, () => HOUR);
  assert.deepEqual(moved.message, { ...message, wakeUpAt: Number.MAX_SAFE_INTEGER });
});
