/** Moving the start of a delayed invocation. */
import type { Outcome } from "../effect.ts";
import type { Fold } from "../partition/fold.ts";
import { startOrQueue } from "../partition/locks.ts";
import { clearTimer, setTimer } from "../partition/timers.ts";

/** `startAt` in the past (0 included) starts it now. */
export function rescheduleInvocation(fold: Fold, id: string, startAt: number): Outcome {
  const known = fold.tables.invocations.get(id);
  if (known === undefined)
    return { ok: false, code: "invocation-not-found", message: `There is no invocation ${id}` };
  if (known.status !== "scheduled") {
    return {
      ok: false,
      code: known.status === "completed" ? "invocation-completed" : "invocation-not-scheduled",
      message: `The invocation ${id} is ${known.status}: only one that is scheduled can be moved`,
    };
  }
  const row = fold.tables.invocations.edit(id);
  clearTimer(fold, row.timer);
  row.timer = "";
  row.modifiedAt = fold.at;
  row.scheduledAt = Math.max(startAt, fold.at);
  if (startAt > fold.at) row.timer = setTimer(fold, startAt, { kind: "start", id, completionId: 0 });
  else startOrQueue(fold, row);
  return { ok: true };
}
