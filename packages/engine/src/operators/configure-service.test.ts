import assert from "node:assert/strict";
import { test } from "node:test";

import type { ServiceOverrides } from "../tables/rows.ts";
import { object, service, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

const MAIL = { ...service("mail", ["send", "list"]), journalRetentionMs: 5_000 };

function configure(w: World, name: string, options: ServiceOverrides): string {
  const { outcome } = w.apply({ kind: "configure-service", service: name, options });
  return outcome.ok ? "" : outcome.code;
}

/** Of the deployment that serves what starts now. */
function settings(w: World, name: string, handler: string) {
  return w.tables.handlerSettings(w.tables.service(name)?.deployment, name, handler);
}

test("what is set holds for all handlers of a service, over what its manifest says, also after a crash", () => {
  const w = new World();
  w.register([MAIL, object("cart", ["add"])], { id: "dp1" });
  assert.equal(settings(w, "mail", "send").journalRetentionMs, 5_000);
  assert.equal(configure(w, "mail", { journalRetentionMs: 7, ingressPrivate: true }), "");
  assert.equal(configure(w, "mail", { abortTimeoutMs: 0 }), "");
  const check = (): void => {
    for (const handler of ["send", "list"]) {
      const { journalRetentionMs, ingressPrivate, abortTimeoutMs } = settings(w, "mail", handler);
      assert.deepEqual([journalRetentionMs, ingressPrivate, abortTimeoutMs], [7, true, 0]);
    }
    assert.equal(settings(w, "cart", "add").ingressPrivate, false, "other services are as they were");
    assert.equal(w.tables.service("mail")?.manifest.ingressPrivate, true);
  };
  check();
  w.restart();
  check();
  w.checkpoint();
  w.restart();
  check();
});

test("invocations that are pinned to the deployment follow it with their next attempt", () => {
  const w = new World();
  w.register([MAIL], { id: "dp1" });
  const id = w.invoke("mail/send");
  configure(w, "mail", { journalRetentionMs: 0 });
  w.attempt(id).return("sent");
  assert.equal(w.tables.invocations.get(id), undefined, "nothing of it is kept");
});

test("registering the same again keeps what was set; replacing it or a newer revision does not", () => {
  const w = new World();
  w.register([MAIL], { id: "dp1", url: "http://a" });
  configure(w, "mail", { journalRetentionMs: 7 });
  w.register([MAIL], { id: "dp2", url: "http://a" });
  assert.equal(settings(w, "mail", "send").journalRetentionMs, 7);
  w.register([{ ...MAIL, abortTimeoutMs: 9 }], { id: "dp2", url: "http://a", force: true });
  assert.equal(settings(w, "mail", "send").journalRetentionMs, 5_000);
  configure(w, "mail", { journalRetentionMs: 7 });
  w.register([MAIL], { id: "dp3", url: "http://b" });
  assert.equal(settings(w, "mail", "send").journalRetentionMs, 5_000);
  assert.equal(w.tables.handlerSettings("dp1", "mail", "send").journalRetentionMs, 7);
});

test("a service that is not there, and a workflow's option for what is none, are refused", () => {
  const w = new World();
  w.register([MAIL, workflow("flow", ["ask"])], { id: "dp1" });
  assert.equal(configure(w, "nobody", { abortTimeoutMs: 1 }), "service-not-found");
  assert.equal(configure(w, "mail", { workflowRetentionMs: 1 }), "request-invalid");
  assert.equal(configure(w, "flow", { workflowRetentionMs: 1 }), "");
  assert.equal(settings(w, "flow", "run").workflowRetentionMs, 1);
});
