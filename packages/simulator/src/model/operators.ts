/**
 * What operators and retention do (docs/http.md "Actions"; engine operators/*.test.ts).
 */
import type { RecordBody } from "@holdfast/engine";

import { isNotification, prefixOf } from "./journal.ts";
import { abort, expire, forgetInvocation, startAttempt } from "./lifecycle.ts";
import { Refused, type ModelInvocation, type ModelState } from "./model-state.ts";
import { pause as hold } from "./retry.ts";
import { deploymentServing, requireVersion, serviceOf } from "./services.ts";
import { submit } from "./submit.ts";

type RecordOf<Kind extends RecordBody["kind"]> = Extract<RecordBody, { readonly kind: Kind }>;

/** One that has begun and has no outcome. */
function begun(state: ModelState, id: string): ModelInvocation {
  const invocation = state.live(id);
  const { status } = invocation;
  if (status === "scheduled" || status === "queued") throw new Refused("invocation-not-started");
  return invocation;
}

export function pause(state: ModelState, { id }: RecordOf<"pause">) {
  const invocation = begun(state, id);
  if (invocation.status === "paused") return { unchanged: true };
  abort(state, invocation);
  hold(state, invocation);
  return undefined;
}

/** Goes on now, with its failures counted anew. */
export function resume(state: ModelState, { id, deployment }: RecordOf<"resume">) {
  const invocation = begun(state, id);
  if (invocation.status === "running") return { unchanged: true };
  if (deployment !== undefined) {
    const next = deploymentServing(state, deployment, invocation.target);
    requireVersion(state, next, invocation.restateVersion);
    invocation.deployment = next;
  }
  invocation.retryCount = 0;
  invocation.failuresSinceCommand = 0;
  invocation.lostAttempts = 0;
  startAttempt(state, invocation);
  return undefined;
}

/** A new invocation with the same input, or behind a prefix of the journal. The old one stays as it is. */
export function restart(state: ModelState, record: RecordOf<"restart">) {
  const { newId, fromCommand } = record;
  const old = state.invocation(record.id);
  if (old.status === "scheduled" || old.status === "queued") throw new Refused("invocation-not-started");
  if (old.status !== "completed") throw new Refused("invocation-not-completed");
  if (old.target.kind === "run") throw new Refused("restart-unsupported");
  if (old.journal.length === 0) throw new Refused("journal-gone");
  const commands = old.journal.filter((entry) => !isNotification(entry)).length;
  if (fromCommand >= commands) throw new Refused("restart-point-invalid");
  const restateVersion = fromCommand === 0 ? 0 : old.restateVersion;
  // Up to version 5 random numbers follow from the id, which is a new one.
  if (restateVersion !== 0 && restateVersion <= 5) throw new Refused("restart-unsupported");
  const deployment =
    record.deployment === undefined ? undefined : deploymentServing(state, record.deployment, old.target);
  requireVersion(state, deployment ?? serviceOf(state, old.target.service)?.deployment, restateVersion);
  const prefix = prefixOf(old.journal, fromCommand);
  if (prefix === undefined) throw new Refused("restart-point-invalid");
  submit(state, {
    id: newId,
    target: old.target,
    source: { kind: "restart", id: old.id },
    idempotencyKey: undefined,
    inputHash: old.inputHash,
    seedId: fromCommand === 0 ? newId : old.seedId,
    startAt: 0,
    journal: prefix.map((entry) => ({ ...entry, attempt: 0 })),
    deployment,
    restateVersion,
  });
  return { id: newId };
}

export function purge(state: ModelState, { id, journalOnly }: RecordOf<"purge">): void {
  const invocation = state.invocation(id);
  if (invocation.status !== "completed") throw new Refused("invocation-not-completed");
  if (journalOnly) invocation.journal = [];
  else forgetInvocation(state, invocation);
}

/** Removes what is not kept any longer; to make room also what nothing stands for, and every journal. */
export function expireAll(state: ModelState, { ids, budget }: RecordOf<"expire">) {
  let removed = 0;
  for (const id of ids) {
    const invocation = state.invocations.get(id);
    if (invocation?.status === "completed" && removes(state, invocation, budget)) removed += 1;
  }
  return { removed };
}

function removes(state: ModelState, invocation: ModelInvocation, budget: boolean): boolean {
  if (expire(state, invocation)) return true;
  if (!budget) return false;
  const isStoodFor = invocation.idempotencyKey !== undefined || invocation.target.kind === "run";
  if (!isStoodFor) forgetInvocation(state, invocation);
  else if (invocation.journal.length === 0) return false;
  invocation.journal = [];
  return true;
}
