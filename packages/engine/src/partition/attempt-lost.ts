/** An attempt that ended without saying how. */
import { ErrorBehavior } from "@holdfast/protocol";

import type { Outcome } from "../effect.ts";
import type { AttemptLostRecord } from "../record.ts";
import { failAttempt } from "./attempt-end.ts";
import type { Fold } from "./fold.ts";

export function loseAttempt(fold: Fold, record: AttemptLostRecord): Outcome {
  const known = fold.tables.invocations.get(record.id);
  if (known === undefined || known.status !== "running" || known.attempt !== record.attempt) {
    return { ok: false, code: "stale-attempt", message: `Attempt ${record.attempt} of ${record.id} is over` };
  }
  failAttempt(fold, fold.tables.invocations.edit(record.id), {
    code: record.code,
    status: 500,
    message: record.message,
    stacktrace: "",
    relatedCommandIndex: -1,
    relatedCommandName: "",
    behavior: record.pause ? ErrorBehavior.Pause : ErrorBehavior.Retry,
    retryDelayMs: record.retryDelayMs,
    counted: record.counted,
  });
  return { ok: true };
}
