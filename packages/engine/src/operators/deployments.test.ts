import assert from "node:assert/strict";
import { test } from "node:test";

import type { HandlerOptions, ServiceManifest } from "@holdfast/protocol";

import type { Outcome } from "../effect.ts";
import { object, service } from "../testing/handlers.ts";
import { World, type RegisterOptions } from "../testing/world.ts";
import { deploymentAt } from "./deployments.ts";

const MAIL = service("mail", ["send", "list"]);

function code(outcome: Outcome): string {
  return outcome.ok ? "" : outcome.code;
}

/** Registers under an id and an address of its own. */
function register(
  w: World,
  id: string,
  services: readonly ServiceManifest[],
  options: RegisterOptions = {},
): Outcome {
  return w.register(services, { id, ...options });
}

function remove(w: World, id: string, force = false): Outcome {
  return w.apply({ kind: "remove-deployment", id, force }).outcome;
}

test("registering the same at the same address twice changes nothing", () => {
  const w = new World();
  register(w, "dp1", [MAIL], { url: "http://a" });
  const again = register(w, "dp2", [MAIL], { url: "http://a" });
  assert.deepEqual(again, { ok: true, detail: { id: "dp1", existed: true, unchanged: true } });
  assert.equal(w.tables.service("mail")?.revision, 1);
});

test("the same address with something else is refused, and replaced by force", () => {
  const w = new World();
  register(w, "dp1", [MAIL], { url: "http://a" });
  const id = w.invoke("mail/send");
  const more = service("mail", ["send", "list", "drop"]);
  assert.equal(code(register(w, "dp2", [more], { url: "http://a" })), "deployment-changed");
  const forced = register(w, "dp2", [more], { url: "http://a", force: true });
  assert.deepEqual(forced, { ok: true, detail: { id: "dp1", existed: true, notes: [] } });
  assert.equal(deploymentAt(w.tables, "http://a")?.live, 1, "who is pinned stays so");
  assert.equal(w.tables.service("mail")?.revision, 2);
  w.attempt(id).return("sent");
  w.checkpoint();
  w.restart();
});

test("the newest revision serves what starts, and who has started stays where it is", () => {
  const w = new World();
  register(w, "dp1", [MAIL]);
  const old = w.invoke("mail/send");
  const step = w.attempt(old).run("smtp");
  register(w, "dp2", [MAIL]);
  const young = w.invoke("mail/send");
  assert.equal(w.tables.invocations.get(young)?.deployment, "dp2");
  w.attempt(old).error("no", { nextRetryDelayMs: 0 });
  w.attempt(old).propose(step, "sent");
  assert.equal(w.tables.invocations.get(old)?.deployment, "dp1");
  assert.equal(w.tables.service("mail")?.deployment, "dp2");
});

test("a handler that would disappear or change its kind is refused unless it may break", () => {
  const w = new World();
  register(w, "dp1", [MAIL, object("cart", ["add", "shared show"])]);
  const fewer = register(w, "dp2", [service("mail", ["send"])]);
  assert.match(fewer.ok ? "" : fewer.message, /handler mail\/list would disappear/);
  assert.equal(code(fewer), "breaking-change");
  const other = register(w, "dp2", [object("mail", ["send", "list"])]);
  assert.match(other.ok ? "" : other.message, /"mail" is a service and would become a object/);
  const kind = register(w, "dp2", [object("cart", ["add", "show"])]);
  assert.match(kind.ok ? "" : kind.message, /cart\/show is shared and would become exclusive/);
  const allowed = register(w, "dp2", [service("mail", ["send"])], { breaking: true });
  assert.deepEqual(allowed.ok ? allowed.detail?.notes : [], ["handler mail/list would disappear"]);
  assert.equal(w.tryInvoke("mail/list").ok, false);
});

test("replacing a deployment must not lose a service that only it serves", () => {
  const w = new World();
  register(w, "dp1", [MAIL, service("report", ["make"])], { url: "http://a" });
  const lost = register(w, "dp2", [MAIL], { url: "http://a", force: true });
  assert.equal(code(lost), "breaking-change");
  assert.match(lost.ok ? "" : lost.message, /service "report" would disappear/);
  assert.ok(register(w, "dp2", [MAIL], { url: "http://a", force: true, breaking: true }).ok);
  assert.equal(w.tables.service("report"), undefined);
});

test("a dry run says what would happen and does nothing", () => {
  const w = new World();
  register(w, "dp1", [MAIL]);
  const dry = register(w, "dp2", [service("mail", ["send"])], { dryRun: true, breaking: true });
  assert.deepEqual(dry, {
    ok: true,
    detail: { id: "dp2", existed: false, notes: ["handler mail/list would disappear"] },
  });
  assert.equal(w.tables.deployments.get("dp2"), undefined);
  assert.ok(w.tryInvoke("mail/list").ok);
});

