/** Removing what has completed: by request, when its time is over, or to make room. */
import type { Outcome } from "../effect.ts";
import { forgetInvocation } from "../partition/completion.ts";
import type { Fold } from "../partition/fold.ts";
import type { ExpireRecord, PurgeRecord } from "../record.ts";
import type { Invocation } from "../tables/rows.ts";

export function purgeInvocation(fold: Fold, record: PurgeRecord): Outcome {
  const { id } = record;
  const known = fold.tables.invocations.get(id);
  if (known === undefined)
    return { ok: false, code: "invocation-not-found", message: `There is no invocation ${id}` };
  if (known.status !== "completed") {
    return {
      ok: false,
      code: "invocation-not-completed",
      message: `The invocation ${id} is ${known.status}: cancel or kill it first`,
    };
  }
  if (record.journalOnly) fold.tables.removeJournal(id);
  else forgetInvocation(fold, known);
  return { ok: true };
}

export function expireInvocations(fold: Fold, record: ExpireRecord): Outcome {
  let removed = 0;
  for (const id of record.ids) {
    const row = fold.tables.invocations.get(id);
    if (row === undefined || row.status !== "completed") continue;
    if (expire(fold, row, record.budget)) removed += 1;
  }
  return { ok: true, detail: { removed } };
}

/** What an idempotency key or a workflow's key still stands for never goes before its time; its journal may. */
function expire(fold: Fold, row: Readonly<Invocation>, budget: boolean): boolean {
  const isNeeded = (row.idempotencyKey !== undefined || row.target.kind === "run") && row.keptUntil > fold.at;
  if (!budget && row.expiresAt > fold.at) return false;
  if (!isNeeded && (budget || row.keptUntil <= fold.at)) {
    forgetInvocation(fold, row);
    return true;
  }
  if (row.journalLength === 0) return false;
  fold.tables.removeJournal(row.id);
  fold.tables.invocations.edit(row.id).expiresAt = row.keptUntil;
  return true;
}
