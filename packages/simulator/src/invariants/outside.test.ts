import { testInvariants, WatchedWorld } from "./watched-world.contract.ts";

/** A client's call to a counter, from its question on; the answer is given by the function that this returns. */
function count(w: WatchedWorld, detail: string): (body: string) => void {
  const operation = w.ask({ detail });
  return (body) => {
    w.answer(operation, { body });
  };
}

testInvariants([
  {
    id: "EXT-1",
    holds: {
      "one step acts under one key": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        const a = w.world.attempt("mail");
        a.propose(a.run("step"), "done");
        a.propose(a.run("step"), "done too");
        a.return("sent");
        w.rest();
      },
    },
    broken: {
      "two steps act under one key": (w) => {
        w.step("step-began", "mail:1", 1);
        w.step("step-ended", "mail:1", 1);
        w.see({ kind: "step-began", invocation: "mail", attempt: 2, name: "another", key: "mail:1" });
      },
      "a step acts twice though nothing crashed": (w) => {
        w.step("step-began", "mail:1", 1);
        w.step("step-ended", "mail:1", 1);
        w.step("step-began", "mail:1", 1);
      },
      "a step acts under another key after a crash": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.step("step-began", "mail:2", 1);
        const a = w.world.attempt("mail");
        a.propose(a.run("step"), "done");
        a.return("sent");
        w.rest();
      },
    },
  },
  {
    id: "EXT-2",
    holds: {
      "what was acknowledged can be asked for": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.client({ verb: "send" }, { invocation: "mail" });
        w.client({ verb: "status", invocation: "mail" }, { body: "running" });
        w.client({ verb: "output", invocation: "mail" }, { outcome: "refused", status: 470 });
        w.world.attempt("mail").return("sent");
        w.client({ verb: "status", invocation: "mail" }, { body: "completed" });
        w.client({ verb: "output", invocation: "mail" }, { body: "sent" });
      },
      "an answer that was on its way while it ended is older": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.client({ verb: "send" }, { invocation: "mail" });
        w.client({ verb: "status", invocation: "mail" }, { body: "running" }, () => {
          w.world.attempt("mail").return("sent");
          w.client({ verb: "output", invocation: "mail" }, { body: "sent" });
        });
      },
    },
    broken: {
      "there is none": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.client({ verb: "send" }, { invocation: "mail" });
        w.client({ verb: "output", invocation: "mail" }, { outcome: "refused", status: 404 });
      },
      "what has ended is running": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.client({ verb: "send" }, { invocation: "mail" });
        w.world.attempt("mail").return("sent");
        w.client({ verb: "output", invocation: "mail" }, { body: "sent" });
        w.client({ verb: "status", invocation: "mail" }, { body: "running" });
      },
      "what has ended has no output yet": (w) => {
        w.world.invoke("mail/send", { as: "mail" });
        w.client({ verb: "send" }, { invocation: "mail" });
        w.world.attempt("mail").return("sent");
        w.client({ verb: "output", invocation: "mail" }, { body: "sent" });
        w.client({ verb: "output", invocation: "mail" }, { outcome: "refused", status: 470 });
      },
    },
  },
  {
    id: "EXT-3",
    holds: {
      "calls at the same time happened in some order": (w) => {
        const first = count(w, "object ada add 1");
        const second = count(w, "object ada add 20");
        second("20");
        count(w, "object ada get")("20");
        first("21");
        w.rest();
      },
      "what was never answered may have happened": (w) => {
        count(w, "object ada add 1");
        count(w, "object ada get")("null");
        count(w, "object ada add 20")("21");
        w.rest();
      },
    },
    broken: {
      "an acknowledged addition is not there": (w) => {
        count(w, "object ada add 1")("1");
        count(w, "object ada get")("null");
        w.rest();
      },
      "an addition happened twice": (w) => {
        count(w, "object ada add 1")("1");
        count(w, "object ada add 20")("22");
        w.rest();
      },
    },
  },
]);
