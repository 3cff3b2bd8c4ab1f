/** What handlers of Restate's SDK may rely on, however they are reached. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { InvocationFailedError } from "@holdfast/server";

import type { ServedEndpoint } from "./restate-endpoint.ts";
import { ran, services, told } from "./scenarios.contract.ts";
import type { Mode } from "./suite-titles.ts";
import { eventually, fresh, keyedRef, ref, World, type WorldOptions } from "./world.contract.ts";

export type Serve = (options: { services: typeof services }) => Promise<ServedEndpoint>;

export function semantics(
  title: string,
  serve: Serve,
  { inactivityTimeoutMs }: Mode,
  more: WorldOptions = {},
): void {
  const options = { ...more, settings: { inactivityTimeoutMs, ...more.settings } };
  const open = async (): Promise<World> => World.open([await serve({ services })], options);
  describe(title, () => {
    stateAndSteps(open);
    waits(open);
    calls(open);
    endings(open);
  });
}

type Open = () => Promise<World>;

function stateAndSteps(open: Open): void {
  it("reads and writes the state of its object, one at a time [State.add] [State.listStateAndClearAll]", async () => {
    const { client } = await open();
    const add = keyedRef<number, unknown>("counter/add");
    assert.deepEqual(await client.call(add, "a/é", 2), { before: 0, after: 2, key: "a/é" });
    const results = await Promise.all([1, 1, 1].map((n) => client.call(add, "a/é", n)));
    const totals = results.map((result) => (result as { after: number }).after);
    assert.deepEqual(new Set(totals), new Set([3, 4, 5]));
    assert.equal(await client.call(keyedRef("counter/read", "shared"), "a/é"), 5);
    assert.deepEqual(await client.call(keyedRef("counter/clear"), "a/é"), [["count", "other"], null, []]);
    assert.equal(await client.call(keyedRef("counter/read", "shared"), "a/é"), null);
  });

  it("fetches state that it is not sent", async () => {
    const { client } = await open();
    const add = keyedRef<number, unknown>("lazyCounter/add");
    assert.deepEqual(await client.call(add, "k", 2), [0, 2, ["count"], null]);
    assert.deepEqual(await client.call(add, "k", 3), [2, 5, ["count"], null]);
  });

  it("runs every step once [Steps.once]", async () => {
    const { client } = await open();
    const name = fresh("three");
    assert.deepEqual(await client.call(ref("steps/three"), name), ["one:1", "two:1", "three:1"]);
  });

  it("tries a step again until it works [RunRetry.withSuccess]", async () => {
    const { client } = await open();
    assert.equal(await client.call(ref("steps/flaky"), { name: fresh("flaky"), times: 4 }), 4);
  });

  it("gives a step up after as many tries as it was told [RunRetry.withExhaustedAttempts]", async () => {
    const { client } = await open();
    const name = fresh("hopeless");
    assert.equal(await client.call(ref("steps/hopeless"), name), "gave up: never works");
    assert.equal(ran.get(name), 3);
  });

  it("may have steps, inputs and outcomes of nothing", async () => {
    const { client } = await open();
    assert.equal(await client.call(ref("steps/nothing")), undefined);
  });

  it("sleeps for no less than it said [Sleep.sleep]", async () => {
    const { client } = await open();
    const slept = await client.call(ref<number, number>("steps/nap"), 30);
    assert.ok(slept >= 30, `${slept} ms`);
  });

  it("draws the same random numbers in every attempt", async () => {
    const { client } = await open();
    const [uuid, number] = await client.call(ref<unknown, [string, number]>("steps/random"));
    assert.match(uuid, /^[0-9a-f-]{36}$/);
    assert.ok(number >= 0 && number < 1);
  });

  it("passes megabytes in both directions", async () => {
    const { client } = await open();
    const text = await client.call(ref<number, string>("callers/large"), 1_500_000);
    assert.equal(text.length, 1_500_000);
  });

  it("sees the headers it was called with [Ingress.headersPassThrough]", async () => {
    const { client } = await open();
    const headers = { "x-test": "seen" };
    assert.equal(await client.call(ref("steps/headers"), undefined, { headers }), "seen");
  });
}

function waits(open: Open): void {
  it("waits for an awakeable that another handler resolves, or rejects", async () => {
    const { client } = await open();
    const name = fresh("awakeable");
    const waiting = await client.send(ref("waiting/forAwakeable"), name);
    await eventually(() => told.has(name), "the awakeable's id");
    await client.call(ref("waiting/resolve"), { id: told.get(name), value: "woken" });
    assert.equal(await waiting.attach(), "woken");
    const rejected = await client.send(ref("waiting/forAwakeable"), `${name}/rejected`);
    await eventually(() => told.has(`${name}/rejected`), "the second awakeable's id");
    await client.call(ref("waiting/reject"), told.get(`${name}/rejected`));
    await assert.rejects(rejected.attach(), /rejected/);
  });

  it("takes signals by name, in the order they came [Signals.resolve] [signals.resolve] [signals.names]", async () => {
    const world = await open();
    const waiting = await world.client.send(ref("waiting/forSignals"), ["a", "b", "a"]);
    const id = waiting.invocationId;
    await world.client.call(ref("waiting/signal"), { id, name: "a", value: "first" });
    await eventually(() => world.countOf(id, "Signal") === 1, "the first signal");
    await world.client.call(ref("waiting/signal"), { id, name: "b", value: "second" });
    await eventually(
      () => world.status(id) === "suspended" || world.countOf(id, "Signal") === 2,
      "the second",
    );
    await world.client.call(ref("waiting/signal"), { id, name: "a", value: "third" });
    assert.deepEqual(await waiting.attach(), ["first", "second", "third"]);
    assert.deepEqual(world.failures(id), []);
  });

  const combined: ReadonlyArray<readonly [handler: string, cases: string, expected: unknown]> = [
    ["first", "[Combinators.awakeableOrTimeoutUsingAwaitAny] [promise_combinators.race]", "fast"],
    ["all", "[promise_combinators.all]", [3, 1, 2, "a", "b"]],
    ["settled", "[promise_combinators.allSettled]", ["rejected", "fulfilled"]],
    ["any", "[promise_combinators.any]", "any"],
    [
      "patient",
      "[Combinators.awakeableOrTimeoutUsingAwakeableTimeoutCommand] [promise_combinators.orTimeout]",
      "timed out",
    ],
  ];
  for (const [handler, cases, expected] of combined) {
    it(`waits for several things at a time: ${handler} ${cases}`, async () => {
      const { client } = await open();
      assert.deepEqual(await client.call(ref(`waiting/${handler}`)), expected);
    });
  }

  it("of a workflow waits for a durable promise that a shared one resolves", async () => {
    const { client } = await open();
    const run = await client.send(keyedRef<string, string>("flow/run", "run"), "w", "started");
    assert.equal(await client.call(keyedRef("flow/approve", "shared"), "w", "alice"), "alice");
    assert.equal(await run.attach(), "started alice");
    assert.equal(await client.call(keyedRef("flow/stage", "shared"), "w"), "done");
    await assert.rejects(client.call(keyedRef("flow/approve", "shared"), "w", "bob"), { status: 409 });
  });
}

function calls(open: Open): void {
  it("calls others and waits for them [ServiceToServiceCommunication.regularCall]", async () => {
    const { client } = await open();
    assert.equal(await client.call(ref("callers/call"), "there"), "there");
    assert.deepEqual(await client.call(ref("callers/callObject"), fresh("object")), [2, 5]);
    assert.equal(await client.call(ref("callers/fan"), 20), 20);
  });

  it("sends to others without waiting, in order [ServiceToServiceCommunication.oneWayCall] [State.proxyOneWayAdd] [CallOrdering.ordering]", async () => {
    const { client } = await open();
    const key = fresh("sent");
    assert.equal(await client.call(ref("callers/send"), key), "sent");
    const last = await client.call(keyedRef<number, { before: number }>("counter/add"), key, 0);
    assert.equal(last.before, 15);
  });

  it("sends what starts later", async () => {
    const world = await open();
    const key = fresh("later");
    const id = await world.client.call(ref<unknown, string>("callers/later"), { key, ms: 20 });
    assert.deepEqual(await world.client.handle<unknown>(id).attach(), { before: 0, after: 1, key });
  });

  it("calls once with one idempotency key [ServiceToServiceCommunication.callWithIdempotencyKey]", async () => {
    const { client } = await open();
    const key = fresh("once");
    assert.deepEqual(await client.call(ref("callers/idempotent"), { key, name: "n" }), [0, 0]);
    assert.deepEqual(await client.call(ref("callers/idempotent"), { key, name: "n" }), [0, 0]);
  });

  it("attaches to what it has sent", async () => {
    const { client } = await open();
    const result = await client.call(ref<string, { after: number }>("callers/attach"), fresh("attached"));
    assert.equal(result.after, 7);
  });
}

function endings(open: Open): void {
  it("ends with the failure that it throws, with its code and metadata [UserErrors.invokeTerminallyFailingCall] [UserErrors.internalCallFailurePropagation]", async () => {
    const { client } = await open();
    await assert.rejects(client.call(ref("failing/terminally")), (error: unknown) => {
      assert.ok(error instanceof InvocationFailedError);
      assert.equal(error.message, "that was it");
      assert.equal(error.status, 418);
      return true;
    });
    assert.deepEqual(await client.call(ref("callers/catching")), ["that was it", 418, { kind: "teapot" }]);
  });

  it("that always fails is paused after as many attempts as its policy has", async () => {
    const world = await open();
    const name = fresh("always");
    const { invocationId: id } = await world.client.send(ref("failing/always"), name);
    await eventually(() => world.status(id) === "paused", "the pause");
    assert.equal(ran.get(name), 5);
    assert.equal(world.reason(id), "handler-error: Paused after 5 failed attempts: failure 5");
  });

  it("that does not do again what it did before is told so, and paused in the end [hooks.journalMismatch]", async () => {
    const world = await open();
    const { invocationId: id } = await world.client.send(ref("failing/differently"), fresh("differently"));
    await eventually(() => world.status(id) === "paused", "the pause");
    assert.ok(
      world.failures(id).some((failure) => failure.startsWith("journal-mismatch: ")),
      world.failures(id).join("\n"),
    );
  });

  it("that calls what does not exist is tried again [hooks.missingHandler]", async () => {
    const world = await open();
    const { invocationId: id } = await world.client.send(ref("callers/missing"));
    await eventually(() => world.status(id) === "paused", "the pause");
    assert.match(world.failures(id).at(0) ?? "", /nowhere/);
    assert.deepEqual(world.journal(id), ["Input"]);
  });

  it("that is cancelled cleans up, and so do those it waits for [Cancellation.cancelFromAdminAPI × CALL] [Cancellation.cancelFromAdminAPI × AWAKEABLE]", async () => {
    const world = await open();
    const name = fresh("cancelled");
    const top = await world.client.send(keyedRef("chain/link"), name, { depth: 2, name });
    await eventually(() => ran.get(`${name}/waits`) !== undefined, "the last link");
    await top.cancel();
    await assert.rejects(top.attach(), { status: 409 });
    await eventually(() => ran.get(`${name}/cleaned`) === 1, "the clean-up");
  });

  it("may be told of cancels as of anything else, and decides about its callees by itself [explicit_cancellation.raceAgainstCancellation] [explicit_cancellation.doubleCancellation]", async () => {
    const world = await open();
    const name = fresh("explicit");
    const top = await world.client.send(keyedRef<string, string[]>("explicit/go"), name, name);
    await eventually(() => ran.get(`${name}/waits`) !== undefined, "the callee");
    await top.cancel();
    await eventually(() => ran.get(`${name}/first`) === 1, "the first cancel");
    assert.equal(ran.get(`${name}/cleaned`), undefined, "the callee was left alone");
    await top.cancel();
    assert.deepEqual(await top.attach(), ["the first cancel", "the second cancel"]);
    await eventually(() => ran.get(`${name}/cleaned`) === 1, "the callee's clean-up");
  });

  it("that is killed ends at once, with those it waits for [KillInvocation.kill]", async () => {
    const world = await open();
    const name = fresh("killed");
    const top = await world.client.send(keyedRef("chain/link"), name, { depth: 2, name });
    await eventually(() => ran.get(`${name}/waits`) !== undefined, "the last link");
    await world.propose({ kind: "kill", id: top.invocationId });
    await assert.rejects(top.attach(), { status: 409, message: "killed" });
    // The key is free again for whoever comes next.
    const next = await world.client.send(keyedRef("chain/link"), `${name}/1`, {
      depth: 0,
      name: `${name}/next`,
    });
    await eventually(() => ran.get(`${name}/next/waits`) !== undefined, "the next holder");
    await next.cancel();
    await assert.rejects(next.attach(), { status: 409 });
    assert.equal(ran.get(`${name}/cleaned`), undefined);
  });
}
