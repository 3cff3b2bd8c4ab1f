import type { JournalEntry, StartAttemptEffect } from "@holdfast/engine";
import { MessageType } from "@holdfast/protocol";

import { testInvariants, WatchedWorld, type Fault } from "./watched-world.contract.ts";

function journalOf({ tables }: WatchedWorld, id: string): JournalEntry[] {
  const row = tables.invocations.get(id);
  return row === undefined ? [] : tables.journal(row);
}

/** "mail", whose step has its result, and whose second attempt is to be started by the test. */
function secondAttempt(w: WatchedWorld): WatchedWorld {
  w.world.invoke("mail/send", { as: "mail" });
  const a = w.world.attempt("mail");
  a.propose(a.run("step"), "done");
  a.propose(a.run("step"), "done too");
  w.isActing = false;
  w.world.lose("mail");
  w.world.advance(1_000);
  return w;
}

/** A second end of what has ended. */
const endsTwice: Fault = ({ outcome, effects }, body) => {
  const end = { kind: "completed", id: "mail", result: { kind: "void" } } as const;
  return { outcome, effects: body.kind === "purge" ? [...effects, end] : effects };
};

/** Nothing is as old as it has to be to go. */
const removesEarly: Fault = (applied, body, tables) => {
  if (body.kind === "expire") for (const id of body.ids) tables.removeInvocation(id);
  return applied;
};

/** The retry that is due in a while is due now. */
const isImpatient: Fault = (applied, body, tables) => {
  if (body.kind === "attempt-messages") tables.invocations.edit(body.id).nextRetryAt = tables.meta.now;
  return applied;
};

/** It fails as often as it likes. */
const neverGivesUp: Fault = (applied, _body, tables) => {
  const row = tables.invocations.get("mail");
  if (row?.status === "paused") tables.invocations.edit("mail").status = "backing-off";
  return applied;
};

/** What comes after the suspension does not wake it. */
const sleepsOn: Fault = ({ outcome, effects }, body, tables) => {
  if (body.kind !== "signal") return { outcome, effects };
  const row = tables.invocations.edit(body.id);
  row.status = "suspended";
  row.awaiting = { completions: [], signals: [17], namedSignals: [] };
  return { outcome, effects: effects.filter(({ kind }) => kind !== "start-attempt") };
};

/** Messages are accepted from whichever attempt they come. */
const acceptsAnything: Fault = ({ effects }) => ({ outcome: { ok: true }, effects });

const skipsANumber: Fault = ({ outcome, effects }) => ({
  outcome,
  effects: effects.map((effect) => (effect.kind === "start-attempt" ? { ...effect, attempt: 2 } : effect)),
});

const hidesFailures: Fault = (applied, body, tables) => {
  if (body.kind === "attempt-messages") tables.invocations.edit(body.id).events.length = 0;
  return applied;
};

/** Nobody is asked whether there is an invocation under the key already. */
const forgetsKeys: Fault = (applied, body, tables) => {
  if (body.kind !== "purge") return applied;
  const { chunks, ...row } = tables.invocations.edit("mail");
  tables.invocations.insert("mail again", { ...row, id: "mail again", chunks: [...chunks] });
  return {
    outcome: applied.outcome,
    effects: [{ kind: "abort-attempt", id: "mail again", attempt: 1, reason: "" }],
  };
};

/** The outcome is another than what the handler returned. */
const forgetsOutput: Fault = ({ outcome, effects }) => ({
  outcome,
  effects: effects.map((effect) =>
    effect.kind === "completed" ? { ...effect, result: { kind: "value", value: new Uint8Array(0) } } : effect,
  ),
});

/** Whatever comes under a key that is known is taken for the same. */
const comparesNothing: Fault = ({ outcome, effects }, body) => ({
  effects,
  outcome:
    body.kind === "invoke" && !outcome.ok ? { ok: true, detail: { id: "mail", existed: true } } : outcome,
});

/** What came during the attempt does not keep it from being suspended. */
const suspendsAnyway: Fault = ({ outcome, effects }, body, tables) => {
  if (effects.every(({ kind }) => kind !== "start-attempt") || body.kind !== "attempt-messages")
    return { outcome, effects };
  const row = tables.invocations.edit(body.id);
  row.status = "suspended";
  row.attempt = body.attempt;
  row.awaiting = { completions: [], signals: [1, 17], namedSignals: [] };
  return { outcome, effects: [] };
};

/** A suspension is no end: the next attempt begins at once, whatever is there. */
const restless: Fault = ({ outcome, effects }, body, tables) => {
  const row = tables.invocations.get("mail");
  if (body.kind !== "attempt-messages" || row?.status !== "suspended") return { outcome, effects };
  tables.invocations.edit("mail").status = "running";
  const { id, deployment } = row;
  const start = { kind: "start-attempt", id, attempt: body.attempt + 1, deployment } as StartAttemptEffect;
  return { outcome, effects: [...effects, start] };
};

