import assert from "node:assert/strict";
import { test } from "node:test";

import { describeResult } from "../testing/describe.ts";
import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

test("an output that was recorded is the outcome, also when a later attempt ends the invocation", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  w.attempt(id).outputValue("sent");
  w.lose(id);
  w.advance(10_000);
  assert.equal(w.attempt(id).number, 2);
  // The handler's return is replayed from the journal, so all that is new is the end.
  w.attempt(id).end();
  const { result } = w.tables.invocations.get(id) ?? assert.fail();
  assert.equal(describeResult(result ?? assert.fail()), '"sent"');
});

test("a result proposed for something that is no step pauses the invocation and harms nobody else", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.propose(a.sleep(1_000), "slept");
  const row = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([row.status, row.events.at(-1)?.code], ["paused", "protocol-violation"]);
  assert.equal(row.open.size, 1, "the sleep goes on");
  w.restart();
});

test("a suspension that waits for nothing pauses the invocation instead of putting it to sleep for ever", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  w.attempt(id).suspend([]);
  const row = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([row.status, row.events.at(-1)?.code], ["paused", "protocol-violation"]);
});
