/** The end of an invocation: its one outcome, and everyone who waited for it. */
import { MessageType, type Result } from "@holdfast/protocol";

import { assert } from "../assert.ts";
import type { Invocation } from "../tables/rows.ts";
import { objectKey } from "../tables/tables.ts";
import type { Fold } from "./fold.ts";
import { completeOperation } from "./journal.ts";
import { leaveInbox, releaseLock } from "./locks.ts";
import { closePromises } from "./promises.ts";
import { clearTimer, timeAfter } from "./timers.ts";

const NO_BYTES = new Uint8Array(0);

/**
 * Records the outcome, frees whatever the invocation held, and tells its waiters. All in one record, so that a lock is
 * free exactly when its holder has an outcome.
 */
export function completeInvocation(fold: Fold, row: Invocation, outcome: Result): void {
  assert(row.status !== "completed", `second outcome for ${row.id}`);
  const result: Result = outcome.kind === "void" ? { kind: "value", value: NO_BYTES } : outcome;
  const wasQueued = row.status === "queued";
  stopWaiting(fold, row);
  row.status = "completed";
  row.result = result;
  row.completedAt = fold.at;
  row.modifiedAt = fold.at;
  if (row.deployment !== undefined && fold.tables.deployments.get(row.deployment) !== undefined) {
    fold.tables.deployments.edit(row.deployment).live -= 1;
  }
  if (wasQueued) leaveInbox(fold, row);
  else releaseLock(fold, row);
  if (row.target.kind === "run") closePromises(fold, row.target);
  fold.effects.push({ kind: "completed", id: row.id, result });
  for (const waiter of row.waiters) {
    const type = waiter.kind === "call" ? MessageType.CallCompletion : MessageType.AttachInvocationCompletion;
    completeOperation(fold, { ...waiter, source: row.id }, { type, result, cause: row.id });
  }
  row.waiters.length = 0;
  retain(fold, row);
}

/** Timers and places among others' waiters go with the wait: what is long-lived must not remember everyone who once looked. */
function stopWaiting(fold: Fold, row: Invocation): void {
  if (row.timer !== "") clearTimer(fold, row.timer);
  row.timer = "";
  row.nextRetryAt = 0;
  for (const operation of row.open.values()) {
    if (operation.timer !== "") clearTimer(fold, operation.timer);
    if (operation.kind === "promise") leavePromise(fold, row, operation.detail);
    if (operation.kind === "attach" || operation.kind === "call") leaveWaiters(fold, row, operation.detail);
  }
  row.open.clear();
  row.awaiting = undefined;
  row.output = undefined;
}

function leavePromise(fold: Fold, row: Invocation, name: string): void {
  const { service, key } = row.target;
  if (fold.tables.objects.get(objectKey(service, key))?.promises.has(name) !== true) return;
  const promise = fold.tables.objects.edit(objectKey(service, key)).promises.get(name);
  if (promise !== undefined) removeWaiter(promise.waiters, row.id);
}

function leaveWaiters(fold: Fold, row: Invocation, target: string): void {
  const known = fold.tables.invocations.get(target);
  if (known === undefined || known.status === "completed") return;
  removeWaiter(fold.tables.invocations.edit(target).waiters, row.id);
}

/** All of an invocation's places go at once: it waits for nothing any more. */
function removeWaiter(waiters: Array<{ readonly id: string }>, id: string): void {
  for (let i = waiters.length - 1; i >= 0; i--) if (waiters[i]?.id === id) waiters.splice(i, 1);
}

/** Decides how long journal and outcome are kept. */
function retain(fold: Fold, row: Invocation): void {
  const settings = fold.tables.handlerSettings(row.deployment, row.target.service, row.target.handler);
  const journalMs = settings.journalRetentionMs;
  const keptMs =
    row.target.kind === "run"
      ? settings.workflowRetentionMs
      : row.idempotencyKey !== undefined
        ? settings.idempotencyRetentionMs
        : journalMs;
  if (keptMs === 0) {
    forgetInvocation(fold, row);
    return;
  }
  row.keptUntil = timeAfter(fold, keptMs);
  row.expiresAt = timeAfter(fold, Math.min(keptMs, journalMs));
  if (journalMs === 0) {
    fold.tables.removeJournal(row.id);
    row.expiresAt = row.keptUntil;
  }
}

/** Removes a completed invocation; with a workflow's `run` go its state and promises. */
export function forgetInvocation(fold: Fold, row: Readonly<Invocation>): void {
  assert(row.status === "completed", `forgetting ${row.id}, which is ${row.status}`);
  if (row.target.kind === "run") {
    const key = objectKey(row.target.service, row.target.key);
    if (fold.tables.objects.get(key) !== undefined) fold.tables.objects.delete(key);
  }
  fold.tables.removeInvocation(row.id);
}
