import assert from "node:assert/strict";
import { test } from "node:test";

import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

test("a suspended invocation reads back from the store as it was", () => {
  const w = new World({ services: [service("mail", ["send"])] });
  const id = w.invoke("mail/send");
  const a = w.attempt(id);
  a.suspend([a.sleep(1_000)], { signals: [1, 17], namedSignals: [["paid", 0]] });
  w.checkpoint();
  w.restart();
  assert.equal(w.tables.invocations.get(id)?.status, "suspended");
});
