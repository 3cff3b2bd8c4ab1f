/** What engine and handlers owe each other in a session, over whatever wire. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { MessageType } from "@holdfast/protocol";
import { CancelledError, handler, object, service, type Context } from "@holdfast/sdk";

import { Gate } from "../embedded/semantics-rig.contract.ts";
import {
  AttemptsInMemory,
  eventually,
  pause,
  SessionWorld,
  type ReachHandlers,
  type WorldOptions,
} from "./session-harness.contract.ts";

type Servables = Parameters<ReachHandlers>[0];
type Open = (services: Servables, options?: WorldOptions) => Promise<SessionWorld>;

/** Each test gets an engine and handlers of its own. */
export function sessionContract(name: string, reach: ReachHandlers): void {
  const worlds: SessionWorld[] = [];
  const open: Open = async (services, options) => {
    const world = await SessionWorld.open(await reach(services), options);
    worlds.push(world);
    return world;
  };
  const check = (title: string, body: (open: Open) => Promise<void>): void => {
    it(title, async () => {
      try {
        await body(open);
      } finally {
        for (const world of worlds.splice(0)) await world.close();
      }
    });
  };
  describe(`sessions ${name}:`, () => {
    checkReplay(check);
    checkAcknowledgement(check);
    checkSuspension(check);
    checkCancellation(check);
    checkPressure(check);
    checkLimits(check);
  });
}

type CheckSession = (title: string, body: (open: Open) => Promise<void>) => void;

function checkReplay(check: CheckSession): void {
  check("a handler goes on after a crash of the engine with the results it already had", async (open) => {
    const ran: string[] = [];
    const gate = new Gate();
    const flow = service("flow", {
      go: async (ctx) => {
        const results: string[] = [];
        for (const name of ["one", "two", "three"]) {
          results.push(
            await ctx.run(name, async () => {
              ran.push(name);
              if (name === "two" && gate.arrivals === 0) await gate.pass();
              return `result of ${name}`;
            }),
          );
        }
        return results;
      },
    });
    const world = await open([flow]);
    const { invocationId } = await world.client.send(flow.go);
    await eventually(
      () => gate.arrivals === 1 && world.row(invocationId).journalLength === 4,
      "the second step",
    );
    await world.crash();
    const outcome = await world.client.handle<string[]>(invocationId).attach();
    assert.deepEqual(outcome, ["result of one", "result of two", "result of three"]);
    assert.deepEqual(ran, ["one", "two", "two", "three"]);
    assert.equal(world.row(invocationId).attempt, 2);
    gate.open();
    await pause(10);
    assert.deepEqual(ran, ["one", "two", "two", "three"], "the attempt of the crashed engine does not go on");
  });

  check("an invocation is found again after a crash wherever it was", async (open) => {
    const box = object("box", {
      put: async (ctx, n: number) => {
        ctx.state.set("n", ((await ctx.state.get<number>("n")) ?? 0) + n);
        await ctx.sleep("20ms");
        return ctx.state.get<number>("n");
      },
    });
    const flow = service("flow", { go: async (ctx) => ctx.call(box.put, "k", 1) });
    const world = await open([box, flow]);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      for (let n = 0; n < 3; n++) ids.push((await world.client.send(flow.go)).invocationId);
      await pause(i);
      await world.crash();
    }
    const outcomes = await Promise.all(ids.map((id) => world.client.handle<number>(id).attach()));
    assert.deepEqual(
      outcomes.toSorted((a, b) => a - b),
      ids.map((_, i) => i + 1),
    );
  });
}

