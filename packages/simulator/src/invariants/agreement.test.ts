import assert from "node:assert/strict";
import { test } from "node:test";

import { testInvariants, WatchedWorld } from "./watched-world.contract.ts";

/** "mail" has started two steps and takes them back in the order that is given. */
function undoing(w: WatchedWorld, undone: readonly string[]): void {
  w.world.invoke("mail/send", { as: "mail" });
  const a = w.world.attempt("mail");
  for (const name of ["book", "pay", ...undone.map((step) => `undo ${step}`)]) a.propose(a.run(name), "done");
}

testInvariants([
  {
    id: "SDK-2",
    holds: { "the last step is taken back first": (w) => undoing(w, ["pay", "book"]) },
    broken: {
      "the first step is taken back first": (w) => undoing(w, ["book", "pay"]),
      "a step is left as it was, because something came between": (w) => {
        undoing(w, ["pay"]);
        const metadata = [["holdfast.not-undone", "book: Cancelled"]] as const;
        w.world.attempt("mail").return({ code: 500, message: "no", metadata });
      },
    },
  },
]);

for (const [code, when] of [
  [570, "the replay of a program that never changes does not match its journal"],
  [571, "the SDK says that the engine breaks the protocol"],
] as const) {
  test(`SDK-1 is broken when ${when}`, () => {
    const w = new WatchedWorld(undefined, ["protocol-violation", "journal-mismatch"]);
    w.world.invoke("mail/send", { as: "mail" });
    assert.throws(
      () => w.world.attempt("mail").error("run expected, sleep found", { code }),
      /^InvariantViolation: SDK-1: /,
    );
  });
}

test("SDK-1 is broken when the engine refuses what the SDK sent", () => {
  const w = new WatchedWorld(undefined, ["protocol-violation"]);
  w.world.invoke("mail/send", { as: "mail" });
  assert.throws(() => w.world.attempt("mail").propose(7, "done"), /^InvariantViolation: SDK-1: /);
});

test("SDK-1 holds when an attempt fails for another reason", () => {
  const w = new WatchedWorld(undefined, ["protocol-violation"]);
  w.world.invoke("mail/send", { as: "mail" });
  w.world.attempt("mail").error("no", { code: 570 });
  assert.equal(w.invariants.checks.get("SDK-1"), 1);
});
