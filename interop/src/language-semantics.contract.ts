/** What handlers may rely on, in every language. */
import assert from "node:assert/strict";
import { it } from "node:test";

import type { Language } from "./languages.ts";
import type { OpenServed } from "./served-program.contract.ts";
import { fresh, keyedRef, ref } from "./world.contract.ts";

export function languageSemantics({ handlerName }: Language, open: OpenServed): void {
  const sample = (handler: string): string => `sample/${handlerName(handler)}`;
  const add = keyedRef<number, number>(`tally/${handlerName("add")}`);
  steps(sample, open);
  failures(sample, open);

  it("keeps the state of an object [State.add]", async () => {
    const { client } = (await open()).world;
    const key = fresh("state");
    const totals = [
      await client.call(add, key, 0),
      await client.call(add, key, 1),
      await client.call(add, key, 2),
    ];
    assert.deepEqual(totals, [0, 1, 3]);
    assert.equal(await client.call(add, `${key}-other`, 5), 5);
  });

  it("lists and clears the state of one object and no other [State.listStateAndClearAll]", async () => {
    const { client } = (await open()).world;
    const [one, other] = [fresh("one"), fresh("other")];
    for (const key of [one, other]) await client.call(add, key, 5);
    const clear = keyedRef<undefined, string[]>(`tally/${handlerName("clear")}`);
    assert.deepEqual(await client.call(clear, one), ["total"]);
    assert.deepEqual([await client.call(add, one, 0), await client.call(add, other, 0)], [0, 5]);
  });

  it("keeps the state that was written before a failure [UserErrors.setStateThenFailShouldPersistState]", async () => {
    const { client } = (await open()).world;
    const key = fresh("spoilt");
    const spoil = client.call(keyedRef(`tally/${handlerName("spoil")}`), key);
    await assert.rejects(spoil, { message: "spoilt", status: 422 });
    assert.equal(await client.call(add, key, 0), 7);
  });

  it("sees the headers it was called with [Ingress.headersPassThrough]", async () => {
    const { client } = (await open()).world;
    const headers = { "x-test": "seen" };
    assert.equal(await client.call(ref(sample("headers")), undefined, { headers }), "seen");
  });

  it("calls and sends to an object, in order [ServiceToServiceCommunication.regularCall] [ServiceToServiceCommunication.oneWayCall] [CallOrdering.ordering]", async () => {
    const { client } = (await open()).world;
    assert.deepEqual(await client.call(ref(sample("relay")), fresh("relay")), [1, 3, 6]);
  });

  it("waits for an awakeable that another handler resolves [Awakeable.resolvedByHandler]", async () => {
    const { client } = (await open()).world;
    assert.equal(await client.call(ref(sample("awake"))), "woken");
  });
}

function steps(sample: (handler: string) => string, open: OpenServed): void {
  it("runs every step once and gives values back as they were [Steps.once]", async () => {
    const { world } = await open();
    const name = fresh("steps");
    assert.deepEqual(await world.client.call(ref(sample("steps")), name), ["one:1", "two:1", "three:1"]);
    assert.equal(await world.client.call(ref(sample("echo")), "é \u{1f6d2}"), "é \u{1f6d2}");
    assert.deepEqual(world.troubles, []);
  });

  it("tries a step again until it works [RunRetry.withSuccess]", async () => {
    const { client } = (await open()).world;
    assert.equal(await client.call(ref(sample("retried")), fresh("retried")), 3);
  });

  it("gives a step up after as many tries as it was told [RunRetry.withExhaustedAttempts]", async () => {
    const { client } = (await open()).world;
    assert.equal(await client.call(ref(sample("hopeless")), fresh("hopeless")), "gave up after 3");
  });

  it("sleeps for no less than it said [Sleep.sleep]", async () => {
    const { client } = (await open()).world;
    const begun = Date.now();
    assert.equal(await client.call(ref(sample("nap")), 40), "slept");
    assert.ok(Date.now() - begun >= 40);
  });
}

function failures(sample: (handler: string) => string, open: OpenServed): void {
  const thatWasIt = { message: "that was it", status: 418 };

  it("ends with the failure it has, every time [UserErrors.invokeTerminallyFailingCall] [UserErrors.failSeveralTimes]", async () => {
    const { client } = (await open()).world;
    for (let time = 0; time < 3; time++)
      await assert.rejects(client.call(ref(sample("terminal"))), thatWasIt);
  });

  it("is tried again until it works [UserErrors.invocationWithEventualSuccess]", async () => {
    const { client } = (await open()).world;
    assert.equal(await client.call(ref(sample("eventually")), fresh("eventually")), 4);
  });

  it("passes on the failure of who it calls [UserErrors.internalCallFailurePropagation]", async () => {
    const { client } = (await open()).world;
    await assert.rejects(client.call(ref(sample("propagate"))), thatWasIt);
  });

  it("ends with the failure of a step that is not to be tried again [UserErrors.sideEffectWithTerminalError]", async () => {
    const { client } = (await open()).world;
    await assert.rejects(client.call(ref(sample("mistaken"))), { message: "a mistake", status: 422 });
  });
}
