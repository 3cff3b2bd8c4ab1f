import assert from "node:assert/strict";
import { describe, it } from "node:test";

import fc from "fast-check";

import {
  decideDeploy,
  decideRollBack,
  decideUndo,
  emptyDomain,
  withoutCandidate,
  type Decision,
  type DomainState,
} from "./domain-state.ts";

const AT = 1_000;

function after(decision: Decision): DomainState {
  assert.equal(decision.kind, "switch");
  return decision.kind === "switch" ? decision.state : emptyDomain;
}

function deployed(...numbers: readonly number[]): DomainState {
  return numbers.reduce(
    (state, number) => after(decideDeploy(state, { deployment: `shop-${number}`, number }, AT)),
    emptyDomain,
  );
}

describe("a host name", () => {
  it("leads to the deployment that was switched in last", () => {
    const state = deployed(1, 2);
    assert.equal(state.live, "shop-2");
    assert.deepEqual(state.history.at(-1), {
      version: 2,
      kind: "deploy",
      from: "shop-1",
      to: "shop-2",
      at: AT,
    });
  });

  it("is not taken back by an older deployment, also after a roll back", () => {
    assert.deepEqual(decideDeploy(deployed(2), { deployment: "shop-1", number: 1 }, AT), {
      kind: "superseded",
      by: 2,
    });
    const back = after(decideRollBack(deployed(1, 3), "shop-3", AT));
    assert.equal(decideDeploy(back, { deployment: "shop-2", number: 2 }, AT).kind, "superseded");
    assert.equal(after(decideDeploy(back, { deployment: "shop-4", number: 4 }, AT)).live, "shop-4");
  });

  it("goes back one deployment for each roll back", () => {
    const once = after(decideRollBack(deployed(1, 2, 3), "shop-3", AT));
    assert.equal(once.live, "shop-2");
    const twice = after(decideRollBack(once, "shop-2", AT));
    assert.equal(twice.live, "shop-1");
    assert.equal(decideRollBack(twice, "shop-1", AT).kind, "refused");
  });

  it("does not move for a roll back of what is no longer live", () => {
    const once = after(decideRollBack(deployed(1, 2, 3), "shop-3", AT));
    assert.equal(decideRollBack(once, "shop-3", AT).kind, "unchanged");
  });

  it("skips what is gone when it goes back", () => {
    const state = withoutCandidate(deployed(1, 2, 3), "shop-2");
    assert.ok(state !== undefined);
    assert.equal(after(decideRollBack(state, "shop-3", AT)).live, "shop-1");
  });

  it("undoes only the latest switch, and only for who made it", () => {
    const decision = decideDeploy(deployed(1), { deployment: "shop-2", number: 2 }, AT);
    assert.ok(decision.kind === "switch");
    assert.equal(after(decideUndo(decision.state, decision.made, AT)).live, "shop-1");
    const later = after(decideDeploy(decision.state, { deployment: "shop-3", number: 3 }, AT));
    assert.equal(decideUndo(later, decision.made, AT).kind, "unchanged");
  });

  it("leads nowhere when its only deployment is undone", () => {
    const decision = decideDeploy(emptyDomain, { deployment: "shop-1", number: 1 }, AT);
    assert.ok(decision.kind === "switch");
    const undone = after(decideUndo(decision.state, decision.made, AT));
    assert.equal(undone.live, undefined);
    assert.deepEqual(undone.candidates, []);
  });

  it("keeps what is live", () => {
    assert.equal(withoutCandidate(deployed(1, 2), "shop-2"), undefined);
  });
});

describe("any sequence of changes", () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant("deploy" as const), number: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant("roll back" as const), number: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant("undo" as const), number: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ kind: fc.constant("retire" as const), number: fc.integer({ min: 1, max: 9 }) }),
  );

  function decide(state: DomainState, kind: "deploy" | "roll back" | "undo", number: number): Decision {
    const deployment = `shop-${number}`;
    if (kind === "deploy") return decideDeploy(state, { deployment, number }, AT);
    if (kind === "roll back") return decideRollBack(state, deployment, AT);
    const made = state.history.at(-1 - number);
    return made === undefined ? { kind: "unchanged" } : decideUndo(state, made, AT);
  }

  it("leaves a live deployment that can be had, in an unbroken history", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        let state = emptyDomain;
        for (const { kind, number } of changes) {
          if (kind === "retire") {
            state = withoutCandidate(state, `shop-${number}`) ?? state;
            continue;
          }
          const decision = decide(state, kind, number);
          if (decision.kind !== "switch") continue;
          assert.equal(decision.made.from, state.live);
          assert.equal(decision.made.version, state.version + 1);
          state = decision.state;
        }
        const names = state.candidates.map(({ deployment }) => deployment);
        assert.equal(new Set(names).size, names.length);
        if (state.live !== undefined) assert.ok(names.includes(state.live));
        const numbers = state.candidates.map(({ number }) => number);
        assert.deepEqual(
          numbers,
          numbers.toSorted((a, b) => a - b),
        );
        assert.equal(state.history.at(-1)?.to, state.live);
      }),
    );
  });
});
