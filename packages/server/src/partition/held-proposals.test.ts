import assert from "node:assert/strict";
import { describe, it } from "node:test";

import type { Outcome, RecordBody } from "@holdfast/engine";

import type { Urgency } from "./batcher.ts";
import { HeldProposals } from "./held-proposals.ts";

const COUNT_MAX = 10_000;
const BYTES_MAX = 32 * 1024 * 1024;
const RELEASED_PER_TURN = 200;
const MEBIBYTE = 1024 * 1024;
const HEADROOM = 1.1;

const done = (_outcome: Outcome): void => {};

/** A store that keeps up or does not, as the test wants it. */
class World {
  isBehind = true;
  readonly submitted: string[] = [];
  readonly urgencies: Urgency[] = [];
  /** What was put off to the next turn. */
  readonly soon: Array<() => void> = [];
  readonly held: HeldProposals = new HeldProposals({
    soon: (run) => this.soon.push(run),
    mustWait: () => this.isBehind,
    submit: (body, _done, urgency) => {
      this.submitted.push("id" in body ? body.id : body.kind);
      this.urgencies.push(urgency);
    },
  });

  take(body: RecordBody): void {
    this.held.take(body, done);
  }

  takeMany(count: number): string[] {
    const ids = Array.from({ length: count }, (_, index) => `inv_${index}`);
    for (const id of ids) this.take({ kind: "cancel", id });
    return ids;
  }

  turn(): void {
    for (const run of this.soon.splice(0)) run();
  }
}

describe("held proposals", () => {
  it("are submitted at once while nothing has to wait", () => {
    const { held, submitted, urgencies } = Object.assign(new World(), { isBehind: false });
    held.take({ kind: "cancel", id: "a" }, done, "patient");
    assert.deepEqual([submitted, urgencies, held.count], [["a"], ["patient"], 0]);
  });

  it("keep their order, also before those that come when the wait is over", () => {
    const world = new World();
    world.take({ kind: "cancel", id: "a" });
    world.take({ kind: "kill", id: "b" });
    world.isBehind = false;
    world.take({ kind: "pause", id: "c" });
    assert.deepEqual(world.submitted, []);
    world.held.release();
    assert.deepEqual(world.submitted, ["a", "b", "c"]);
    assert.equal(world.held.count, 0);
  });

  it("are full when so many wait, and no longer when one has gone", () => {
    const world = new World();
    world.takeMany(COUNT_MAX - 1);
    assert.ok(!world.held.isFull);
    world.take({ kind: "cancel", id: "last" });
    assert.ok(world.held.isFull);
    world.isBehind = false;
    world.held.release();
    assert.ok(!world.held.isFull);
  });

  const payload = new Uint8Array(MEBIBYTE);
  const text = "x".repeat(MEBIBYTE);
  const value = { kind: "value", value: payload } as const;
  const heavy: readonly RecordBody[] = [
    {
      kind: "invoke",
      id: "inv",
      target: { service: "S", handler: "h", key: "", kind: "plain" },
      input: payload,
      inputHash: 0,
      idempotencyKey: undefined,
      startAt: 0,
      source: { kind: "ingress", id: "" },
    },
    { kind: "signal", id: "inv", index: 1, name: undefined, result: value, cause: "" },
    {
      kind: "signal",
      id: "inv",
      index: 1,
      name: undefined,
      result: { kind: "failure", failure: { code: 500, message: text, metadata: [] } },
      cause: "",
    },
    { kind: "complete-promise", service: "W", key: "k", name: "n", result: value },
    { kind: "patch-state", service: "O", key: "k", expectedVersion: -1, entries: [["entry", payload]] },
    {
      kind: "register-deployment",
      id: "dep",
      url: "http://localhost",
      manifest: { wires: ["native"], sdk: "", runtime: "", services: [] },
      metadata: {},
      headers: { [text]: "" },
      force: false,
      breaking: false,
      dryRun: false,
    },
  ];
  for (const body of heavy) {
    it(`are full when they hold so many bytes: ${body.kind}`, () => {
      const world = new World();
      while (!world.held.isFull) world.take(body);
      assert.ok(world.held.count <= BYTES_MAX / MEBIBYTE, `${world.held.count}`);
      assert.ok(world.held.count >= BYTES_MAX / MEBIBYTE / HEADROOM, `${world.held.count}`);
      world.held.releaseAll();
      world.take(body);
      assert.ok(!world.held.isFull);
    });
  }

  it("are released in turns, none of which is long", () => {
    const world = new World();
    const ids = world.takeMany(2 * RELEASED_PER_TURN + 1);
    world.isBehind = false;
    world.held.release();
    assert.equal(world.submitted.length, RELEASED_PER_TURN);
    // Told again meanwhile, it does not go faster.
    world.held.release();
    assert.equal(world.submitted.length, RELEASED_PER_TURN);
    world.turn();
    assert.equal(world.submitted.length, 2 * RELEASED_PER_TURN);
    world.turn();
    assert.deepEqual(world.submitted, ids);
    assert.deepEqual(world.soon, []);
  });

  it("wait again when the store falls behind between two turns", () => {
    const world = new World();
    const ids = world.takeMany(RELEASED_PER_TURN + 1);
    world.isBehind = false;
    world.held.release();
    world.isBehind = true;
    world.turn();
    assert.equal(world.held.count, 1);
    world.isBehind = false;
    world.held.release();
    assert.deepEqual(world.submitted, ids);
  });

  it("never happen when they are dropped, and leave room", () => {
    const world = new World();
    world.takeMany(COUNT_MAX);
    world.held.drop();
    assert.deepEqual([world.held.count, world.held.isFull], [0, false]);
    world.isBehind = false;
    world.held.releaseAll();
    world.held.release();
    world.take({ kind: "cancel", id: "later" });
    assert.deepEqual(world.submitted, ["later"]);
  });
});
