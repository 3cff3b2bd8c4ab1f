import type { LogRecord } from "@holdfast/engine";

import { testInvariants, WatchedWorld } from "./watched-world.contract.ts";

function cancelOf(id: string, { tables }: WatchedWorld): LogRecord {
  return { at: tables.meta.now, body: { kind: "cancel", id } };
}

/** Something is handed to the log, and the process dies before anybody knows whether it arrived. It did not. */
function loseTail(w: WatchedWorld): WatchedWorld["batches"][number] | undefined {
  w.append([cancelOf("nobody", w)]);
  const lost = w.batches.at(-1);
  w.recover({ batches: w.batches.slice(0, -1) });
  return lost;
}

/** Tables that another history led to. */
function otherTables() {
  const other = new WatchedWorld();
  other.world.attempt(other.world.invoke("mail/send", { as: "somebody else" })).return("sent");
  return other.world.tables;
}

testInvariants([
  {
    id: "LOG-1",
    holds: {
      "whatever was durable is found": (w) => {
        w.world.invoke("mail/send");
        w.recover();
      },
    },
    broken: {
      "a durable batch is not found": (w) => {
        w.world.invoke("mail/send");
        w.recover({ batches: w.batches.slice(0, -1) });
      },
      "the log accepts what nobody appended": (w) => {
        w.see({ kind: "durable", life: 1, position: w.position + 1 });
      },
    },
  },
  {
    id: "LOG-2",
    holds: {
      "only the tail is missing": (w) => {
        loseTail(w);
        w.world.invoke("mail/send");
        w.recover();
      },
    },
    broken: {
      "there is a hole": (w) => {
        w.world.invoke("mail/send");
        w.recover({ batches: w.batches.filter(({ position }) => position !== 2) });
      },
      "the log begins behind the checkpoint": (w) => {
        w.world.invoke("mail/send");
        w.see({ kind: "checkpointed", life: 1, position: 1 });
        w.recover({ checkpointPosition: 1, batches: w.batches.slice(2) });
      },
    },
  },
  {
    id: "LOG-3",
    holds: {
      "it is back before anything else was accepted": (w) => {
        const lost = loseTail(w);
        w.recover({ batches: [...w.batches, ...(lost === undefined ? [] : [lost])], tables: w.tables });
        w.world.invoke("mail/send");
        w.recover();
      },
      "what a recovery did not find stays away": (w) => {
        loseTail(w);
        w.world.invoke("mail/send");
        w.recover();
      },
    },
    broken: {
      "it is back after something else was accepted": (w) => {
        const lost = loseTail(w);
        w.world.invoke("mail/send");
        w.recover({ batches: [...w.batches.slice(0, -1), ...(lost === undefined ? [] : [lost])] });
      },
    },
  },
  {
    id: "LOG-4",
    holds: {
      "every act follows from a durable record": (w) => {
        const id = w.world.invoke("mail/send");
        w.world.signal(id, 17, "yes");
        w.world.attempt(id).return("sent");
        w.client({ verb: "call" }, { invocation: id, body: "sent" });
      },
    },
    broken: {
      "an attempt starts before its record is durable": (w) => {
        w.start("nobody", 1, { knownEntries: 0, journal: [] });
      },
      "a handler is told what is not recorded": (w) => {
        const id = w.world.invoke("mail/send");
        const other = w.world.invoke("mail/send");
        w.world.signal(other, 17, "yes");
        const row = w.tables.invocations.get(other);
        const entry = row?.tail.at(-1);
        if (entry !== undefined) w.see({ kind: "delivered", life: 1, invocation: id, attempt: 1, entry });
      },
      "a client is told of an invocation that is not recorded": (w) => {
        w.client({ verb: "send" }, { invocation: "nobody" });
      },
      "a client is told an outcome that is not recorded": (w) => {
        w.client({ verb: "call" }, { invocation: w.world.invoke("mail/send"), body: "sent" });
      },
    },
  },
  {
    id: "LOG-5",
    holds: {
      "recovery leads to the tables that the whole log leads to": (w) => {
        w.world.invoke("mail/send");
        w.world.restart();
      },
    },
    broken: {
      "recovery leads to other tables": (w) => {
        w.world.invoke("mail/send");
        w.recover({ tables: otherTables() });
      },
      "the engine at rest has other tables": (w) => {
        w.rest({ tables: otherTables() });
      },
    },
  },
  {
    id: "LOG-6",
    holds: {
      "a checkpoint holds what the log up to it leads to": (w) => {
        w.world.invoke("mail/send");
        w.see({ kind: "checkpointed", life: 1, position: w.position });
        w.recover({ checkpointPosition: w.position, batches: [] });
      },
    },
    broken: {
      "a checkpoint holds something else": (w) => {
        w.world.invoke("mail/send");
        w.see({ kind: "checkpointed", life: 1, position: w.position });
        w.recover({ checkpointPosition: w.position, batches: [], tables: otherTables() });
      },
    },
  },
  {
    id: "LOG-7",
    holds: {
      "the log is trimmed up to a checkpoint": (w) => {
        w.see({ kind: "checkpointed", life: 1, position: 2 });
        w.see({ kind: "trimmed", life: 1, upTo: 2, head: 3 });
        w.recover({ checkpointPosition: 2, batches: [] });
      },
    },
    broken: {
      "more of the log is gone than it may let go of": (w) => {
        for (let n = 0; n < 3; n++) w.world.invoke("mail/send");
        w.see({ kind: "checkpointed", life: 1, position: 2 });
        w.see({ kind: "trimmed", life: 1, upTo: 2, head: 4 });
      },
      "the log is trimmed behind the checkpoint": (w) => {
        w.see({ kind: "checkpointed", life: 1, position: 1 });
        w.see({ kind: "trimmed", life: 1, upTo: 2, head: 3 });
      },
      "a checkpoint holds what is not durable": (w) => {
        w.see({ kind: "checkpointed", life: 1, position: 3 });
      },
      "a recovery begins with an older checkpoint": (w) => {
        w.see({ kind: "checkpointed", life: 1, position: 2 });
        w.recover({ checkpointPosition: 1 });
      },
    },
  },
  {
    id: "LOG-8",
    holds: {
      "what is read is what was written": (w) => {
        w.recover();
      },
    },
    broken: {
      "a batch is read that was not written so": (w) => {
        w.recover({
          batches: w.batches.map((batch) => ({ ...batch, hash: `${batch.hash} with a bit turned` })),
        });
      },
    },
  },
  {
    id: "LOG-9",
    holds: {
      "each life has a higher epoch": (w) => {
        w.recover();
        w.append([cancelOf("nobody", w)]);
      },
    },
    broken: {
      "a life opens the log with the epoch of the one before": (w) => {
        w.recover({ epoch: 1 });
      },
      "a life that is over appends": (w) => {
        w.recover();
        w.append([cancelOf("nobody", w)], { life: 1, epoch: 1 });
      },
      "a life that is over is told that something is durable": (w) => {
        w.append([cancelOf("nobody", w)]);
        w.recover();
        w.see({ kind: "durable", life: 1, position: w.position });
      },
      "a life that is over starts an attempt": (w) => {
        w.isActing = false;
        const id = w.world.invoke("mail/send");
        w.recover();
        w.start(id, 1, { life: 1 });
      },
    },
  },
  {
    id: "LOG-11",
    holds: {
      "what may have arrived is tried again as it was": (w) => {
        w.append([cancelOf("nobody", w)]);
        w.see({
          kind: "appended",
          life: 1,
          epoch: 1,
          ...(w.batches.at(-1) ?? { position: 0, records: [], hash: "" }),
        });
      },
    },
    broken: {
      "what may have arrived is replaced": (w) => {
        w.append([cancelOf("nobody", w)]);
        w.append([cancelOf("somebody", w)], { position: w.position });
      },
      "a position is left out": (w) => {
        w.append([cancelOf("nobody", w)], { position: w.position + 2 });
      },
    },
  },
]);
