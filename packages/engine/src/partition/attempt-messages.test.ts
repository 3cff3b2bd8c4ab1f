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
