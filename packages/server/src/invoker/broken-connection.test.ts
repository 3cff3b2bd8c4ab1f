/** A connection that dies at any byte: the invocation goes on over the next one, and no recorded step runs again. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { checkTables } from "@holdfast/engine";
import { completionIdOf, MessageType, type StartMessage } from "@holdfast/protocol";
import { serve, service, type ServedEndpoint } from "@holdfast/sdk";

import { systemClock } from "../clock.ts";
import { CuttingProxy, type Direction } from "./cutting-proxy.contract.ts";
import { dialOverHttp } from "./native-dial.ts";
import { NativeWire } from "./native-wire.ts";
import { anyAddress, eventually, SessionWorld } from "./session-harness.contract.ts";

/** Cuts per direction. */
const SAMPLES = 40;

const retryPolicy = {
  initialIntervalMs: 1,
  factor: 1,
  maxIntervalMs: 1,
  maxAttempts: 10,
  onMaxAttempts: "pause",
} as const;

let world: SessionWorld;
let proxy: CuttingProxy;
let served: ServedEndpoint;
const violations: string[] = [];

/** What the journal holds as recorded, when a step runs, must not be that step. */
function execute(idempotencyKey: string): void {
  const [id = "", completionId = ""] = idempotencyKey.split(":");
  const isRecorded = world
    .journal(id)
    .some(
      (message) =>
        message.type === MessageType.RunCompletion && completionIdOf(message) === Number(completionId),
    );
  if (isRecorded) violations.push(`step ${idempotencyKey} ran although its result was recorded`);
}

const inner = service("inner", { double: async (_ctx, n: number) => n * 2 });
const flow = service("flow", {
  go: async (ctx, n: number) => {
    let sum = 0;
    for (let i = 1; i <= 3; i++) {
      sum += await ctx.run(`step ${i}`, ({ idempotencyKey }) => {
        execute(idempotencyKey);
        return n * i;
      });
    }
    sum += await ctx.call(inner.double, n);
    await ctx.sleep("1ms");
    const [last] = await Promise.all([
      ctx.run("last", ({ idempotencyKey }) => {
        execute(idempotencyKey);
        return "x".repeat(200);
      }),
      ctx.date.now(),
    ]);
    return sum + last.length;
  },
});
const expected = (n: number): number => n * 6 + n * 2 + 200;

before(async () => {
  served = await serve({ services: [inner, flow], port: 0, drainTimeout: "1s" });
  proxy = await CuttingProxy.listen(served.port);
  const close = async (): Promise<void> => {
    await proxy.close();
    await served.close();
  };
  world = await SessionWorld.open(
    { endpoints: new Map(), url: proxy.url, close },
    { settings: { retryPolicy } },
  );
});

after(async () => {
  await world.close();
});

async function bytesOfOneRun(): Promise<Readonly<Record<Direction, number>>> {
  assert.equal(await world.client.call(flow.go, 1), expected(1));
  proxy.disarm();
  assert.equal(await world.client.call(flow.go, 1), expected(1));
  return { ...proxy.forwarded };
}

for (const direction of ["to-engine", "to-handler"] as const) {
  describe(`a connection cut on the way ${direction}`, () => {
    it(`at ${SAMPLES} places of a session costs nothing but a new attempt`, async () => {
      const total = (await bytesOfOneRun())[direction];
      assert.ok(total > 500, `${total} bytes`);
      let cutsSeen = 0;
      for (let sample = 0; sample < SAMPLES; sample++) {
        // Odd steps, so that headers and bodies are hit at different places.
        proxy.arm(direction, 1 + Math.floor(((sample + (sample % 3) / 3) * total) / SAMPLES));
        const before = proxy.cuts;
        const handle = await world.client.send(flow.go, sample);
        assert.equal(await handle.attach(), expected(sample));
        cutsSeen += proxy.cuts - before;
        proxy.disarm();
        assert.deepEqual(violations, []);
      }
      assert.ok(cutsSeen > SAMPLES * 0.8, `${cutsSeen} cuts`);
      assert.deepEqual(checkTables(world.engine.tables).problems, []);
      assert.deepEqual(world.failures, []);
    });
  });
}

describe("a deployment that cannot be reached", () => {
  it("because its headers or its address cannot be sent is no reason for the engine to end", async () => {
    const target = { url: proxy.url, headers: {} };
    for (const impossible of [
      { ...target, headers: { "x-secret": "line\nbreak" } },
      { ...target, url: "nowhere" },
    ]) {
      const wire = new NativeWire({
        clock: systemClock,
        messageBytesMax: 1_000,
        dial: dialOverHttp(anyAddress()),
        ...impossible,
      });
      const lost: string[] = [];
      const start = { type: MessageType.Start } as StartMessage;
      const onLost = (code: string, reason: string, reached: boolean): void => {
        lost.push(`${code} ${reached} ${reason}`);
      };
      wire.open(start, [], { onMessage: () => assert.fail(), onLost });
      assert.deepEqual(lost, [], "nobody is told within the call");
      await eventually(() => lost.length === 1, "the loss");
      assert.match(lost[0] ?? "", /^connection-lost false .* cannot be reached: .*(header|URL)/i);
      assert.equal(wire.isReachable, false);
      wire.close();
    }
  });

  it("is tried again without counting, is named in health, and goes on when it is back", async () => {
    proxy.retarget(1);
    proxy.arm("to-engine", 1);
    const handle = await world.client.send(flow.go, 4);
    await eventually(() => world.row(handle.invocationId).lostAttempts >= 1, "a lost attempt");
    await eventually(() => world.engine.health().deploymentsUnreachable.length === 1, "the word of it");
    assert.equal(world.row(handle.invocationId).retryCount <= 1, true);
    assert.match(world.row(handle.invocationId).lastFailure?.message ?? "", /127\.0\.0\.1/);
    proxy.retarget(served.port);
    assert.equal(await handle.attach(), expected(4));
    assert.deepEqual(world.engine.health().deploymentsUnreachable, []);
  });
});
