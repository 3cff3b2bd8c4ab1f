import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { createRandom } from "../random.ts";
import { Lifetime } from "./lifetime.ts";
import { Network } from "./network.ts";
import { Scheduler } from "./scheduler.ts";
import type { SimSocket } from "./sim-socket.ts";

const ADDRESS = "somewhere:80";

/** Two processes, the one connected to the other. */
async function connected(seed: string, options: { readonly cutChance?: number } = {}) {
  const random = createRandom(seed);
  const scheduler = new Scheduler(random.fork("scheduler"));
  const network = new Network(scheduler, random.fork("network"), {
    delayMinMs: 0.1,
    delayMaxMs: 5,
    cutChance: options.cutChance ?? 0,
  });
  const client = new Lifetime(scheduler);
  const server = new Lifetime(scheduler);
  const accepted = Promise.withResolvers<SimSocket>();
  const opened = Promise.withResolvers<SimSocket>();
  network.listen(ADDRESS, server, accepted.resolve);
  network.connect(ADDRESS, client, {
    opened: opened.resolve,
    failed: (reason) => opened.reject(new Error(reason)),
  });
  await scheduler.run(100, 1_000);
  return { scheduler, network, client, server, near: await opened.promise, far: await accepted.promise };
}

function received(socket: SimSocket): { text: string; events: string[] } {
  const seen = { text: "", events: [] as string[] };
  socket.on("data", (chunk: Buffer) => {
    seen.text += chunk.toString();
  });
  for (const event of ["end", "close", "error"] as const) socket.on(event, () => seen.events.push(event));
  return seen;
}

describe("a simulated connection", () => {
  it("delivers bytes in their order, cut anywhere", async () => {
    for (let seed = 0; seed < 30; seed++) {
      const { scheduler, near, far } = await connected(`seed ${seed}`, { cutChance: 0.8 });
      const seen = received(far);
      const sent = Array.from({ length: 20 }, (_, n) => `message ${n};`);
      for (const text of sent) near.write(text);
      await scheduler.run(1_000, 10_000);
      assert.equal(seen.text, sent.join(""));
    }
  });

  it("delivers what a killed process had written, and then tells that it is gone", async () => {
    const { scheduler, network, client, near, far } = await connected("seed");
    const seen = received(far);
    near.write("last words");
    client.end();
    network.processEnded(client, false);
    await scheduler.run(1_000, 10_000);
    assert.deepEqual(seen, { text: "last words", events: ["end", "close"] });
  });

  it("says nothing when a machine loses power", async () => {
    const { scheduler, network, client, far } = await connected("seed");
    const seen = received(far);
    client.end();
    network.processEnded(client, true);
    far.write("anybody there?");
    await scheduler.run(100_000, 10_000);
    assert.deepEqual(seen.events, []);
  });

  it("loses what is on its way when it is reset, and tells both ends", async () => {
    const { scheduler, network, near, far } = await connected("seed");
    const [nearSeen, farSeen] = [received(near), received(far)];
    near.write("lost");
    assert.equal(network.reset(ADDRESS), 1);
    await scheduler.run(1_000, 10_000);
    assert.deepEqual(nearSeen, { text: "", events: ["error", "close"] });
    assert.deepEqual(farSeen, { text: "", events: ["error", "close"] });
  });

  it("holds everything back while it is stalled, and delivers it afterwards", async () => {
    const { scheduler, network, near, far } = await connected("seed");
    const seen = received(far);
    network.stall(ADDRESS, 500, "to-listener");
    near.write("late");
    await scheduler.run(scheduler.now + 400, 10_000);
    assert.equal(seen.text, "");
    await scheduler.run(scheduler.now + 400, 10_000);
    assert.equal(seen.text, "late");
  });

  it("brings nothing across while the network is divided, no end of a connection and no new one either", async () => {
    const { scheduler, network, client, server, near, far } = await connected("seed");
    const [nearSeen, farSeen] = [received(near), received(far)];
    const reasons: string[] = [];
    network.cut(ADDRESS, 30_000);
    near.write("late");
    network.connect(ADDRESS, client, {
      opened: () => assert.fail(),
      failed: (reason) => reasons.push(reason),
    });
    await scheduler.run(scheduler.now + 25_000, 10_000);
    server.end();
    network.processEnded(server, false);
    await scheduler.run(scheduler.now + 4_000, 10_000);
    assert.deepEqual([reasons, farSeen.text, nearSeen.events, network.divided], [["ETIMEDOUT"], "", [], 2]);
    await scheduler.run(scheduler.now + 4_000, 10_000);
    assert.deepEqual(nearSeen.events, ["end", "close"]);
  });

  it("takes longer while the network is slow", async () => {
    const { scheduler, network, near, far } = await connected("seed");
    const seen = received(far);
    network.slowDown(1_000);
    near.write("slow");
    await scheduler.run(scheduler.now + 50, 10_000);
    assert.deepEqual([seen.text, network.slowed > 0], ["", true]);
    network.heal();
    near.write(", quick");
    await scheduler.run(scheduler.now + 10_000, 10_000);
    assert.equal(seen.text, "slow, quick");
  });

  it("asks a writer to hold back, and lets it go on when the bytes have arrived", async () => {
    const { scheduler, near } = await connected("seed");
    let drains = 0;
    near.on("drain", () => {
      drains += 1;
    });
    assert.equal(near.write(Buffer.alloc(200_000)), false);
    await scheduler.run(1_000, 10_000);
    assert.equal(drains, 1);
    assert.equal(near.write("more"), true);
  });

  it("is refused where nobody listens, and times out where a machine does not answer", async () => {
    const { scheduler, network, client, server } = await connected("seed");
    const reasons: string[] = [];
    const listener = { opened: () => assert.fail(), failed: (reason: string) => reasons.push(reason) };
    network.connect("nowhere:80", client, listener);
    await scheduler.run(scheduler.now + 1_000, 10_000);
    server.freeze();
    network.connect(ADDRESS, client, listener);
    await scheduler.run(scheduler.now + 60_000, 10_000);
    assert.deepEqual(reasons, ["ECONNREFUSED", "ETIMEDOUT"]);
  });
});
