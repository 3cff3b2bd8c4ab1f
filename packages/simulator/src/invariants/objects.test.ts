import { MessageType } from "@holdfast/protocol";

import { testInvariants, WatchedWorld, type Fault } from "./watched-world.contract.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** At the end of "first", the last in line is started. */
const startsTheLast: Fault = ({ effects, outcome }, body) => ({
  outcome,
  effects: effects.map((effect) =>
    body.kind === "kill" && effect.kind === "start-attempt" ? { ...effect, id: "third" } : effect,
  ),
});

/** Instead of "first", whose attempt is to be tried again, "second" is started. */
const startsAnother: Fault = ({ effects, outcome }, body) => ({
  outcome,
  effects: effects.map((effect) =>
    body.kind === "timers-fired" && effect.kind === "start-attempt" ? { ...effect, id: "second" } : effect,
  ),
});

/** The lock of whoever was killed stays with it. */
const keepsTheLock: Fault = (applied, body, tables) => {
  if (body.kind !== "kill") return applied;
  tables.objects.edit("cart\u0000ada").holder = body.id;
  return applied;
};

/** Whatever is written, nothing of it is there. */
const forgetsWrites: Fault = (applied, body, tables) => {
  if (body.kind === "attempt-messages") tables.objects.edit("cart\u0000ada").state.clear();
  return applied;
};

function threeForOneKey(w: WatchedWorld): void {
  for (const as of ["first", "second", "third"]) w.world.invoke("cart/ada/add", { as });
}

testInvariants([
  {
    id: "KEY-1",
    holds: {
      "the next starts with the end of the one before": (w) => {
        threeForOneKey(w);
        w.world.attempt("first").return("1");
        w.world.attempt("second").return("2");
      },
    },
    broken: {
      "an attempt of one starts while another holds the lock": (w) => {
        threeForOneKey(w);
        w.start("second", 1);
      },
      "the log starts one beside the other": [
        startsAnother,
        (w) => {
          threeForOneKey(w);
          w.world.lose("first");
          w.world.advance(10_000);
        },
      ],
    },
  },
  {
    id: "KEY-2",
    holds: {
      "they start in the order in which they came": (w) => {
        threeForOneKey(w);
        w.world.apply({ kind: "kill", id: "second" });
        w.world.attempt("first").return("1");
        w.world.attempt("third").return("3");
        w.rest();
      },
    },
    broken: {
      "the last in line starts first": [
        startsTheLast,
        (w) => {
          w.isActing = false;
          threeForOneKey(w);
          w.world.apply({ kind: "kill", id: "first" });
        },
      ],
    },
  },
  {
    id: "KEY-3",
    holds: {
      "handlers read what is recorded": (w) => {
        w.world.invoke("cart/ada/add", { as: "first" });
        w.world.attempt("first").set("n", "1");
        w.world.attempt("first").send({ type: MessageType.GetEagerState, key: "n", value: bytes("1") });
        w.world.invoke("lazy/ada/add", { as: "lazy" });
        w.world.attempt("lazy").getLazy("n");
      },
      "a shared handler reads what there was when it began": (w) => {
        w.world.invoke("cart/ada/show", { as: "reader" });
        w.world.invoke("cart/ada/add", { as: "first" });
        w.world.attempt("first").set("n", "1");
        w.world.attempt("reader").send({ type: MessageType.GetEagerState, key: "n", value: undefined });
      },
    },
    broken: {
      "a handler does not see its own write": (w) => {
        w.world.invoke("cart/ada/add", { as: "first" });
        w.world.attempt("first").set("n", "1");
        w.world.attempt("first").send({ type: MessageType.GetEagerState, key: "n", value: undefined });
      },
      "a shared handler sees what was written after it began": (w) => {
        w.world.invoke("cart/ada/show", { as: "reader" });
        w.world.invoke("cart/ada/add", { as: "first" });
        w.world.attempt("first").set("n", "1");
        w.world.attempt("reader").send({ type: MessageType.GetEagerState, key: "n", value: bytes("1") });
      },
    },
  },
  {
    id: "KEY-4",
    holds: {
      "the state is what was written": (w) => {
        w.world.invoke("cart/ada/add", { as: "first" });
        const a = w.world.attempt("first");
        a.set("n", "1");
        a.set("m", "2");
        a.clear("n");
        w.world.restart();
      },
    },
    broken: {
      "a write has no effect": [
        forgetsWrites,
        (w) => {
          w.world.invoke("cart/ada/add", { as: "first" });
          w.world.attempt("first").set("n", "1");
        },
      ],
      "a recovered state is another": (w) => {
        const other = new WatchedWorld();
        for (const [each, value] of [
          [w, "1"],
          [other, "2"],
        ] as const) {
          each.world.invoke("cart/ada/add", { as: "first" });
          each.world.attempt("first").set("n", value);
        }
        w.recover({ tables: other.tables });
      },
    },
  },
  {
    id: "KEY-5",
    holds: {
      "whatever ends an invocation frees its lock": (w) => {
        threeForOneKey(w);
        w.world.apply({ kind: "kill", id: "first" });
        w.world.attempt("second").return("2");
        w.recover();
      },
    },
    broken: {
      "who was killed keeps the lock": [
        keepsTheLock,
        (w) => {
          w.world.invoke("cart/ada/add", { as: "first" });
          w.world.attempt("first").set("n", "1");
          w.world.apply({ kind: "kill", id: "first" });
        },
      ],
    },
  },
]);