function checkAcknowledgement(check: CheckSession): void {
  check("a step's result comes back to its handler only once it is durable", async (open) => {
    const gate = new Gate();
    const passed: string[] = [];
    const flow = service("flow", {
      go: async (ctx) => {
        const result = await ctx.run("charge", async () => {
          await gate.pass();
          return "charged";
        });
        passed.push(result);
        return result;
      },
    });
    const world = await open([flow]);
    const handle = await world.client.send(flow.go);
    await eventually(() => gate.arrivals === 1, "the step");
    world.log.isHeld = true;
    gate.open();
    await pause(60);
    assert.deepEqual(passed, []);
    world.log.isHeld = false;
    world.log.release();
    assert.equal(await handle.attach(), "charged");
    assert.deepEqual(passed, ["charged"]);
  });

  check("a result that was not durable when the engine crashed is made again", async (open) => {
    let runs = 0;
    const gate = new Gate();
    const flow = service("flow", {
      go: async (ctx) =>
        ctx.run("charge", async () => {
          runs += 1;
          if (runs === 1) await gate.pass();
          return runs;
        }),
    });
    const world = await open([flow]);
    const { invocationId } = await world.client.send(flow.go);
    await eventually(() => gate.arrivals === 1 && world.row(invocationId).commandCount === 2, "the step");
    world.log.isHeld = true;
    gate.open();
    await pause(30);
    await world.crash();
    assert.equal(await world.client.handle(invocationId).attach(), 2);
  });

  check(
    "a handler learns nothing of what is not durable: not a callee's result, not an awakeable",
    async (open) => {
      const heard: string[] = [];
      const flow = service("flow", {
        go: async (ctx) => {
          const { promise } = ctx.awakeable<string>();
          heard.push(await promise);
        },
      });
      const world = await open([flow]);
      const handle = await world.client.send(flow.go);
      await eventually(() => world.status(handle.invocationId) === "running", "the attempt");
      await pause(20);
      world.log.isHeld = true;
      const value = new TextEncoder().encode('"now"');
      const settled = world.request({
        kind: "signal",
        id: handle.invocationId,
        index: 17,
        name: undefined,
        result: { kind: "value", value },
        cause: "test",
      });
      await pause(60);
      assert.deepEqual(heard, []);
      world.log.isHeld = false;
      world.log.release();
      await settled;
      await handle.attach();
      assert.deepEqual(heard, ["now"]);
    },
  );
}

const QUICK: WorldOptions = { settings: { inactivityTimeoutMs: 40 } };

function checkSuspension(check: CheckSession): void {
  check("a handler that waits is suspended, leaves the memory of its process, and wakes", async (open) => {
    const memory = new AttemptsInMemory();
    const flow = service("flow", {
      go: async (ctx) => {
        memory.enter(ctx.abortSignal);
        const { promise } = ctx.awakeable<string>();
        const value = await promise;
        memory.current -= 1;
        return value;
      },
    });
    const world = await open([flow], QUICK);
    const handles = await Promise.all(Array.from({ length: 10 }, () => world.client.send(flow.go)));
    await eventually(() => memory.begun === 10 && memory.current === 0, "an empty handler process");
    await eventually(
      () => handles.every(({ invocationId }) => world.status(invocationId) === "suspended"),
      "suspension",
    );
    assert.equal(world.engine.health().runningAttempts, 0);
    for (const { invocationId } of handles) {
      const value = new TextEncoder().encode(JSON.stringify(invocationId));
      await world.request({
        kind: "signal",
        id: invocationId,
        index: 17,
        name: undefined,
        result: { kind: "value", value },
        cause: "test",
      });
    }
    for (const handle of handles) assert.equal(await handle.attach(), handle.invocationId);
    assert.equal(memory.current, 0);
  });

  check("what arrives while a suspension is under way is not lost", async (open) => {
    const flow = service("flow", {
      go: handler({ inactivityTimeout: "20ms" }, async (ctx: Context) => ctx.signal<number>("go")),
    });
    const world = await open([flow]);
    for (let round = 0; round < 15; round++) {
      const handle = await world.client.send(flow.go);
      // Around the time at which the engine asks for suspension and gets it.
      await pause(15 + round * 2);
      await world.request({
        kind: "signal",
        id: handle.invocationId,
        index: undefined,
        name: "go",
        result: { kind: "value", value: new TextEncoder().encode(String(round)) },
        cause: "test",
      });
      assert.equal(await handle.attach(), round);
    }
  });

  check("a handler that is suspended again and again does not start without a reason", async (open) => {
    const flow = service("flow", {
      go: async (ctx) => {
        const { promise } = ctx.awakeable<string>();
        return promise;
      },
    });
    const world = await open([flow], QUICK);
    const { invocationId } = await world.client.send(flow.go);
    await eventually(() => world.status(invocationId) === "suspended", "suspension");
    await pause(150);
    assert.equal(world.row(invocationId).attempt, 1);
  });
}

