import assert from "node:assert/strict";
import { test } from "node:test";

import type { ServiceManifest } from "@holdfast/protocol";

import { endpoint, service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

const MAIL = service("mail", ["send"]);
const POST = service("post", ["send"]);

function update(w: World, id: string, url: string, services: readonly ServiceManifest[]) {
  const manifest = endpoint(services);
  return w.apply({ kind: "update-deployment", id, url, headers: { a: "b" }, manifest });
}

test("a deployment moves, with its invocations, its revisions and what was set for its services", () => {
  const w = new World();
  w.register([MAIL], { id: "dp1", url: "http://a" });
  const id = w.invoke("mail/send");
  w.apply({ kind: "configure-service", service: "mail", options: { abortTimeoutMs: 7 } });
  const { outcome, effects } = update(w, "dp1", "http://b", [MAIL]);
  assert.deepEqual(outcome, { ok: true, detail: { id: "dp1" } });
  assert.deepEqual(effects, [{ kind: "deployments-changed" }]);
  const check = (): void => {
    const row = w.tables.deployments.get("dp1");
    assert.deepEqual([row?.url, row?.headers, row?.revisions], ["http://b", { a: "b" }, { mail: 1 }]);
    assert.deepEqual([row?.live, row?.overrides], [1, { mail: { abortTimeoutMs: 7 } }]);
  };
  check();
  w.restart();
  check();
  w.checkpoint();
  w.restart();
  check();
  w.attempt(id).return("sent");
});

test("what it serves anew gets a revision, what it served keeps its own and displaces nothing newer", () => {
  const w = new World();
  w.register([MAIL], { id: "dp1", url: "http://a" });
  w.apply({ kind: "configure-service", service: "mail", options: { abortTimeoutMs: 7 } });
  w.register([MAIL, POST], { id: "dp2", url: "http://b" });
  update(w, "dp1", "http://a", [service("mail", ["send", "list"]), POST]);
  assert.deepEqual(w.tables.deployments.get("dp1")?.revisions, { mail: 1, post: 2 });
  assert.deepEqual(w.tables.deployments.get("dp1")?.overrides, {});
  assert.equal(w.tables.service("mail")?.deployment, "dp2");
  assert.equal(w.tables.service("post")?.deployment, "dp1");
});

test("an unknown deployment, and an address that is another's, are refused", () => {
  const w = new World();
  w.register([MAIL], { id: "dp1", url: "http://a" });
  w.register([MAIL], { id: "dp2", url: "http://b" });
  const codeOf = (id: string, url: string): string => {
    const { outcome } = update(w, id, url, [MAIL]);
    return outcome.ok ? "" : outcome.code;
  };
  assert.equal(codeOf("dp3", "http://c"), "deployment-not-found");
  assert.equal(codeOf("dp1", "http://b"), "deployment-changed");
  assert.equal(codeOf("dp1", "http://a"), "");
});