test("a deployment with live invocations is removed by force only, then older code serves again", () => {
  const w = new World();
  register(w, "dp1", [MAIL]);
  register(w, "dp2", [MAIL]);
  const id = w.invoke("mail/send");
  assert.equal(code(remove(w, "dp2")), "deployment-in-use");
  w.attempt(id).return("sent");
  assert.ok(remove(w, "dp2").ok, "drained");
  assert.equal(w.tables.service("mail")?.deployment, "dp1");
  assert.equal(code(remove(w, "dp2")), "deployment-not-found");

  const stuck = w.invoke("mail/send");
  assert.ok(remove(w, "dp1", true).ok);
  assert.equal(code(w.tryInvoke("mail/send")), "service-not-found");
  w.lose(stuck, { pause: true });
  register(w, "dp3", [MAIL]);
  w.must({ kind: "resume", id: stuck, deployment: "dp3" });
  assert.equal(w.tables.deployments.get("dp3")?.live, 1);
  w.attempt(stuck).return("sent");
  w.checkpoint();
  w.restart();
});

test("an invocation that starts when nothing serves it waits for a deployment", () => {
  const w = new World();
  register(w, "dp1", [MAIL]);
  const id = w.invoke("mail/send", { delayMs: 1_000 });
  remove(w, "dp1");
  w.advance(1_000);
  assert.deepEqual(
    [w.tables.invocations.get(id)?.status, w.tables.invocations.get(id)?.deployment],
    ["running", undefined],
  );
  w.lose(id);
  register(w, "dp2", [MAIL]);
  w.advance(10_000);
  assert.equal(w.tables.invocations.get(id)?.deployment, "dp2");
});

test("options of handler, service and engine hold in this order", () => {
  const w = new World({ settings: { journalRetentionMs: 1, inactivityTimeoutMs: 1, abortTimeoutMs: 1 } });
  const handler = { name: "send", kind: "plain", journalRetentionMs: 3 } as const;
  const manifest = { ...MAIL, handlers: [handler], journalRetentionMs: 2, abortTimeoutMs: 2 };
  register(w, "dp1", [{ ...manifest, retryPolicy: { maxAttempts: 2 } }]);
  const { journalRetentionMs, abortTimeoutMs, inactivityTimeoutMs, retryPolicy } = w.tables.handlerSettings(
    "dp1",
    "mail",
    "send",
  );
  assert.deepEqual([journalRetentionMs, abortTimeoutMs, inactivityTimeoutMs], [3, 2, 1]);
  assert.deepEqual([retryPolicy.maxAttempts, retryPolicy.factor], [2, 2]);
});

test("what JSON cannot carry of a manifest is gone when it is applied, not only when it is replayed", () => {
  const w = new World({ settings: { journalRetentionMs: 5 } });
  const odd = {
    retryPolicy: { maxAttempts: Number.POSITIVE_INFINITY, factor: undefined },
    journalRetentionMs: Number.POSITIVE_INFINITY,
  } as unknown as HandlerOptions;
  register(w, "dp1", [{ ...MAIL, ...odd }]);
  const before = w.tables.handlerSettings("dp1", "mail", "send");
  w.restart();
  assert.deepEqual(w.tables.handlerSettings("dp1", "mail", "send"), before);
  assert.equal(before.retryPolicy.factor, 2);
  assert.equal(before.retryPolicy.maxAttempts, 70, "what is no number is not said");
  assert.equal(before.journalRetentionMs, 5);
});

test("settings hold from the record that brings them, also after a checkpoint", () => {
  const w = new World({ services: [MAIL] });
  const settings = { ...w.tables.settings, inboxMax: 7 };
  w.must({ kind: "engine-started", epoch: 2, settings });
  w.checkpoint();
  w.restart();
  assert.deepEqual([w.tables.meta.epoch, w.tables.settings.inboxMax], [2, 7]);
});

test("other headers for the same address are refused, and taken over by force", () => {
  const w = new World();
  const registration = (token: string, force: boolean): Outcome =>
    w.apply({
      kind: "register-deployment",
      id: "dp1",
      url: "http://a",
      manifest: { wires: ["native"], sdk: "test", runtime: "test", services: [MAIL] },
      metadata: {},
      headers: { authorization: token },
      force,
      breaking: false,
      dryRun: false,
    }).outcome;
  assert.ok(registration("old", false).ok);
  assert.equal(code(registration("new", false)), "deployment-changed");
  assert.ok(registration("new", true).ok);
  assert.deepEqual(deploymentAt(w.tables, "http://a")?.headers, { authorization: "new" });
});