function checkCancellation(check: CheckSession): void {
  check("a cancel aborts the running step and surfaces at the await", async (open) => {
    const gate = new Gate();
    const seen: string[] = [];
    const flow = service("flow", {
      go: async (ctx) => {
        try {
          await ctx.run("long", ({ signal }) => {
            signal.addEventListener("abort", () => seen.push("signal"));
            return gate.pass(signal);
          });
        } catch (error) {
          seen.push(error instanceof CancelledError ? "cancelled" : String(error));
          throw error;
        }
      },
    });
    const world = await open([flow]);
    const handle = await world.client.send(flow.go);
    await eventually(() => gate.arrivals === 1, "the step");
    await handle.cancel();
    await assert.rejects(handle.attach(), { code: 409 });
    assert.deepEqual(seen, ["signal", "cancelled"]);
  });

  check("a cancel wakes what is suspended or backs off", async (open) => {
    const flow = service("flow", {
      sleep: async (ctx) => ctx.sleep("1h"),
      fail: handler({ retry: { initial: "1h", max: "1h" } }, async (ctx: Context) => {
        if (ctx.attempt === 1) throw new Error("down");
        await ctx.sleep("1h");
      }),
    });
    const world = await open([flow]);
    for (const [target, status] of [
      [flow.sleep, "suspended"],
      [flow.fail, "backing-off"],
    ] as const) {
      const handle = await world.client.send(target);
      await eventually(() => world.status(handle.invocationId) === status, status);
      await handle.cancel();
      await assert.rejects(handle.attach(), { code: 409, message: /cancelled/i });
    }
  });

  check("a kill and a pause abort the attempt, and nothing it still does is recorded", async (open) => {
    const gate = new Gate();
    let aborted = 0;
    const flow = service("flow", {
      go: async (ctx) => {
        ctx.abortSignal.addEventListener("abort", () => {
          aborted += 1;
        });
        await ctx.run("long", () => gate.pass());
        return "done";
      },
    });
    const world = await open([flow]);
    const ids: string[] = [];
    for (const kind of ["kill", "pause"] as const) {
      const { invocationId } = await world.client.send(flow.go);
      ids.push(invocationId);
      const begun = ids.length;
      await eventually(
        () => gate.arrivals === begun && world.row(invocationId).commandCount === 2,
        "the step",
      );
      await world.request({ kind, id: invocationId });
    }
    await eventually(() => aborted === 2, "both attempts to abort");
    gate.open();
    await pause(30);
    for (const id of ids) {
      const types = world.journal(id).map(({ type }) => type);
      assert.deepEqual(types, [MessageType.Input, MessageType.Run]);
    }
  });
}

const CHUNK = "x".repeat(60_000);

