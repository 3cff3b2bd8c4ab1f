/** Restate's `ServiceToServiceCommunication`, `Cancellation`, `Sleep` and `State`, as far as no other file has them. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { canceller, talk, total } from "./communication.contract.ts";
import { inEveryWay, type Open } from "./every-way.contract.ts";
import { ran } from "./scenarios.contract.ts";
import { OPEN } from "./suite-titles.ts";
import { eventually, fresh, keyedRef, ref } from "./world.contract.ts";

const add = keyedRef<number, [before: number, after: number]>("total/add");

inEveryWay("communication", [canceller, talk, total], (open, mode) => {
  sends(open);
  cancels(open);

  // Otherwise nothing can tell an attempt of a cancel while its steps run.
  if (mode === OPEN) {
    it("stops the steps under way when it is cancelled [explicit_cancellation.abortControllerInRun]", async () => {
      const { client } = await open();
      const name = fresh("aborted");
      const handle = await client.send(ref("canceller/abort"), name);
      await eventually(() => ran.get(`${name}/runs`) === 5, "the steps");
      await handle.cancel();
      assert.deepEqual(
        await handle.attach(),
        Array.from({ length: 5 }, () => "rejected"),
      );
    });
  }

  it("lists and clears the state of one object and no other [State.listStateAndClearAll]", async () => {
    const { client } = await open();
    const keys = keyedRef<unknown, string[]>("total/keys", "shared");
    const [one, other] = [fresh("one"), fresh("other")];
    for (const key of [one, other]) await client.call(add, key, 1);
    assert.deepEqual(await client.call(keys, one), ["total"]);
    await client.call(keyedRef("total/clearAll"), one);
    assert.deepEqual([await client.call(keys, one), await client.call(keys, other)], [[], ["total"]]);
  });

  it("sleeps many times at once [Sleep.manySleeps]", async () => {
    const { client } = await open();
    const handlers = Array.from({ length: 50 }, () => client.call(ref<number, number>("talk/naps"), 20));
    assert.deepEqual(new Set(await Promise.all(handlers)), new Set([20]));
  });
});

function sends(open: Open): void {
  it("sends once with one key [ServiceToServiceCommunication.oneWayCallWithIdempotencyKey]", async () => {
    const { client } = await open();
    const key = fresh("sent once");
    const send = ref<unknown, string>("talk/sendOnce");
    const ids = [await client.call(send, { key, name: "n" }), await client.call(send, { key, name: "n" })];
    assert.equal(ids[0], ids[1]);
    assert.deepEqual(await client.handle(ids[0] ?? "").attach(), [0, 1]);
    assert.deepEqual(await client.call(add, key, 0), [1, 1]);
  });

  it("does not queue what is to start later [ServiceToServiceCommunication.oneWayCallWithDelay]", async () => {
    const { client } = await open();
    const key = fresh("later");
    const begun = Date.now();
    const times = 10;
    const [, atOnce] = await client.call(ref<unknown, number[]>("talk/sendLater"), { key, ms: 300, times });
    assert.equal(atOnce, 0, "it waited for those that were to start later");
    let sum = 0;
    while (sum < times) [, sum] = await client.call(add, key, 0);
    assert.equal(sum, times);
    assert.ok(Date.now() - begun >= 300, "they did not wait");
  });
}

function cancels(open: Open): void {
  for (const what of ["CALL", "SLEEP", "AWAKEABLE"]) {
    it(`is cancelled by another handler [Cancellation.cancelFromContext × ${what}]`, async () => {
      const { client } = await open();
      const name = fresh(what);
      const waiting = await client.send(ref("talk/waiting"), { what, name });
      const last = what === "CALL" ? `${name}/callee` : name;
      await eventually(() => ran.has(`${last}/waits`), "the wait");
      await client.call(ref("talk/cancel"), waiting.invocationId);
      await assert.rejects(waiting.attach(), { status: 409 });
      for (const one of new Set([last, name])) assert.equal(ran.get(`${one}/cleaned`), 1, one);
    });
  }

  it("sleeps, and is cancelled by an operator [Cancellation.cancelFromAdminAPI × SLEEP]", async () => {
    const { client } = await open();
    const name = fresh("operator");
    const waiting = await client.send(ref("talk/waiting"), { what: "SLEEP", name });
    await eventually(() => ran.has(`${name}/waits`), "the wait");
    await waiting.cancel();
    await assert.rejects(waiting.attach(), { status: 409 });
    assert.equal(ran.get(`${name}/cleaned`), 1);
  });

  it("cancels all that it has called [explicit_cancellation.cancelCalls]", async () => {
    const { client } = await open();
    const name = fresh("canceller");
    const go = ref<string, [string[], string[], string[], string[]]>("canceller/go");
    const [none, cancelled, called, settled] = await client.call(go, name);
    assert.deepEqual([none, cancelled], [[], called]);
    assert.deepEqual(settled, ["rejected", "rejected"]);
  });
}
