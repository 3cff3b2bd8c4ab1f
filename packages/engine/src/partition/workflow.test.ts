import assert from "node:assert/strict";
import { test } from "node:test";

import { describeEntry, describeResult } from "../testing/describe.ts";
import { object, service, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [workflow("deploy", ["status"]), service("mail", ["send"])] });
}

function told(w: World, id: string): string {
  const journal = w.tables.journal(w.tables.invocations.get(id) ?? assert.fail());
  return describeEntry(journal.at(-1) ?? assert.fail());
}

test("a workflow runs once for a key: starting it again finds the run", () => {
  const w = world();
  const id = w.invoke("deploy/app/run", { input: "v1" });
  const again = w.tryInvoke("deploy/app/run", { input: "v2" });
  assert.deepEqual(again, { ok: true, detail: { id, existed: true } });
  w.attempt(id).return("live");
  const after = w.tryInvoke("deploy/app/run", { input: "v1" });
  assert.ok(after.ok && after.detail?.existed === true);
  assert.equal(describeResult(after.detail.result ?? assert.fail()), '"live"');
  assert.notEqual(w.invoke("deploy/other/run"), id);
});

test("a workflow runs once for a key even when an id was made up for it", () => {
  const w = world();
  const id = w.invoke("deploy/app/run");
  const again = w.tryInvoke("deploy/app/run", { as: "made-up" });
  assert.deepEqual(again, { ok: true, detail: { id, existed: true } });
});

test("a second call of a workflow by a handler fails, its first goes on", () => {
  const w = world();
  const caller = w.invoke("mail/send");
  const { id } = w.attempt(caller).call("deploy/app/run");
  const second = w.invoke("mail/send");
  w.attempt(second).call("deploy/app/run");
  assert.match(told(w, second), /failure 409 "The workflow deploy\/app was already started"/);
  w.attempt(id).return("live");
  assert.match(told(w, caller), /"live"/);
});

test("shared handlers run beside the workflow, before, during and after", () => {
  const w = world();
  const before = w.invoke("deploy/app/status");
  const id = w.invoke("deploy/app/run");
  const during = w.invoke("deploy/app/status");
  w.attempt(id).return("live");
  const after = w.invoke("deploy/app/status");
  for (const shared of [before, during, after]) {
    assert.equal(w.tables.invocations.get(shared)?.status, "running");
    w.attempt(shared).return("ok");
  }
});

test("a workflow can be attached to and asked for its output until its retention ends", () => {
  const w = world();
  const id = w.invoke("deploy/app/run");
  const target = { kind: "workflow", service: "deploy", key: "app" } as const;
  const early = w.attempt(w.invoke("mail/send"));
  early.output(target);
  assert.match(told(w, early.id), /GetInvocationOutputCompletion .*void/);
  early.suspend([early.attach(target)]);
  w.attempt(id).return("live");
  assert.match(told(w, early.id), /AttachInvocationCompletion .*"live"/);
  const late = w.attempt(w.invoke("mail/send"));
  late.attach(target);
  assert.match(told(w, late.id), /AttachInvocationCompletion .*"live"/);
  const { keptUntil } = w.tables.invocations.get(id) ?? assert.fail();
  w.now = keptUntil;
  w.must({ kind: "expire", ids: [id], budget: false });
  const gone = w.attempt(w.invoke("mail/send"));
  gone.attach(target);
  assert.match(told(w, gone.id), /failure 404 .*invocation-not-found/);
  assert.equal(w.tables.objects.get("deploy\u0000app"), undefined, "state and promises go with the run");
});

test("a workflow that was purged can be run again", () => {
  const w = world();
  const id = w.invoke("deploy/app/run");
  w.attempt(id).set("step", "1");
  w.attempt(id).return("live");
  w.must({ kind: "purge", id, journalOnly: false });
  assert.equal(w.invoke("deploy/app/run"), id);
  assert.deepEqual([...(w.tables.objects.get("deploy\u0000app")?.state ?? [])], []);
  assert.equal(w.attempt(id).number, 1);
  w.checkStore();
});

test("a start that was resolved before the service became something else is refused", () => {
  const w = world();
  const id = w.invoke("deploy/app/run");
  w.attempt(id).return("live");
  const body = {
    kind: "invoke",
    id,
    input: new Uint8Array(0),
    inputHash: 0,
    idempotencyKey: undefined,
    startAt: 0,
    source: { kind: "ingress", id: "" },
  } as const;
  w.register([object("deploy", ["run"])], { breaking: true });
  const before = w.apply({
    ...body,
    target: { service: "deploy", key: "app", handler: "run", kind: "run" },
  }).outcome;
  assert.equal(before.ok ? "" : before.code, "handler-not-found");
  w.restart();
});
