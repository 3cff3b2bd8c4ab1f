import assert from "node:assert/strict";
import { test } from "node:test";

import {
  defaultFoldSettings,
  type Effect,
  type LogRecord,
  type Outcome,
  type RecordBody,
  type Tables,
} from "@holdfast/engine";
import { object, playHistory, service, workflow, World, type WorldWatcher } from "@holdfast/engine/testing";
import { MessageType, messageTypeName } from "@holdfast/protocol";
import fc from "fast-check";

import { describeDifference, type Difference } from "./compare.ts";
import { ModelDifferential } from "./model-differential.ts";
import { playWideHistory } from "./wide-history.contract.ts";

/** HOLDFAST_HISTORIES=1000 npm test -- --only model looks longer. */
const ASKED = process.env["HOLDFAST_HISTORIES"];
const LIMITS =
  ASKED === undefined ? { numRuns: 40, interruptAfterTimeLimit: 8_000 } : { numRuns: Number(ASKED) };
/** All of the tables are compared once in so many records; what a record touches, with each. */
const COMPARE_ALL_EVERY = 16;

type Observe = WorldWatcher["applied"];

function mustAgree(differences: readonly Difference[], after: string): void {
  assert.equal(differences.length, 0, `after ${after}:\n${differences.map(describeDifference).join("\n")}`);
}

/** Fails with the first record after which model and product differ. */
function differential(): Observe {
  const beside = new ModelDifferential();
  let records = 0;
  return (record, { outcome, effects }, tables) => {
    const name = `record ${records} (${record.body.kind})`;
    mustAgree(beside.apply(record, outcome, effects, tables), name);
    if (records % COMPARE_ALL_EVERY === 0) mustAgree(beside.compareAll(tables), name);
    records += 1;
  };
}

function historiesOf(length: number) {
  return fc.array(fc.nat(100_000), { minLength: length / 4, maxLength: length, size: "max" });
}

test("model and product come to the same, whatever a world of callers, handlers and operators does", () => {
  fc.assert(
    fc.property(historiesOf(900), (numbers) => {
      playHistory(numbers, { monitored: false, watcher: { applied: differential() } });
    }),
    LIMITS,
  );
});

test("they do so as well when handlers break the protocol and operators change everything", () => {
  fc.assert(
    fc.property(historiesOf(1_500), (numbers) => {
      playWideHistory(numbers, differential());
    }),
    LIMITS,
  );
});

test("those histories hold every kind of record and every message of a handler, accepted and refused", () => {
  const seen = new Set<string>();
  const note: Observe = ({ body }, { outcome }) => {
    seen.add(`${body.kind} ${outcome.ok ? "ok" : "refused"}`);
    if (body.kind !== "attempt-messages" || !outcome.ok) return;
    for (const { type } of body.messages) seen.add(messageTypeName(type));
  };
  for (const numbers of fc.sample(historiesOf(1_500), { seed: 7, numRuns: 60 }))
    playWideHistory(numbers, note);
  const missing = [...expectedKinds(), ...sdkMessages()].filter((name) => !seen.has(name));
  assert.deepEqual(missing, []);
});

/** Records that are never refused, and those that may be. */
const NEVER_REFUSED = ["engine-started", "timers-fired", "expire"];
const MAY_BE_REFUSED: ReadonlyArray<RecordBody["kind"]> = [
  "invoke",
  "attempt-messages",
  "attempt-lost",
  "signal",
  "complete-promise",
  "cancel",
  "kill",
  "pause",
  "resume",
  "restart",
  "purge",
  "reschedule",
  "register-deployment",
  "remove-deployment",
  "patch-state",
  "configure-service",
  "update-deployment",
];

function expectedKinds(): string[] {
  const both = MAY_BE_REFUSED.flatMap((kind) => [`${kind} ok`, `${kind} refused`]);
  return [...NEVER_REFUSED.map((kind) => `${kind} ok`), ...both];
}

function sdkMessages(): string[] {
  const sent = Object.entries(MessageType).filter(([name, type]) => {
    const isCommand = type >= MessageType.Output && type <= MessageType.Reschedule;
    const control = ["Suspension", "Error", "End", "ProposeRunCompletion", "RunAttemptFailed"];
    return isCommand || control.includes(name);
  });
  return sent.map(([name]) => name);
}

test("they agree on what histories seldom reach: long outages, a cancel passed on, an id that is born again", () => {
  const settings = { retryPolicy: { ...defaultFoldSettings.retryPolicy, initialIntervalMs: 6_000 } };
  const w = new World({
    settings,
    services: [service("mail", ["send"]), workflow("flow", [])],
    watcher: { applied: differential() },
  });
  const away = w.invoke("mail/send");
  for (let lost = 0; lost < 4; lost++) {
    w.lose(away);
    w.advance(20_000);
  }
  const caller = w.invoke("mail/send");
  const { id: callee } = w.attempt(caller).call("mail/send");
  w.apply({ kind: "cancel", id: caller });
  w.attempt(caller).cancel(callee);
  const run = w.invoke("flow/k/run");
  const { id: old } = w.attempt(run).call("mail/send");
  w.attempt(run).return("does not wait");
  w.must({ kind: "purge", id: run, journalOnly: false });
  w.invoke("flow/k/run");
  const { completionId } = w.attempt(run).call("mail/send");
  w.attempt(run).suspend([completionId]);
  w.attempt(old).return("late");
  w.lose(away);
});

