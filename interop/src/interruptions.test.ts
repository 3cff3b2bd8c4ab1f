/** Engines, connections and attempts that end in the middle of a handler of Restate's SDK. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import * as restate from "@restatedev/restate-sdk";

import { serveOverHttp1, serveOverHttp2 } from "./restate-endpoint.ts";
import { count, ran, services } from "./scenarios.contract.ts";
import { eventually, fresh, keyedRef, pause, ref, World } from "./world.contract.ts";

/** Opens for whoever comes, once it was opened. */
class Gate {
  arrivals = 0;
  readonly #opened = Promise.withResolvers<void>();

  pass(): Promise<void> {
    this.arrivals += 1;
    return this.#opened.promise;
  }

  open(): void {
    this.#opened.resolve();
  }
}

const THREE = ["one", "two", "three"];

/** Three steps, the second of which waits at the gate the first time it runs. */
function gated(gate: Gate, name: string) {
  return restate.service({
    name: "gated",
    handlers: {
      go: async (ctx: restate.Context) => {
        const results: string[] = [];
        for (const step of THREE) {
          results.push(
            await ctx.run(step, async () => {
              if (count(`${name}/${step}`) === 1 && step === "two") await gate.pass();
              return step;
            }),
          );
        }
        return results;
      },
    },
  });
}

const executions = (name: string): unknown[] => THREE.map((step) => ran.get(`${name}/${step}`));

describe("a handler of Restate's SDK goes on with the results it had", () => {
  const modes = [
    ["HTTP/2", serveOverHttp2],
    ["HTTP/1.1", serveOverHttp1],
  ] as const;
  for (const [mode, serve] of modes) {
    it(`after a crash of the engine, over ${mode}`, async () => {
      const gate = new Gate();
      const name = fresh("crash");
      const world = await World.open([await serve({ services: [gated(gate, name)] })]);
      const { invocationId } = await world.client.send(ref("gated/go"));
      await eventually(() => gate.arrivals === 1, "the second step");
      await eventually(() => world.countOf(invocationId, "Run") >= 1, "the first step's record");
      await world.crash();
      assert.deepEqual(await world.client.handle(invocationId).attach(), THREE);
      assert.deepEqual(executions(name), [1, 2, 1]);
      gate.open();
      await pause(10);
      assert.deepEqual(executions(name), [1, 2, 1], "the attempt of the crashed engine does not go on");
    });

    it(`after its connection was cut, over ${mode}`, async () => {
      const gate = new Gate();
      const name = fresh("cut");
      const endpoint = await serve({ services: [gated(gate, name)] });
      const world = await World.open([endpoint]);
      const { invocationId } = await world.client.send(ref("gated/go"));
      await eventually(() => gate.arrivals === 1, "the second step");
      endpoint.cut();
      assert.deepEqual(await world.client.handle(invocationId).attach(), THREE);
      assert.deepEqual(executions(name), [1, 2, 1]);
      assert.match(world.failures(invocationId).join(), /^connection-lost: The session was cut off: /);
      gate.open();
    });
  }

  it("again and again, wherever the engine crashed", async () => {
    const world = await World.open([await serveOverHttp2({ services })]);
    const key = fresh("crashes");
    const handles: string[] = [];
    for (let crash = 0; crash < 6; crash++) {
      for (let n = 0; n < 4; n++) {
        handles.push((await world.client.send(keyedRef("counter/add"), key, 1)).invocationId);
        handles.push((await world.client.send(ref("callers/callObject"), `${key}/${n}`)).invocationId);
      }
      await pause(crash);
      await world.crash();
    }
    for (const id of handles) await world.client.handle(id).attach();
    assert.equal(await world.client.call(keyedRef("counter/read", "shared"), key), 24);
    for (let n = 0; n < 4; n++) {
      assert.equal(await world.client.call(keyedRef("counter/read", "shared"), `${key}/${n}`), 30);
    }
    assert.deepEqual(world.troubles, []);
  });
});

describe("a handler of Restate's SDK that waits for long", () => {
  it("leaves memory after the inactivity timeout, and comes back for what it waits for", async () => {
    const world = await World.open([await serveOverHttp2({ services })], {
      settings: { inactivityTimeoutMs: 40 },
    });
    const { invocationId: id } = await world.client.send(ref("waiting/forSignals"), ["a", "b"]);
    await eventually(() => world.status(id) === "suspended", "the suspension");
    await world.client.call(ref("waiting/signal"), { id, name: "a", value: "1" });
    await eventually(() => world.status(id) === "running", "the second attempt");
    await eventually(() => world.status(id) === "suspended", "the second suspension");
    // What it has seen does not wake it again.
    await pause(120);
    assert.equal(world.row(id).attempt, 2);
    await world.client.call(ref("waiting/signal"), { id, name: "b", value: "2" });
    assert.deepEqual(await world.client.handle(id).attach(), ["1", "2"]);
    assert.deepEqual(world.failures(id), []);
  });

  it("finishes the step that is under way before it is suspended", async () => {
    const gate = new Gate();
    const name = fresh("busy");
    const world = await World.open([await serveOverHttp2({ services: [gated(gate, name)] })], {
      settings: { inactivityTimeoutMs: 0 },
    });
    const { invocationId: id } = await world.client.send(ref("gated/go"));
    await eventually(() => gate.arrivals === 1, "the second step");
    await pause(60);
    assert.equal(world.status(id), "running");
    gate.open();
    assert.deepEqual(await world.client.handle(id).attach(), THREE);
    assert.deepEqual(executions(name), [1, 1, 1]);
  });

  it("and makes no progress is cut off after the abort timeout, and tried again", async () => {
    const gate = new Gate();
    const name = fresh("stuck");
    const world = await World.open([await serveOverHttp2({ services: [gated(gate, name)] })], {
      settings: { inactivityTimeoutMs: 20, abortTimeoutMs: 40 },
    });
    const { invocationId: id } = await world.client.send(ref("gated/go"));
    assert.deepEqual(await world.client.handle(id).attach(), THREE);
    assert.match(world.failures(id).join(), /^abort-timeout: /);
    assert.equal(ran.get(`${name}/two`), 2);
    gate.open();
  });

  it("is woken by a cancel", async () => {
    const world = await World.open([await serveOverHttp2({ services })], {
      settings: { inactivityTimeoutMs: 20 },
    });
    const name = fresh("cancelled");
    const top = await world.client.send(keyedRef("chain/link"), name, { depth: 1, name });
    await eventually(() => world.status(top.invocationId) === "suspended", "the suspension");
    await top.cancel();
    await assert.rejects(top.attach(), { status: 409 });
    await eventually(() => ran.get(`${name}/cleaned`) === 1, "the clean-up of the callee");
  });
});

describe("many handlers of Restate's SDK at a time", () => {
  it("share connections and do not wait for each other", async () => {
    const world = await World.open([await serveOverHttp2({ services })]);
    const fans = Array.from({ length: 20 }, () => world.client.call(ref("callers/fan"), 30));
    assert.deepEqual(
      await Promise.all(fans),
      fans.map(() => 30),
    );
    assert.deepEqual(world.troubles, []);
  });
});
