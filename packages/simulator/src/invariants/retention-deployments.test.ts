import { testInvariants, type Fault } from "./watched-world.contract.ts";

/** Nothing is as old as it has to be to go. */
const removesEarly: Fault = (applied, body, tables) => {
  if (body.kind === "expire") for (const id of body.ids) tables.removeInvocation(id);
  return applied;
};

testInvariants([
  {
    id: "INV-11",
    holds: {
      "what has ended is kept as long as it is to be": (w) => {
        w.world.invoke("mail/send", { as: "mail", idempotencyKey: "k" });
        w.world.attempt("mail").return("sent");
        w.world.apply({ kind: "expire", ids: ["mail"], budget: true });
        w.world.advance(25 * 3_600_000);
        w.world.apply({ kind: "expire", ids: ["mail"], budget: false });
        w.rest();
      },
    },
    broken: {
      "it is removed before": [
        removesEarly,
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          w.world.attempt("mail").return("sent");
          w.world.apply({ kind: "expire", ids: ["mail"], budget: false });
        },
      ],
      "it is there long after": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.world.attempt("mail").return("sent");
        w.rest({ now: w.world.now + 25 * 3_600_000 });
      },
    },
  },
  {
    id: "CFG-1",
    holds: {
      "an invocation stays on its deployment, and the next takes the newest": (w) => {
        w.world.invoke("mail/send", { as: "old" });
        w.world.register([{ name: "mail", kind: "service", handlers: [{ name: "send", kind: "plain" }] }], {
          id: "new",
        });
        w.world.lose("old");
        w.world.advance(1_000);
        w.world.attempt("old").sleep(10);
        w.world.invoke("mail/send", { as: "next" });
        w.world.apply({ kind: "pause", id: "old" });
        w.world.apply({ kind: "resume", id: "old", deployment: "new" });
        w.world.attempt("old").sleep(10);
      },
    },
    broken: {
      "an attempt goes to another deployment": (w) => {
        w.isActing = false;
        w.world.invoke("mail/send", { as: "mail" });
        w.start("mail", 1, { deployment: "another" });
      },
      "the log sends the next attempt elsewhere": [
        ({ outcome, effects }, body) => ({
          outcome,
          effects: effects.map((effect) =>
            body.kind === "timers-fired" && effect.kind === "start-attempt"
              ? { ...effect, deployment: "another" }
              : effect,
          ),
        }),
        (w) => {
          w.world.invoke("mail/send", { as: "mail" });
          w.world.lose("mail");
          w.isActing = false;
          w.world.advance(1_000);
        },
      ],
    },
  },
]);
