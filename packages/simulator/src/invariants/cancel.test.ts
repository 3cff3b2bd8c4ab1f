import { MessageType } from "@holdfast/protocol";

import { testInvariants, WatchedWorld, type Fault } from "./watched-world.contract.ts";

/** "parent" waits for the invocation that this returns, and has sent to "sent", for which it does not. */
function family(w: WatchedWorld): string {
  w.world.invoke("mail/send", { as: "parent" });
  const a = w.world.attempt("parent");
  a.sendTo("mail/send", { as: "sent" });
  return a.call("mail/send", { as: "callee" }).id;
}

/** The cancel of whoever is asked to end is not written down. */
const forgetsCancels: Fault = (applied, body, tables) => {
  if (body.kind !== "cancel") return applied;
  const row = tables.invocations.edit(body.id);
  row.tail.pop();
  row.journalLength -= 1;
  return applied;
};

/** The cancel goes on to "sent" instead of stopping at those that are waited for. */
const goesOnToSends: Fault = ({ outcome, effects }, body, tables) => {
  const cancel = body.kind === "cancel" ? tables.invocations.edit("parent").tail.at(-1) : undefined;
  if (cancel === undefined) return { outcome, effects };
  const row = tables.invocations.edit("sent");
  row.tail.push(cancel);
  row.journalLength += 1;
  return { outcome, effects: [...effects, { kind: "deliver", id: "sent", attempt: 1, entry: cancel }] };
};

const killsNobody: Fault = ({ outcome, effects }, body) => ({
  outcome,
  effects: body.kind === "kill" ? effects.filter(({ kind }) => kind !== "completed") : effects,
});

const completionOfNothing = {
  type: MessageType.RunCompletion,
  body: new Uint8Array(0),
  at: 0,
  attempt: 1,
  deployment: "",
  cause: "handler",
};

/** Whoever is killed is tried again. */
const triesTheDead: Fault = ({ outcome, effects }, body) => ({
  outcome,
  effects:
    body.kind === "purge"
      ? [{ kind: "ack-run", id: body.id, attempt: 1, completionId: 1, entry: completionOfNothing }]
      : effects,
});

const acceptsAnything: Fault = ({ effects }) => ({ outcome: { ok: true }, effects });

testInvariants([
  {
    id: "CAN-1",
    holds: {
      "whoever is asked to end is told once, with those it waits for": (w) => {
        family(w);
        w.world.apply({ kind: "cancel", id: "parent" });
      },
      "what has not begun ends": (w) => {
        w.world.invoke("mail/send", { as: "later", delayMs: 1_000 });
        w.world.apply({ kind: "cancel", id: "later" });
      },
    },
    broken: {
      "it is not told": [
        forgetsCancels,
        (w) => {
          family(w);
          w.world.apply({ kind: "cancel", id: "parent" });
        },
      ],
      "somebody is told for whom it does not wait": [
        goesOnToSends,
        (w) => {
          family(w);
          w.world.apply({ kind: "cancel", id: "parent" });
        },
      ],
    },
  },
  {
    id: "CAN-2",
    holds: {
      "who is killed ends at once, with those it waits for": (w) => {
        family(w);
        w.world.apply({ kind: "kill", id: "parent" });
        w.world.signal("parent", 17, "too late");
      },
    },
    broken: {
      "an attempt of the dead starts": (w) => {
        family(w);
        w.world.apply({ kind: "kill", id: "parent" });
        w.start("parent", 2);
      },
      "who is killed goes on": [
        killsNobody,
        (w) => {
          family(w);
          w.world.apply({ kind: "kill", id: "parent" });
        },
      ],
      "the dead are told something": [
        triesTheDead,
        (w) => {
          w.world.invoke("mail/send", { as: "dead" });
          w.world.apply({ kind: "kill", id: "dead" });
          w.world.apply({ kind: "purge", id: "dead", journalOnly: true });
        },
      ],
    },
  },
  {
    id: "CAN-3",
    holds: {
      "the log says who came first, and everybody agrees": (w) => {
        w.world.invoke("mail/send", { as: "done" });
        w.world.attempt("done").return("sent");
        w.client({ verb: "kill", invocation: "done" }, { outcome: "refused", status: 409 }, () => {
          w.world.apply({ kind: "kill", id: "done" });
        });
        w.world.invoke("mail/send", { as: "dead" });
        w.client({ verb: "kill", invocation: "dead" }, {}, () => {
          w.world.apply({ kind: "kill", id: "dead" });
        });
      },
    },
    broken: {
      "a client is told that what has its value is killed": (w) => {
        w.world.invoke("mail/send", { as: "done" });
        w.world.attempt("done").return("sent");
        w.client({ verb: "kill", invocation: "done" });
      },
      "a client is told that it has ended, and it has not": (w) => {
        w.world.invoke("mail/send", { as: "running" });
        w.client({ verb: "cancel", invocation: "running" }, { outcome: "refused", status: 409 });
      },
      "a cancel after the end is accepted": [
        acceptsAnything,
        (w) => {
          w.world.invoke("mail/send", { as: "done" });
          w.world.attempt("done").return("sent");
          w.world.apply({ kind: "cancel", id: "done" });
        },
      ],
    },
  },
]);
