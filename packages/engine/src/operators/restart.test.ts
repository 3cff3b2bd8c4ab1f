import assert from "node:assert/strict";
import { test } from "node:test";

import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"])] });
}

/** Restarts `id` as "again", keeping its journal up to and with a command. */
function restart(w: World, id: string, fromCommand: number): void {
  w.must({ kind: "restart", id, newId: "again", fromCommand, deployment: undefined });
}

function entries(w: World, id: string): number {
  return w.tables.invocations.get(id)?.journalLength ?? assert.fail();
}

test("a restart from the beginning keeps the input and nothing else", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.signal(id, "paid", "early");
  w.attempt(id).run("smtp");
  w.attempt(id).return("sent");
  restart(w, id, 0);
  assert.equal(entries(w, "again"), 1);
});

test("signals in a kept prefix count: an awakeable has one outcome, and a later signal wakes", () => {
  const w = world();
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  const step = a.run("smtp");
  w.signal(id, 17, "first");
  w.signal(id, "paid", "first");
  a.propose(step, "sent");
  a.return("done");
  restart(w, id, 1);
  const kept = entries(w, "again");
  w.signal("again", 17, "second");
  assert.equal(entries(w, "again"), kept, "the awakeable has its outcome");
  // The handler has consumed the first "paid". The second crosses its suspension.
  const again = w.attempt("again");
  w.signal("again", "paid", "second");
  again.suspend([], { namedSignals: [["paid", 1]] });
  assert.equal(w.attempt("again").number, 2);
  w.restart();
});
