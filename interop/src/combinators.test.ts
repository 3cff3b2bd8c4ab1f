/** Several things at a time, and signals: Restate's `Combinators` and `Signals`, and the like of its SDK for TypeScript. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { combined, type Sent } from "./combinators.contract.ts";
import { inEveryWay, type Open } from "./every-way.contract.ts";
import { ref } from "./world.contract.ts";

type Outgoing = Omit<Sent, "id">;

const values: readonly Outgoing[] = [
  { name: "sig0", value: "val0" },
  { name: "sig1", value: "val1" },
  { name: "sig2", value: "val2" },
];
const rejected = (name: string, reason: string): Outgoing => ({ name, reason });

/** What a handler makes of signals that are sent to it one after the other, and what the test expects. */
const SIGNALLED: ReadonlyArray<
  readonly [handler: string, cases: string, sent: readonly Outgoing[], expected: unknown]
> = [
  ["one", "[Signals.resolve] [signals.resolve]", [{ name: "sig0", value: "hi" }], "hi"],
  [
    "one",
    "[signals.structured]",
    [{ name: "sig0", value: { a: [1, null], b: "é" } }],
    { a: [1, null], b: "é" },
  ],
  [
    "anySignal",
    "[Combinators.signalFirstSuccessfulOrAllFailed]",
    [rejected("sig0", "no"), rejected("sig1", "no"), { name: "sig2", value: "val2" }],
    "val2",
  ],
  ["allSignals", "[Combinators.signalAllSuccessfulOrFirstFailed]", values, ["val0", "val1", "val2"]],
  [
    "settledSignals",
    "[Combinators.signalAllCompleted]",
    [{ name: "sig0", value: "val0" }, rejected("sig1", "err1"), { name: "sig2", value: "val2" }],
    ["ok:val0", "err:err1", "ok:val2"],
  ],
  ["firstSignal", "[Combinators.signalFirstCompleted]", [{ name: "sig1", value: "first" }], "first"],
  ["stepAgainstSignal", "[Combinators.mixedRunWinsRaceAgainstSignal]", [], "step"],
  [
    "signalAfterFailure",
    "[Combinators.mixedSignalWinsAfterRunFails]",
    [{ name: "sig0", value: "sigval" }],
    "sigval",
  ],
  [
    "stepAndSignal",
    "[Combinators.mixedAllSucceededRunAndSignal]",
    [{ name: "sig0", value: "sigval" }],
    ["runval", "sigval"],
  ],
  [
    "stepSignalAndFailure",
    "[Combinators.mixedAllCompletedRunSignalAndFailedRun]",
    [{ name: "sig0", value: "sigval" }],
    ["ok:runval", "ok:sigval", "err:fail"],
  ],
  ["signalOrTimeout", "[signals.timeout]", [], "timed out"],
  [
    "stream",
    "[signals.stream]",
    ["a", "b", "b", "c", "end"].map((value) => ({ name: "item", value })),
    ["a", "b", "b", "c"],
  ],
  ["stream", "[signals.emptyStream]", [{ name: "item", value: "end" }], []],
];

const ALONE: ReadonlyArray<readonly [handler: string, cases: string, expected: unknown]> = [
  ["firstSuccess", "[Combinators.firstSuccessfulCompletedAwakeable]", "yes"],
  ["constants", "[promise_combinators.constants]", ["there", "there", "ok:there", "err:not there"]],
  ["nested", "[promise_combinators.nested]", ["ok:shared", "ok:shared"]],
];

inEveryWay("waiting for several things", [combined], (open: Open) => {
  for (const [handler, cases, sent, expected] of SIGNALLED) {
    it(`${handler} ${cases}`, async () => {
      const { client } = await open();
      const waiting = await client.send(ref(`combined/${handler}`));
      const id = waiting.invocationId;
      for (const signal of sent) await client.call(ref("combined/send"), { id, ...signal });
      assert.deepEqual(await waiting.attach(), expected);
    });
  }

  for (const [handler, cases, expected] of ALONE) {
    it(`${handler} ${cases}`, async () => {
      const { client } = await open();
      assert.deepEqual(await client.call(ref(`combined/${handler}`)), expected);
    });
  }

  it("fails with a signal that is rejected [Signals.reject] [signals.reject]", async () => {
    const { client } = await open();
    const waiting = await client.send(ref("combined/one"));
    const refusal = { id: waiting.invocationId, name: "sig0", reason: "refused" };
    await client.call(ref("combined/send"), refusal);
    await assert.rejects(waiting.attach(), { message: "refused" });
  });

  it("maps in the same order in every attempt [promise_combinators.mapInterleaving]", async () => {
    const { client } = await open();
    const [recorded, again] = await client.call(ref<unknown, [number[], number[]]>("combined/interleaved"));
    assert.deepEqual(again, recorded);
    assert.deepEqual(
      recorded.toSorted((a, b) => a - b),
      [1, 5, 9],
    );
  });
});
