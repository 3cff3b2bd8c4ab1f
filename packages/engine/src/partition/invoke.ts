/** A caller's submission. */
import type { Outcome } from "../effect.ts";
import type { InvokeRecord } from "../record.ts";
import type { Target } from "../tables/rows.ts";
import type { Fold } from "./fold.ts";
import { isRefusal, resolveTarget, submit } from "./submit.ts";

export function invoke(fold: Fold, record: InvokeRecord): Outcome {
  // The proposer resolved the target against what was registered then; a deployment may have come in between.
  const { service, handler, key } = record.target;
  const target = resolveTarget(fold, service, handler, key);
  if (isRefusal(target)) return { ok: false, ...target };
  if ((target.kind === "run") !== (record.target.kind === "run")) return refuseChangedKind(target);
  const submitted = submit(fold, { ...record, target });
  if (submitted.kind === "refused") return { ok: false, ...submitted.refusal };
  const { row } = submitted;
  if (submitted.kind === "created") return { ok: true, detail: { id: row.id, existed: false } };
  if (row.inputHash !== record.inputHash && record.idempotencyKey !== undefined) {
    return {
      ok: false,
      code: "idempotency-conflict",
      message: `The idempotency key was used for ${row.id} with a different body`,
    };
  }
  const detail = { id: row.id, existed: true };
  return { ok: true, detail: row.result === undefined ? detail : { ...detail, result: row.result } };
}

/** A run's id follows from its key, any other's does not: the id that came with the record belongs to another kind. */
function refuseChangedKind({ service, handler, kind }: Target): Outcome {
  return {
    ok: false,
    code: "handler-not-found",
    message: `"${service}/${handler}" became a ${kind} handler while the call was on its way`,
  };
}
