import assert from "node:assert/strict";
import { test } from "node:test";

import { describeEffect } from "../testing/describe.ts";
import { service, workflow } from "../testing/handlers.ts";
import { World } from "../testing/world.ts";

function world(): World {
  return new World({ services: [service("mail", ["send"]), workflow("flow", ["tell"])] });
}

function state(w: World, id: string): string {
  const { status, attempt } = w.tables.invocations.get(id) ?? assert.fail();
  return `${status} ${attempt}`;
}

/** Each: something a handler can wait for, and what brings it about. */
const WAITS: ReadonlyArray<{
  readonly what: string;
  readonly wait: (
    w: World,
    id: string,
  ) => { completions?: number[]; signals?: number[]; named?: [string, number][] };
  readonly happen: (w: World, id: string) => void;
}> = [
  {
    what: "a sleep",
    wait: (w, id) => ({ completions: [w.attempt(id).sleep(100)] }),
    happen: (w) => w.advance(100),
  },
  {
    what: "a call",
    wait: (w, id) => ({ completions: [w.attempt(id).call("mail/send", { as: "callee" }).completionId] }),
    happen: (w) => w.attempt("callee").return("sent"),
  },
  {
    what: "a promise",
    wait: (w, id) => ({ completions: [w.attempt(id).promise("p")] }),
    happen: (w) => {
      const teller = w.attempt(w.invoke("flow/k/tell"));
      teller.resolve("p", "x");
    },
  },
  {
    what: "an attach",
    wait: (w, id) => {
      w.invoke("mail/send", { as: "target" });
      return { completions: [w.attempt(id).attach("target")] };
    },
    happen: (w) => w.apply({ kind: "kill", id: "target" }),
  },
  { what: "an awakeable", wait: () => ({ signals: [17] }), happen: (w, id) => w.signal(id, 17, "x") },
  { what: "a named signal", wait: () => ({ named: [["n", 0]] }), happen: (w, id) => w.signal(id, "n", "x") },
  { what: "a cancel", wait: () => ({ signals: [1] }), happen: (w, id) => w.apply({ kind: "cancel", id }) },
];

for (const { what, wait, happen } of WAITS) {
  test(`a suspended invocation resumes when ${what} comes`, () => {
    const w = world();
    const id = w.invoke("flow/k/run");
    const { completions = [], signals = [], named = [] } = wait(w, id);
    w.attempt(id).suspend(completions, { signals, namedSignals: named });
    w.checkpoint();
    w.restart();
    assert.equal(state(w, id), "suspended 1");
    happen(w, id);
    assert.equal(state(w, id), "running 2");
  });

  test(`${what} that crosses the suspension is not slept through`, () => {
    const w = world();
    const id = w.invoke("flow/k/run");
    const { completions = [], signals = [], named = [] } = wait(w, id);
    const attempt = w.attempt(id);
    happen(w, id);
    assert.equal(state(w, id), "running 1");
    attempt.suspend(completions, { signals, namedSignals: named });
    assert.equal(state(w, id), "running 2");
  });
}

test("any one of several is enough, and what comes while nobody waits for it wakes nobody", () => {
  const w = world();
  const id = w.invoke("flow/k/run");
  const a = w.attempt(id);
  const [short, long] = [a.sleep(100), a.sleep(1_000)];
  a.suspend([long]);
  w.advance(100);
  assert.equal(state(w, id), "suspended 1");
  w.signal(id, 17, "x");
  assert.equal(state(w, id), "suspended 1");
  w.advance(900);
  assert.equal(state(w, id), "running 2");
  const third = w.attempt(id);
  third.suspend([third.sleep(2_000), third.sleep(1_000)]);
  w.advance(1_000);
  assert.equal(state(w, id), "running 3");
  assert.equal(short, 1);
});

test("what arrived during an attempt is found also when a checkpoint has stored it since", () => {
  const w = world();
  const id = w.invoke("flow/k/run");
  const attempt = w.attempt(id);
  const sleep = attempt.sleep(100);
  w.advance(100);
  w.checkpoint();
  attempt.suspend([sleep]);
  assert.equal(state(w, id), "running 2");
});

for (const { what, wait, happen } of WAITS) {
  if (what === "a cancel") continue; // What an attempt began with is told from a cancel by its own rule.
  test(`a handler that suspends for ${what} which it began with is paused instead of spinning`, () => {
    const w = world();
    const id = w.invoke("flow/k/run");
    const { completions = [], signals = [], named = [] } = wait(w, id);
    w.attempt(id).suspend(completions, { signals, namedSignals: named });
    happen(w, id);
    assert.equal(state(w, id), "running 2");
    w.attempt(id).suspend(completions, { signals, namedSignals: named });
    assert.equal(state(w, id), "paused 2");
    assert.equal(w.tables.invocations.get(id)?.events.at(-1)?.code, "protocol-violation");
  });
}

test("so is one that suspends for what it never asked for", () => {
  const w = world();
  const id = w.invoke("flow/k/run");
  w.attempt(id).suspend([99]);
  assert.equal(state(w, id), "paused 1");
});

test("a cancel that was consumed by an earlier attempt does not keep a handler from waiting while it cleans up", () => {
  const w = world();
  const id = w.invoke("flow/k/run");
  w.attempt(id).suspend([w.attempt(id).sleep(1_000)], { signals: [1] });
  w.apply({ kind: "cancel", id });
  const cleanup = w.attempt(id).sleep(50);
  w.attempt(id).suspend([cleanup], { signals: [1] });
  assert.equal(state(w, id), "suspended 2");
  w.advance(50);
  assert.equal(state(w, id), "running 3");
  w.apply({ kind: "cancel", id });
  w.attempt(id).suspend([w.attempt(id).sleep(50)], { signals: [1] });
  assert.equal(state(w, id), "running 4", "a second cancel is told too");
});

test("an attempt begins with all that arrived, and is told the rest in order", () => {
  const w = world();
  const id = w.invoke("flow/k/run", { as: "a" });
  const first = w.attempt(id);
  const sleep = first.sleep(10);
  first.suspend([sleep]);
  w.signal(id, "n", "1");
  const { effects } = w.apply({ kind: "resume", id, deployment: undefined });
  assert.deepEqual(effects.map(describeEffect), ["start-attempt a#2 on dp1: 3 entries"]);
  const second = w.apply({
    kind: "signal",
    id,
    index: 17,
    name: undefined,
    result: { kind: "void" },
    cause: "x",
  });
  assert.deepEqual(second.effects.map(describeEffect), ["deliver a#2 Signal index=17 result=void (x)"]);
});

test("what an attempt sent behind its suspension is dropped, also when the suspension does not last", () => {
  const w = world();
  const id = w.invoke("flow/k/run");
  const a = w.attempt(id);
  w.signal(id, 17, "x");
  const length = w.tables.invocations.get(id)?.journalLength;
  a.batch(() => {
    a.suspend([], { signals: [17] });
    a.run("behind");
    a.return("behind");
  });
  assert.equal(state(w, id), "running 2");
  assert.equal(w.tables.invocations.get(id)?.journalLength, length);
});
