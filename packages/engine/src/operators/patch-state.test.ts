import assert from "node:assert/strict";
import { test } from "node:test";

import type { Outcome } from "../effect.ts";
import { describeValue } from "../testing/describe.ts";
import { bytesOf, object, service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

const KEY = "cart\u0000ada";

function world(settings = {}): World {
  return new World({ settings, services: [object("cart", ["add"]), service("mail", ["send"])] });
}

type Entries = ReadonlyArray<readonly [string, string]>;

function patch(w: World, entries: Entries, expectedVersion = -1, service = "cart"): Outcome {
  const bytes = entries.map(([name, value]) => [name, bytesOf(value)] as const);
  return w.apply({ kind: "patch-state", service, key: "ada", expectedVersion, entries: bytes }).outcome;
}

function state(w: World): string {
  return describeValue(w.tables.objects.get(KEY)?.state);
}

test("a patch replaces the whole state and says which version that made", () => {
  const w = world();
  assert.deepEqual(patch(w, [["a", "1"]]), { ok: true, detail: { version: 1 } });
  assert.deepEqual(patch(w, [["b", "2"]]), { ok: true, detail: { version: 2 } });
  assert.equal(state(w), '[["b", "2"]]');
  w.checkpoint();
  w.restart();
});

test("a patch that expects another version changes nothing", () => {
  const w = world();
  patch(w, [["a", "1"]]);
  const outcome = patch(w, [], 0);
  assert.equal(outcome.ok ? "" : outcome.code, "state-version-conflict");
  assert.equal(state(w), '[["a", "1"]]');
  assert.ok(patch(w, [], 1).ok);
});

test("a patch that names a key twice counts it once", () => {
  const w = world();
  patch(w, [
    ["a", "12345"],
    ["a", "1"],
  ]);
  assert.equal(w.tables.objects.get(KEY)?.stateBytes, 2);
  w.checkpoint();
  w.restart();
});

test("a patch keeps to the limits of state, and to services that have any", () => {
  const w = world({ stateValueBytesMax: 4, stateBytesMax: 8 });
  const codes = [
    patch(w, [["a", "12345"]]),
    patch(w, [
      ["a", "1234"],
      ["b", "1234"],
    ]),
    patch(w, [], -1, "mail"),
    patch(w, [], -1, "nothing"),
  ].map((outcome) => (outcome.ok ? "" : outcome.code));
  assert.deepEqual(codes, ["limit-exceeded", "limit-exceeded", "state-not-allowed", "service-not-found"]);
  assert.equal(w.tables.objects.get(KEY), undefined);
});

test("a patch is refused while an attempt that may write the state is running, and accepted once it waits", () => {
  const w = world();
  const id = w.invoke("cart/ada/add");
  const refused = patch(w, [["a", "1"]]);
  assert.equal(refused.ok ? "" : refused.code, "state-in-use");
  const attempt = w.attempt(id);
  attempt.suspend([attempt.sleep(1_000)]);
  assert.ok(patch(w, [["a", "1"]]).ok);
  w.advance(1_000);
  assert.equal(w.attempt(id).number, 2);
  assert.equal(state(w), '[["a", "1"]]');
});
