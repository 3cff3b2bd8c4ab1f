/** Restate's `UserErrors`, `RunRetry`, `RunFlush` and `NonDeterminismErrors`. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { InvocationFailedError } from "@holdfast/server";

import { inEveryWay, type Open } from "./every-way.contract.ts";
import { divergent, divergentState, failures } from "./failures.contract.ts";
import { ran } from "./scenarios.contract.ts";
import { OPEN } from "./suite-titles.ts";
import { eventually, fresh, keyedRef, ref } from "./world.contract.ts";

inEveryWay("failures", [failures, divergent, divergentState], (open, mode) => {
  userErrors(open);
  replays(open);
  if (mode === OPEN) return;
  it("has recorded every result before the next step runs [RunFlush.flush]", async () => {
    const { client } = await open();
    // What ran in the last attempt: nothing, because every attempt was suspended at the step that it ran.
    assert.equal(await client.call(keyedRef("failures/flush"), fresh("k")), 0);
  });
});

function userErrors(open: Open): void {
  for (const handler of ["terminal", "inStep", "inCallee"]) {
    it(`passes on a failure: ${handler} [UserErrors.sideEffectWithTerminalError] [UserErrors.internalCallFailurePropagation]`, async () => {
      const { client } = await open();
      await assert.rejects(client.call(keyedRef(`failures/${handler}`), fresh("k")), (error: unknown) => {
        assert.ok(error instanceof InvocationFailedError);
        assert.deepEqual([error.message, error.status], ["refused", 422]);
        return true;
      });
    });
  }

  it("keeps the state that was written before the failure [UserErrors.setStateThenFailShouldPersistState]", async () => {
    const { client } = await open();
    const key = fresh("kept");
    await assert.rejects(client.call(keyedRef("failures/setThenFail"), key), { message: "refused" });
    assert.equal(await client.call(keyedRef("failures/read", "shared"), key), 1);
  });

  it("tries a handler again until it works [UserErrors.invocationWithEventualSuccess]", async () => {
    const { client } = await open();
    assert.equal(await client.call(keyedRef("failures/eventually"), fresh("k")), 4);
  });

  it("tries a step once that may be tried once [RunRetry.executedOnlyOnce]", async () => {
    const { client } = await open();
    const key = fresh("once");
    await assert.rejects(client.call(keyedRef("failures/onceOnly"), key), { message: "try 1" });
    assert.equal(ran.get(`once only/${key}`), 1);
  });
}

function replays(open: Open): void {
  const retryPolicy = {
    initialIntervalMs: 5,
    factor: 1,
    maxIntervalMs: 5,
    maxAttempts: 4,
    onMaxAttempts: "kill",
  } as const;
  const diverging: ReadonlyArray<readonly [handler: string, name: string]> = [
    ["sleepOrCall", "eitherSleepOrCall"],
    ["otherMethod", "callDifferentMethod"],
    ["otherTarget", "backgroundInvokeWithDifferentTargets"],
  ];
  for (const [handler, name] of diverging) {
    it(`does nothing of what was not there before [NonDeterminismErrors × ${name}]`, async () => {
      const world = await open({ retryPolicy });
      const key = fresh("diverging");
      const { invocationId: id } = await world.client.send(ref(`divergent/${handler}`), key);
      await eventually(() => world.status(id) === "completed", "the end");
      await assert.rejects(world.client.handle(id).attach());
      assert.match(world.failures(id).join("\n"), /^journal-mismatch: /m);
      // Of the object that only the later attempts would have called.
      assert.equal(await world.client.call(keyedRef("failures/add"), key, 1), 1);
    });
  }

  it("does not write to another key of the state [NonDeterminismErrors × setDifferentKey]", async () => {
    const world = await open({ retryPolicy });
    const key = fresh("diverging");
    const { invocationId: id } = await world.client.send(keyedRef("divergentState/otherKey"), key);
    await eventually(() => world.status(id) === "completed", "the end");
    assert.match(world.failures(id).join("\n"), /^journal-mismatch: /m);
    assert.deepEqual(await world.client.call(keyedRef("divergentState/keys", "shared"), key), ["first"]);
  });
}