function checkPressure(check: CheckSession): void {
  check("a journal far larger than the credit arrives whole and in order", async (open) => {
    let attempts = 0;
    const flow = service("flow", {
      go: async (ctx) => {
        attempts += 1;
        const results: string[] = [];
        for (let i = 0; i < 60; i++) results.push(await ctx.run(`step ${i}`, () => `${i} ${CHUNK}`));
        await ctx.run("last", () => {
          if (attempts < 3) throw new Error("once more, with the whole journal");
        });
        return results.map((result) => Number.parseInt(result, 10));
      },
    });
    const world = await open([flow], { settings: { retryPolicy: fastRetries } });
    const handle = await world.client.send(flow.go);
    assert.deepEqual(
      await handle.attach(),
      Array.from({ length: 60 }, (_, i) => i),
    );
    assert.equal(attempts, 3);
  });

  check("many results at once, more than the credit, are all recorded and all acknowledged", async (open) => {
    const flow = service("flow", {
      go: async (ctx) => {
        const steps = Array.from({ length: 60 }, (_, i) => ctx.run(`step ${i}`, () => `${i} ${CHUNK}`));
        return (await Promise.all(steps)).map((result) => Number.parseInt(result, 10));
      },
    });
    const world = await open([flow]);
    assert.deepEqual(
      await world.client.call(flow.go),
      Array.from({ length: 60 }, (_, i) => i),
    );
  });

  check("signals that come faster than they are read arrive in their order, each once", async (open) => {
    const gate = new Gate();
    const flow = service("flow", {
      go: async (ctx) => {
        await ctx.run("not yet", () => gate.pass());
        const received: number[] = [];
        while (received.length < 60) received.push(Number.parseInt(await ctx.signal<string>("s"), 10));
        return received;
      },
    });
    const world = await open([flow]);
    const handle = await world.client.send(flow.go);
    await eventually(() => gate.arrivals === 1, "the step");
    const sent = Array.from({ length: 60 }, (_, i) =>
      world.request({
        kind: "signal",
        id: handle.invocationId,
        index: undefined,
        name: "s",
        result: { kind: "value", value: new TextEncoder().encode(JSON.stringify(`${i} ${CHUNK}`)) },
        cause: "test",
      }),
    );
    await Promise.all(sent);
    gate.open();
    assert.deepEqual(
      await handle.attach(),
      Array.from({ length: 60 }, (_, i) => i),
    );
  });
}

const fastRetries = {
  initialIntervalMs: 1,
  factor: 1,
  maxIntervalMs: 1,
  maxAttempts: 10,
  onMaxAttempts: "pause",
} as const;

function checkLimits(check: CheckSession): void {
  check(
    "a message larger than the engine takes pauses its invocation with the reason, and harms no other",
    async (open) => {
      const gate = new Gate();
      const flow = service("flow", {
        large: async (ctx) => ctx.run("download", () => "x".repeat(300_000)),
        beside: async (ctx) => {
          await ctx.run("wait", () => gate.pass());
          return ctx.attempt;
        },
      });
      const world = await open([flow], { limits: { messageBytesMax: 200_000 } });
      const beside = await world.client.send(flow.beside);
      await eventually(() => gate.arrivals === 1, "the one beside");
      const large = await world.client.send(flow.large);
      await eventually(() => world.status(large.invocationId) === "paused", "the pause");
      assert.match(world.reason(large.invocationId), /^message-too-large: .*messageBytesMax.*200000/s);
      await pause(30);
      assert.equal(world.row(large.invocationId).attempt, 1, "it does not loop");
      gate.open();
      assert.equal(await beside.attach(), 1, "the one beside went on in its first attempt");
    },
  );

  check("state larger than a message reaches a handler all the same", async (open) => {
    const box = object("box", {
      put: async (ctx, key: string) => ctx.state.set(key, key + CHUNK),
      sizes: async (ctx) => {
        const sizes: number[] = [];
        for (const key of await ctx.state.keys())
          sizes.push(((await ctx.state.get<string>(key)) ?? "").length);
        return sizes;
      },
    });
    const world = await open([box], { limits: { messageBytesMax: 200_000 } });
    for (const key of ["a", "b", "c", "d", "e", "f", "g", "h"]) await world.client.call(box.put, "k", key);
    assert.deepEqual(
      await world.client.call(box.sizes, "k"),
      Array.from({ length: 8 }, () => CHUNK.length + 1),
    );
  });
}
