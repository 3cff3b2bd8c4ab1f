import assert from "node:assert/strict";
import { test } from "node:test";

import { service, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

test("a callee that outlives its caller tells nothing to who has the caller's id since", () => {
  const w = new World({ services: [workflow("flow", []), service("mail", ["send"])] });
  const id = w.invoke("flow/k/run");
  const { id: callee } = w.attempt(id).call("mail/send");
  w.attempt(id).return("does not wait for the mail");
  w.must({ kind: "purge", id, journalOnly: false });

  assert.equal(w.invoke("flow/k/run"), id, "a workflow's id follows from its key");
  const again = w.attempt(id);
  again.run("something else");
  const sleep = again.sleep(1_000);
  again.suspend([sleep]);
  w.attempt(callee).return("sent");
  const row = w.tables.invocations.get(id) ?? assert.fail();
  assert.deepEqual([row.status, row.open.get(sleep)?.kind], ["suspended", "sleep"]);
});

test("nor when that one waits for another callee under the same completion id", () => {
  const w = new World({ services: [workflow("flow", []), service("mail", ["send"])] });
  const id = w.invoke("flow/k/run");
  const { id: old } = w.attempt(id).call("mail/send");
  w.attempt(id).return("does not wait for the mail");
  w.must({ kind: "purge", id, journalOnly: false });
  w.invoke("flow/k/run");
  const again = w.attempt(id);
  const { id: young, completionId } = again.call("mail/send");
  again.suspend([completionId]);
  w.attempt(old).return("old");
  assert.equal(w.tables.invocations.get(id)?.status, "suspended");
  w.attempt(young).return("young");
  assert.equal(w.tables.invocations.get(id)?.status, "running");
});
