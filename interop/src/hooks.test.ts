/** Interceptors of Restate's SDK for TypeScript, and attempts that end around them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { failingHooks, gates, hooked, see, seen } from "./hooks.contract.ts";
import { serveOverHttp2 } from "./restate-endpoint.ts";
import { OPEN, suiteTitle, SUSPENDED } from "./suite-titles.ts";
import { eventually, fresh, ref, World, type WorldOptions } from "./world.contract.ts";

async function open(settings: WorldOptions["settings"] = {}): Promise<World> {
  return World.open([await serveOverHttp2({ services: [hooked, failingHooks] })], { settings });
}

/** Its events are kept under the name. */
function named(name: string): { headers: Record<string, string> } {
  return { headers: { "x-name": name } };
}

function around(what: string, ...inside: string[]): string[] {
  return [`${what} begins`, ...inside, `${what} ends`];
}

describe(`${suiteTitle("TypeScript", OPEN)}: interceptors`, () => {
  it("surround the handler and each step, the service's outside of the handler's [hooks.order] [hooks.context]", async () => {
    const { client } = await open();
    const name = fresh("order");
    assert.equal(await client.call(ref("hooked/two"), undefined, named(name)), "done");
    const step = (which: string): string[] => around(`outer ${which}`, ...around(`inner ${which}`));
    const handler = around("outer handler", ...around("inner handler", ...step("one"), ...step("two")));
    assert.deepEqual(seen.get(name), handler);
  });

  it("are there in every attempt, and not around a step that is replayed [hooks.replayedRun]", async () => {
    const { client } = await open();
    const name = fresh("again");
    assert.equal(await client.call(ref("hooked/flaky"), undefined, named(name)), "second attempt");
    assert.deepEqual(seen.get(name), [
      "outer handler begins",
      ...around("outer kept"),
      "outer handler: first attempt",
      ...around("outer handler"),
    ]);
  });

  it("see terminal failures, and may fail themselves [hooks.errors]", async () => {
    const { client } = await open();
    const name = fresh("refused");
    await assert.rejects(client.call(ref("hooked/refused"), undefined, named(name)), { message: "refused" });
    assert.deepEqual(seen.get(name), ["outer handler begins", "outer handler: refused"]);
    const go = ref("failingHooks/go");
    assert.equal(await client.call(go, undefined, named(fresh("retried"))), "through");
    await assert.rejects(client.call(go, undefined, named(fresh("terminal"))), {
      message: "the interceptor refused",
    });
  });

  it("are not asked about input that cannot be read, which is a terminal failure [hooks.serde]", async () => {
    const { client } = await open();
    await assert.rejects(client.call(ref("hooked/unreadable"), { any: "thing" }), /not readable/);
  });

  it("surround a step that waits as long as its failure says [hooks.retryAfter]", async () => {
    const { client } = await open();
    const name = fresh("later");
    const begun = Date.now();
    assert.equal(await client.call(ref("hooked/later"), undefined, named(name)), 2);
    assert.ok(Date.now() - begun >= 200, "it was tried again too soon");
    assert.equal(seen.get(name)?.filter((event) => event === "outer later: not now").length, 1);
  });

  it("see a step through to its end when a cancel comes [hooks.cancelInRun]", async () => {
    const { client } = await open();
    const name = fresh("cancelled");
    const gate = Promise.withResolvers<void>();
    gates.set(name, async () => gate.promise);
    const handle = await client.send(ref("hooked/gated"), undefined, named(name));
    await eventually(() => seen.get(name)?.includes("outer gated begins") ?? false, "the step");
    await handle.cancel();
    see(name, "cancelled");
    gate.resolve();
    await assert.rejects(handle.attach(), { status: 409 });
    const events = seen.get(name) ?? [];
    assert.ok(events.indexOf("outer gated ends") > events.indexOf("cancelled"), events.join(", "));
    assert.equal(events.at(-1), "outer handler: Cancelled");
  });

  it("see an attempt that is cut off for its slowness, and the next [hooks.abortTimeout]", async () => {
    const world = await open({ inactivityTimeoutMs: 20, abortTimeoutMs: 40 });
    const name = fresh("slow");
    const gate = Promise.withResolvers<void>();
    gates.set(name, async () => {
      if (seen.get(name)?.filter((event) => event === "outer gated begins").length === 1) await gate.promise;
    });
    const handle = await world.client.send(ref("hooked/gated"), undefined, named(name));
    assert.equal(await handle.attach(), "through");
    assert.match(world.failures(handle.invocationId).join(), /^abort-timeout: /);
    gate.resolve();
  });

  it("begin again when an operator has paused the step and lets it go on [hooks.pauseInRun]", async () => {
    const world = await open();
    const name = fresh("paused");
    const gate = Promise.withResolvers<void>();
    gates.set(name, async () => gate.promise);
    const { invocationId: id } = await world.client.send(ref("hooked/gated"), undefined, named(name));
    await eventually(() => seen.get(name)?.includes("outer gated begins") ?? false, "the step");
    await world.propose({ kind: "pause", id });
    await eventually(() => world.status(id) === "paused", "the pause");
    gate.resolve();
    await world.propose({ kind: "resume", id, deployment: undefined });
    assert.equal(await world.client.handle(id).attach(), "through");
  });
});

describe(`${suiteTitle("TypeScript", SUSPENDED)}: interceptors`, () => {
  it("see every suspension, and then the next attempt [hooks.suspension] [hooks.alwaysReplay]", async () => {
    const { client } = await open({ inactivityTimeoutMs: 0 });
    const name = fresh("suspended");
    assert.equal(await client.call(ref("hooked/two"), undefined, named(name)), "done");
    const events = seen.get(name) ?? [];
    const count = (what: string): number => events.filter((event) => event === what).length;
    // Of a step, of a sleep and of a step: each is waited for in vain once.
    assert.equal(count("outer handler: suspended"), 3);
    assert.deepEqual(
      [count("outer one ends"), count("outer two ends"), count("outer handler ends")],
      [1, 1, 1],
    );
  });
});
