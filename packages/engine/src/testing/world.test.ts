import assert from "node:assert/strict";
import { test } from "node:test";

import { object, service } from "./handlers.ts";
import { World } from "./world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"]), object("cart", ["add"])] });
}

test("a partition that is raised from a checkpoint and the records behind it equals the one that went on", () => {
  const w = world();
  const id = w.invoke("cart/ada/add");
  const sleep = w.attempt(id).sleep(1_000);
  w.checkpoint();
  w.attempt(id).set("items", "1");
  w.attempt(id).suspend([sleep]);
  w.restart();
  w.advance(1_000);
  w.attempt(id).return("done");
  w.restart();
  assert.equal(w.tables.invocations.get(id)?.status, "completed");
});

test("records that are applied while a checkpoint is being taken belong to the next one", () => {
  const w = world();
  const ids = Array.from({ length: 6 }, (_, index) => w.invoke(`cart/user${index}/add`));
  w.checkpoint(ids.map((id) => () => w.attempt(id).return("done")));
  w.restart();
  w.checkpoint();
  w.restart();
  for (const id of ids) assert.equal(w.tables.invocations.get(id)?.status, "completed");
});

test("a checkpoint that was not committed leaves no trace", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.beginCheckpoint();
  w.encodeSlice(2);
  w.attempt(id).run("smtp");
  w.restart();
  w.checkStore();
  assert.equal(w.tables.invocations.get(id)?.journalLength, 2);
});

test("a restart between a checkpoint's commit and the release of its rows finds them once", () => {
  const w = world();
  const id = w.invoke("mail/send");
  w.beginCheckpoint();
  w.attempt(id).run("smtp");
  w.commitCheckpoint();
  w.restart();
  w.attempt(id).return("sent");
  w.checkStore();
  assert.equal(w.tables.journal(w.tables.invocations.get(id) ?? assert.fail()).length, 3);
});
