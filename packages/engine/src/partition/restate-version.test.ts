import assert from "node:assert/strict";
import { test } from "node:test";

import type { RestateEndpoint } from "@holdfast/protocol";

import type { FoldSettings } from "../limits.ts";
import { service } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

const SERVICES = [service("mail", ["send"])];

function speaking(minProtocolVersion: number, maxProtocolVersion: number): RestateEndpoint {
  return { minProtocolVersion, maxProtocolVersion, mode: "bidirectional", http: "2" };
}

/** A world in which `mail` is served by an SDK of Restate at http://one. */
function world(restate: RestateEndpoint, settings: Partial<FoldSettings> = {}): World {
  const w = new World({ settings });
  w.register(SERVICES, { id: "dp1", url: "http://one", restate });
  return w;
}

function reRegister(w: World, restate: RestateEndpoint | undefined): void {
  const speaks = restate === undefined ? {} : { restate };
  const outcome = w.register(SERVICES, { url: "http://one", force: true, breaking: true, ...speaks });
  assert.ok(outcome.ok);
}

function version(w: World, id: string): number | undefined {
  return w.tables.invocations.get(id)?.restateVersion;
}

function failOnce(w: World, id: string): void {
  w.attempt(id).error("no");
  w.advance(10_000);
}

function code(w: World, body: Parameters<World["apply"]>[0]): string {
  const { outcome } = w.apply(body);
  return outcome.ok ? "" : outcome.code;
}

test("the first attempt speaks the newest version that both sides know", () => {
  const cases: ReadonlyArray<readonly [RestateEndpoint, number | undefined, number]> = [
    [speaking(5, 7), 6, 6],
    [speaking(5, 7), 7, 7],
    [speaking(5, 6), 7, 6],
    [speaking(5, 5), 7, 5],
    [speaking(5, 7), 5, 5],
    [speaking(5, 7), undefined, 0],
  ];
  for (const [restate, restateVersionMax, expected] of cases) {
    const w = new World({ settings: { restateVersionMax } as Partial<FoldSettings> });
    w.register(SERVICES, { restate });
    assert.equal(version(w, w.invoke("mail/send")), expected);
  }
});

test("what runs keeps its version when its deployment learns another, through retries, crashes and checkpoints", () => {
  const w = world(speaking(5, 5));
  const old = w.invoke("mail/send");
  reRegister(w, speaking(5, 6));
  failOnce(w, old);
  assert.equal(version(w, old), 5);
  w.checkpoint();
  w.restart();
  failOnce(w, old);
  assert.equal(version(w, old), 5);
  assert.equal(version(w, w.invoke("mail/send")), 6);
});

test("what runs keeps its version when another is allowed", () => {
  const w = world(speaking(5, 7));
  const id = w.invoke("mail/send");
  w.must({ kind: "engine-started", epoch: 2, settings: { ...w.tables.settings, restateVersionMax: 7 } });
  failOnce(w, id);
  assert.equal(version(w, id), 6);
  assert.equal(version(w, w.invoke("mail/send")), 7);
});

test("what began when no version was pinned is pinned to what was spoken then", () => {
  const w = world(speaking(5, 7), { restateVersionMax: undefined } as unknown as Partial<FoldSettings>);
  const id = w.invoke("mail/send");
  failOnce(w, id);
  assert.equal(version(w, id), 0);
  w.must({ kind: "engine-started", epoch: 2, settings: { ...w.tables.settings, restateVersionMax: 7 } });
  failOnce(w, id);
  assert.equal(version(w, id), 6);
});

test("what has not begun has no version yet", () => {
  const w = world(speaking(5, 5));
  const id = w.invoke("mail/send", { delayMs: 10 });
  reRegister(w, speaking(5, 6));
  assert.equal(version(w, id), 0);
  w.advance(10);
  assert.equal(version(w, id), 6);
});

test("no version is kept where another protocol is spoken", () => {
  const w = world(speaking(5, 6));
  const id = w.invoke("mail/send");
  reRegister(w, undefined);
  failOnce(w, id);
  assert.equal(version(w, id), 0);
});

test("it goes on elsewhere only where its version is spoken", () => {
  const w = world(speaking(5, 5));
  const id = w.invoke("mail/send");
  w.must({ kind: "pause", id });
  w.register(SERVICES, { id: "newer", restate: speaking(6, 7) });
  w.register(SERVICES, { id: "older", restate: speaking(5, 6) });
  assert.equal(code(w, { kind: "resume", id, deployment: "newer" }), "protocol-version-mismatch");
  assert.equal(w.tables.invocations.get(id)?.deployment, "dp1");
  w.must({ kind: "resume", id, deployment: "older" });
  assert.equal(version(w, id), 5);
});

test("a prefix is repeated in the version that it was recorded in, and what draws by its id not at all", () => {
  const done = (w: World): string => {
    const id = w.invoke("mail/send");
    const attempt = w.attempt(id);
    attempt.propose(attempt.run("step"), "1");
    attempt.return("done");
    return id;
  };
  const seeded = world(speaking(5, 6));
  const id = done(seeded);
  seeded.register(SERVICES, { id: "other", restate: speaking(5, 7) });
  seeded.must({
    kind: "engine-started",
    epoch: 2,
    settings: { ...seeded.tables.settings, restateVersionMax: 7 },
  });
  const restart = { kind: "restart", id, newId: "again", fromCommand: 1, deployment: undefined } as const;
  seeded.must(restart);
  seeded.must({ ...restart, newId: "anew", fromCommand: 0 });
  assert.deepEqual([version(seeded, "again"), version(seeded, "anew")], [6, 7]);
  seeded.register(SERVICES, { id: "newest", restate: speaking(7, 7) });
  assert.equal(code(seeded, { ...restart, newId: "no" }), "protocol-version-mismatch");
  assert.equal(code(seeded, { ...restart, newId: "yes", fromCommand: 0 }), "");

  const unseeded = world(speaking(5, 5));
  const theirs = { ...restart, id: done(unseeded) };
  assert.equal(code(unseeded, theirs), "restart-unsupported");
  assert.equal(code(unseeded, { ...theirs, fromCommand: 0 }), "");
});
