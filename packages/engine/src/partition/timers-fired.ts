/** Timers that came due. A timer fires once: whoever fires it removes its row. */
import { MessageType } from "@holdfast/protocol";

import { assert, unreachable } from "../assert.ts";
import type { TimerRow } from "../tables/rows.ts";
import { timerDue } from "../tables/tables.ts";
import { startAttempt } from "./attempt-start.ts";
import type { Fold } from "./fold.ts";
import { completeOperation } from "./journal.ts";
import { startOrQueue } from "./locks.ts";

export function fireTimers(fold: Fold, keys: readonly string[]): void {
  for (const key of keys) {
    const timer = fold.tables.timers.get(key);
    if (timer === undefined) continue;
    if (timerDue(key) > fold.at) {
      // Whoever reported it has let go of it, and had another clock than the record.
      fold.effects.push({ kind: "set-timer", key, due: timerDue(key) });
      continue;
    }
    fold.tables.timers.delete(key);
    fireTimer(fold, key, timer);
  }
}

function fireTimer(fold: Fold, key: string, timer: TimerRow): void {
  switch (timer.kind) {
    case "sleep": {
      const completion = {
        type: MessageType.SleepCompletion,
        result: { kind: "void" },
        cause: "timer",
      } as const;
      completeOperation(fold, { ...timer, kind: "sleep", source: key }, completion);
      return;
    }
    case "start": {
      const row = fold.tables.invocations.edit(timer.id);
      assert(row.status === "scheduled", `start timer of ${row.id}, which is ${row.status}`);
      row.timer = "";
      row.modifiedAt = fold.at;
      startOrQueue(fold, row);
      return;
    }
    case "retry": {
      const row = fold.tables.invocations.edit(timer.id);
      assert(row.status === "backing-off", `retry timer of ${row.id}, which is ${row.status}`);
      row.timer = "";
      startAttempt(fold, row);
      return;
    }
    default:
      unreachable(timer.kind, "timer kind");
  }
}
