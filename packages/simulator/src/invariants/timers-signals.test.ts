import type { JournalEntry } from "@holdfast/engine";

import { testInvariants, WatchedWorld, type Fault } from "./watched-world.contract.ts";

function failed(ms: number): WatchedWorld {
  const w = new WatchedWorld();
  w.world.invoke("mail/send", { as: "sleeper" });
  w.world.attempt("sleeper").sleep(ms);
  return w;
}

function timerKeys({ tables }: WatchedWorld): string[] {
  return [...tables.timers.all()].map(([key]) => key).sort();
}

/** What is set for later fires now. */
const wakesEarly: Fault = (applied, body, tables) => {
  if (body.kind !== "timers-fired") return applied;
  const { tail } = tables.invocations.edit("sleeper");
  const woken = tail.pop() as JournalEntry;
  tail.push({ ...woken, at: woken.at - 1 });
  return applied;
};

/** A timer that is reported too early is neither fired nor put back. */
const losesEarlyTimers: Fault = ({ outcome, effects }, body) => ({
  outcome,
  effects: body.kind === "timers-fired" ? effects.filter(({ kind }) => kind !== "set-timer") : effects,
});

/** A second signal with the same number is appended like the first. */
const takesSignalsTwice: Fault = (applied, body, tables) => {
  if (body.kind !== "signal" || !applied.outcome.ok || applied.outcome.detail?.unchanged !== true)
    return applied;
  const row = tables.invocations.edit(body.id);
  const first = row.tail.find(({ type }) => type === 0xfbff) as JournalEntry;
  row.tail.push(first);
  row.journalLength += 1;
  return applied;
};

/** Whoever comes second is believed. */
const settlesPromisesTwice: Fault = ({ outcome, effects }, body) =>
  body.kind === "complete-promise" && outcome.ok
    ? { effects, outcome: { ok: true, detail: { existed: true, result: body.result } } }
    : { outcome, effects };

const acceptsAnything: Fault = ({ effects }) => ({ outcome: { ok: true }, effects });

function settle(w: WatchedWorld, text: string): void {
  const value = new TextEncoder().encode(text);
  w.world.apply({
    kind: "complete-promise",
    service: "flow",
    key: "ada",
    name: "answer",
    result: { kind: "value", value },
  });
}

testInvariants([
  {
    id: "TIM-1",
    holds: {
      "a timer fires when it is due": (w) => {
        w.world.invoke("mail/send", { as: "sleeper" });
        w.world.attempt("sleeper").sleep(1_000);
        w.world.advance(1_000);
      },
      "a timer that is reported too early is put back": (w) => {
        w.world.invoke("mail/send", { as: "sleeper" });
        w.world.attempt("sleeper").sleep(1_000);
        w.world.apply({ kind: "timers-fired", keys: timerKeys(w) });
      },
    },
    broken: {
      "a sleep ends before its time": [
        wakesEarly,
        (w) => {
          w.world.invoke("mail/send", { as: "sleeper" });
          w.world.attempt("sleeper").sleep(1_000);
          w.world.advance(1_000);
        },
      ],
      "the time of the log goes back": (w) => {
        w.world.now -= 10;
        w.world.invoke("mail/send");
      },
      "a timer is fired before it is due": [
        losesEarlyTimers,
        (w) => {
          w.world.invoke("mail/send", { as: "sleeper" });
          w.world.attempt("sleeper").sleep(1_000);
          w.world.apply({ kind: "timers-fired", keys: timerKeys(w) });
        },
      ],
    },
  },
  {
    id: "TIM-2",
    holds: {
      "every timer fires, and is kept until then": (w) => {
        w.world.invoke("mail/send", { as: "sleeper" });
        const a = w.world.attempt("sleeper");
        a.suspend([a.sleep(1_000)]);
        w.world.restart();
        w.rest();
      },
    },
    broken: {
      "a timer is gone after a recovery": (w) => {
        w.world.invoke("mail/send", { as: "sleeper" });
        w.world.attempt("sleeper").sleep(1_000);
        w.recover({ tables: failed(2_000).tables });
      },
      "a timer is overdue at rest": (w) => {
        w.world.invoke("mail/send", { as: "sleeper" });
        const a = w.world.attempt("sleeper");
        a.suspend([a.sleep(1_000)]);
        w.rest({ now: w.world.now + 1_001 });
      },
    },
  },
  {
    id: "TIM-3",
    holds: {
      "timers sort by when they are due, and fire so": (w) => {
        w.world.invoke("mail/send", { as: "sleeper" });
        for (const ms of [0, 9_000, Number.MAX_SAFE_INTEGER - 1_000_000, 1_000])
          w.world.attempt("sleeper").sleep(ms);
        w.world.advance(10_000);
      },
    },
    broken: {
      "the later fires before the earlier": (w) => {
        w.world.invoke("mail/send", { as: "sleeper" });
        for (const ms of [0, 9_000]) w.world.attempt("sleeper").sleep(ms);
        w.world.now += 10_000;
        w.world.apply({ kind: "timers-fired", keys: timerKeys(w).reverse() });
      },
      "a key does not say when its timer is due": [
        ({ outcome, effects }) => ({
          outcome,
          effects: effects.map((effect) => (effect.kind === "set-timer" ? { ...effect, due: 5 } : effect)),
        }),
        (w) => {
          w.world.invoke("mail/send", { as: "sleeper" });
          w.world.attempt("sleeper").sleep(1_000);
        },
      ],
    },
  },
  {
    id: "SIG-1",
    holds: {
      "the first outcome of an awakeable stays": (w) => {
        w.world.invoke("mail/send", { as: "waiting" });
        w.world.signal("waiting", 17, "yes");
        w.world.signal("waiting", 17, "no");
      },
      "the first outcome of a promise stays": (w) => {
        w.world.invoke("flow/ada/run", { as: "flow" });
        settle(w, "yes");
        settle(w, "no");
        w.world.attempt("flow").promise("answer");
      },
    },
    broken: {
      "an awakeable gets a second outcome": [
        takesSignalsTwice,
        (w) => {
          w.world.invoke("mail/send", { as: "waiting" });
          w.world.signal("waiting", 17, "yes");
          w.world.signal("waiting", 17, "no");
        },
      ],
      "a promise gets a second outcome": [
        settlesPromisesTwice,
        (w) => {
          w.world.invoke("flow/ada/run", { as: "flow" });
          settle(w, "yes");
          settle(w, "no");
        },
      ],
    },
  },
  {
    id: "SIG-2",
    holds: {
      "a signal to nobody is refused": (w) => {
        w.world.signal("nobody", 17, "yes");
      },
      "a client is told that its signal to nobody was ignored": (w) => {
        w.client({ verb: "signal", invocation: "nobody" }, { body: '{"status":"ignored"}' });
      },
    },
    broken: {
      "a signal to nobody is accepted": [
        acceptsAnything,
        (w) => {
          w.world.signal("nobody", 17, "yes");
        },
      ],
      "a client is told that nobody got its signal": (w) => {
        w.client({ verb: "signal", invocation: "nobody" });
      },
    },
  },
]);