testInvariants([
  {
    id: "INV-1",
    holds: {
      "all that was accepted has ended, or waits for somebody": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.attempt("mail").return("sent");
        w.client({ verb: "call" }, { invocation: "mail", body: "sent" });
        w.world.invoke("mail/send", { as: "waiting" });
        w.world.attempt("waiting").suspend([], { signals: [17] });
        w.client({ verb: "send" }, { invocation: "waiting" });
        w.rest();
      },
    },
    broken: {
      "something runs when nothing goes on any more": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.rest();
      },
      "something is removed before it ended": [
        removesEarly,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          w.world.apply({ kind: "expire", ids: ["mail"], budget: false });
        },
      ],
    },
  },
  {
    id: "INV-2",
    holds: {
      "everybody is told what is recorded": (w) => {
        w.world.invoke("mail/send", { as: "caller" });
        const call = w.world.attempt("caller").call("mail/send");
        w.world.attempt(call.id).return("sent");
        w.client({ verb: "attach" }, { invocation: call.id, body: "sent" });
        w.client({ verb: "output" }, { invocation: call.id, body: "sent" });
      },
    },
    broken: {
      "a client is told another value": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.attempt("mail").return("sent");
        w.client({ verb: "call" }, { invocation: "mail", body: "lost" });
      },
      "a client is told of a failure, and there is a value": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.attempt("mail").return("sent");
        w.client({ verb: "call" }, { invocation: "mail", outcome: "failed", status: 500 });
      },
      "two clients are told two failures": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.attempt("mail").return({ code: 500, message: "no" });
        w.client({ verb: "attach" }, { invocation: "mail", outcome: "failed", status: 500, body: "no" });
        w.client({ verb: "attach" }, { invocation: "mail", outcome: "failed", status: 500, body: "never" });
      },
      "the outcome is not what the handler returned": [
        forgetsOutput,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          w.world.attempt("mail").return("sent");
        },
      ],
      "it ends twice": [
        endsTwice,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          w.world.attempt("mail").return("sent");
          w.world.apply({ kind: "purge", id: "mail", journalOnly: true });
        },
      ],
    },
  },
  {
    id: "INV-3",
    holds: {
      "one key stands for one invocation": (w) => {
        const id = w.world.invoke("mail/send", { idempotencyKey: "k" });
        w.world.invoke("mail/send", { idempotencyKey: "k" });
        w.client({ verb: "send", idempotencyKey: "k" }, { invocation: id });
        w.client({ verb: "send", idempotencyKey: "k" }, { invocation: id });
      },
    },
    broken: {
      "clients with the same key are told of two": (w) => {
        for (const as of ["one", "two"]) {
          w.world.invoke("mail/send", { as });
          w.client({ verb: "send", idempotencyKey: "k" }, { invocation: as });
        }
      },
      "another request gets the outcome of the first": [
        comparesNothing,
        (w) => {
          w.world.invoke("mail/send", { as: "mail", idempotencyKey: "k", input: "to ada" });
          w.world.tryInvoke("mail/send", { as: "mail", idempotencyKey: "k", input: "to bob" });
        },
      ],
      "a second one is created under the key": [
        forgetsKeys,
        (w) => {
          w.world.invoke("mail/send", { as: "mail", idempotencyKey: "k" });
          w.world.attempt("mail").return("sent");
          w.world.apply({ kind: "purge", id: "mail", journalOnly: true });
        },
      ],
    },
  },
  {
    id: "INV-4",
    holds: {
      "a recorded result is seen again": (w) => {
        secondAttempt(w).start("mail", 2);
      },
    },
    broken: {
      "the next attempt does not get it": (w) => {
        const journal = journalOf(secondAttempt(w), "mail");
        w.start("mail", 2, { knownEntries: journal.length, journal: journal.slice(0, -1) });
      },
      "the next attempt gets another": (w) => {
        const journal = journalOf(secondAttempt(w), "mail");
        const changed = journal.map((entry, index) =>
          index === journal.length - 1 ? { ...entry, body: entry.body.slice(0, -1) } : entry,
        );
        w.start("mail", 2, { journal: changed.slice(0, -1).concat(journal.slice(2, 3)) });
      },
      "the next attempt executes the step again": (w) => {
        secondAttempt(w).start("mail", 2);
        w.step("step-began", "mail:1", 2);
      },
    },
  },
  {
    id: "INV-5",
    holds: {
      "a step without a result is executed again": (w) => {
        w.executesSteps = false;
        w.world.invoke("mail/send", { as: "mail" });
        const step = w.world.attempt("mail").run("step");
        w.step("step-began", `mail:${step}`, 1);
        w.world.lose("mail");
        w.world.advance(1_000);
        w.step("step-began", `mail:${step}`, 2);
        w.step("step-ended", `mail:${step}`, 2);
        w.world.attempt("mail").propose(step, "done");
      },
      "an id that comes again executes steps of its own": (w) => {
        for (let life = 0; life < 2; life++) {
          w.world.invoke("mail/send", { as: "mail", idempotencyKey: "k" });
          const a = w.world.attempt("mail");
          a.propose(a.run("step"), "done");
          a.return("sent");
          w.world.apply({ kind: "purge", id: "mail", journalOnly: false });
        }
      },
    },
    broken: {
      "a step has a result and was not executed": (w) => {
        w.executesSteps = false;
        w.world.invoke("mail/send", { as: "mail" });
        const a = w.world.attempt("mail");
        a.propose(a.run("step"), "done");
      },
      "a step is executed twice at the same time": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.attempt("mail").run("step");
        w.step("step-began", "mail:1", 1);
        w.step("step-began", "mail:1", 1);
      },
    },
  },
  {
    id: "INV-6",
    holds: {
      "only the newest attempt counts": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        const first = w.world.attempt("mail");
        w.world.lose("mail");
        w.world.advance(1_000);
        first.send({ type: MessageType.End });
        w.world.signal("mail", 17, "yes");
      },
    },
    broken: {
      "an attempt that was given up is told something": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.lose("mail");
        w.world.advance(1_000);
        w.world.signal("mail", 17, "yes");
        const entry = journalOf(w, "mail").at(-1);
        if (entry !== undefined) w.see({ kind: "delivered", life: 1, invocation: "mail", attempt: 1, entry });
      },
      "an attempt is sent twice": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.start("mail", 1);
      },
      "what an attempt sends is accepted after its end": [
        acceptsAnything,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          const first = w.world.attempt("mail");
          w.world.lose("mail");
          first.send({ type: MessageType.End });
        },
      ],
      "the log counts wrong": [
        skipsANumber,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
        },
      ],
    },
  },
  {
    id: "INV-7",
    holds: {
      "a journal that does not match is a failure to be seen": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.attempt("mail").error("run expected, sleep found", { code: 570 });
      },
    },
    broken: {
      "an attempt that does not match has recorded a command": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.attempt("mail").sleep(1_000);
        w.world.attempt("mail").error("run expected, sleep found", { code: 570 });
      },
      "nothing is to be seen of it": [
        hidesFailures,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          w.world.attempt("mail").error("run expected, sleep found", { code: 570 });
        },
      ],
    },
  },
  {
    id: "INV-8",
    holds: {
      "it is tried again as the policy says, and then no more": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        for (let failures = 1; failures <= 3; failures++) {
          w.world.attempt("mail").error("no");
          w.world.advance(1_000);
        }
        w.rest();
      },
    },
    broken: {
      "a step's failures are forgotten": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        const a = w.world.attempt("mail");
        const step = a.run("step");
        a.stepFailed(step, 2, 100);
        a.stepFailed(step, 1, 100);
      },
      "a step's failures are counted anew": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        const a = w.world.attempt("mail");
        const step = a.run("step");
        a.stepFailed(step, 1, 100);
        a.stepFailed(step, 1, 100);
      },
      "it is to be tried again too early": [
        isImpatient,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          w.world.attempt("mail").error("no");
        },
      ],
      "it is tried again too often": [
        neverGivesUp,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          for (let failures = 1; failures <= 3; failures++) {
            w.world.attempt("mail").error("no");
            w.world.advance(1_000);
          }
        },
      ],
    },
  },
  {
    id: "INV-9",
    holds: {
      "whatever it waits for wakes it": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.attempt("mail").suspend([], { signals: [17] });
        w.world.signal("mail", 17, "yes");
      },
    },
    broken: {
      "it is cancelled before the suspension arrives, and sleeps on": [
        suspendsAnyway,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          const a = w.world.attempt("mail");
          w.world.apply({ kind: "cancel", id: "mail" });
          w.isActing = false;
          a.suspend([], { signals: [1, 17] });
        },
      ],
      "it goes on with nothing that it waits for": [
        restless,
        (w) => {
          w.isActing = false;
          w.world.invoke("mail/send", { as: "mail" });
          w.world.attempt("mail").suspend([], { namedSignals: [["n", 1]] });
        },
      ],
      "what it waits for comes, and it sleeps on": [
        sleepsOn,
        (w) => {
          w.isActing = false;
          w.world.invoke("mail/send", { as: "mail" });
          w.world.attempt("mail").suspend([], { signals: [17] });
          w.world.signal("mail", 17, "yes");
        },
      ],
    },
  },
  {
    id: "INV-10",
    holds: {
      "a replay tells what was told, in the same order": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.signal("mail", 17, "yes");
        w.world.signal("mail", 18, "no");
        w.world.lose("mail");
        w.world.advance(1_000);
      },
    },
    broken: {
      "the second is told before the first": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.isActing = false;
        w.world.signal("mail", 17, "yes");
        w.world.signal("mail", 18, "no");
        const entry = journalOf(w, "mail").at(-1);
        if (entry !== undefined) w.see({ kind: "delivered", life: 1, invocation: "mail", attempt: 1, entry });
      },
      "a replay tells them in another order": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.signal("mail", 17, "yes");
        w.world.signal("mail", 18, "no");
        w.world.lose("mail");
        w.isActing = false;
        w.world.advance(1_000);
        const [input, ...signals] = journalOf(w, "mail");
        if (input !== undefined) w.start("mail", 2, { journal: [input, ...signals.reverse()] });
      },
    },
  },
]);