// -- the differential itself can fail --------------------------------------------------------------------------------

type Step = { readonly record: LogRecord; readonly outcome: Outcome; readonly effects: readonly Effect[] };

/** A story of one object, a workflow and a caller, with all that a sabotage needs. */
function story(): { readonly steps: Step[]; readonly tables: Tables } {
  const steps: Step[] = [];
  const w = new World({
    services: [object("cart", ["add"]), service("mail", ["send"]), workflow("flow", ["tell"])],
    watcher: {
      applied: (record, { outcome, effects }) => {
        steps.push({ record, outcome, effects: [...effects] });
      },
    },
  });
  const [first, second] = [
    w.invoke("cart/ada/add", { as: "first" }),
    w.invoke("cart/ada/add", { as: "second" }),
  ];
  const a = w.attempt(first);
  a.set("items", "1");
  const sleep = a.sleep(1_000);
  w.signal(first, 17, "x");
  w.signal("nobody", 17, "x");
  a.suspend([sleep]);
  w.advance(1_000);
  w.attempt(first).return("added");
  w.attempt(second).propose(w.attempt(second).run("step"), "done");
  return { steps, tables: w.tables };
}

/** What the differential says of a story that was tampered with. */
function differences(tamper: (steps: Step[], tables: Tables) => void): string[] {
  const { steps, tables } = story();
  tamper(steps, tables);
  const beside = new ModelDifferential();
  const found = steps.flatMap(({ record, outcome, effects }) => beside.apply(record, outcome, effects));
  return [...found, ...beside.compareAll(tables)].map(describeDifference);
}

function stepOf(steps: readonly Step[], kind: RecordBody["kind"], nth = 0): number {
  return (
    steps.flatMap(({ record }, index) => (record.body.kind === kind ? [index] : []))[nth] ?? assert.fail(kind)
  );
}

test("a story that was not tampered with is the same in both", () => {
  assert.deepEqual(
    differences(() => {}),
    [],
  );
});

test("outcomes that are swapped are told", () => {
  const told = differences((steps) => {
    const [accepted, refused] = [stepOf(steps, "signal"), stepOf(steps, "signal", 1)];
    const [a, b] = [steps[accepted] ?? assert.fail(), steps[refused] ?? assert.fail()];
    steps[accepted] = { ...a, outcome: b.outcome };
    steps[refused] = { ...b, outcome: a.outcome };
  });
  assert.deepEqual(told, [
    "outcome of signal, answer: the model has ok, the product refused invocation-not-found",
    "outcome of signal, answer: the model has refused invocation-not-found, the product ok",
  ]);
});

test("a lock that is not released, a state that is not written and an outcome that changes are told", () => {
  const told = differences((_steps, tables) => {
    const cart = tables.objects.edit("cart\u0000ada");
    cart.holder = "first";
    cart.state.clear();
    tables.invocations.edit("first").result = { kind: "void" };
  });
  assert.deepEqual(told, [
    "invocation first, result: the model has bytes:added, the product void",
    "object cart/ada, lock holder: the model has second, the product first",
    "object cart/ada, state items: the model has bytes:1, the product nothing",
  ]);
});

test("a notification that is missing from a journal is told", () => {
  const told = differences((_steps, tables) => {
    const row = tables.invocations.edit("second");
    row.tail.pop();
    row.journalLength -= 1;
  });
  const [entry = ""] = told;
  assert.match(entry, /invocation second, journal\[2\]: the model has RunCompletion .* the product nothing/);
});

test("an attempt that nobody was told to start, and a message that was not delivered, are told", () => {
  const drop = (kind: RecordBody["kind"]) => (steps: Step[]) => {
    const at = stepOf(steps, kind);
    steps[at] = { ...(steps[at] ?? assert.fail()), effects: [] };
  };
  assert.match(
    differences(drop("timers-fired")).join(),
    /invocation first, effect 0: the model has start .*nothing/,
  );
  assert.match(
    differences(drop("signal")).join(),
    /invocation first, effect 0: the model has deliver 1 Signal/,
  );
});

test("a record that one of the two has not seen is told", () => {
  const told = differences((steps) => {
    steps.splice(stepOf(steps, "timers-fired"), 1);
  });
  assert.match(told.join("\n"), /invocation first, status: the model has suspended, the product completed/);
});

test("a retry that comes too early or too late is told", () => {
  const beside = new ModelDifferential();
  const w = new World({
    services: [service("mail", ["send"])],
    watcher: {
      applied: (record) => {
        beside.apply(record);
      },
    },
  });
  w.attempt(w.invoke("mail/send", { as: "a" })).error("no");
  assert.deepEqual(beside.compareAll(w.tables), []);
  const row = w.tables.invocations.edit("a");
  for (const due of [499, 669]) {
    row.timer = `${String(w.now + due).padStart(16, "0")}-000000000000001`;
    assert.deepEqual(beside.compareAll(w.tables).map(describeDifference), [
      `invocation a, waits for timer: the model has ${w.now + 500} to ${w.now + 668}, the product ${w.now + due}`,
    ]);
  }
});
