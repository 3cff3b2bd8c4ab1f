/** Attempts that end without an outcome: failing, pausing, suspending. */
import { ErrorBehavior } from "@holdfast/protocol";

import { assert } from "../assert.ts";
import { hashText } from "../hash.ts";
import type { AwaitingSet, Invocation, InvocationEvent } from "../tables/rows.ts";
import { startAttempt } from "./attempt-start.ts";
import { completeInvocation } from "./completion.ts";
import { addEvent, newEvent } from "./events.ts";
import type { Fold } from "./fold.ts";
import { hasArrived } from "./journal.ts";
import { clearTimer, setTimer, timeAfter } from "./timers.ts";

/** Codes of the attempts that the end of the engine cut off: it was not meant, or it was. */
export const ENGINE_CRASHED = "engine-crashed";
export const ENGINE_RESTARTED = "engine-restarted";

/** Longest wait before an attempt is tried again whose handler could not be reached: outages end without notice. */
const LOST_RETRY_MS_MAX = 10_000;
/** Back-off adds up to a third, so that what failed together does not return together. */
const JITTER_SHARE = 1 / 3;

export type AttemptFailure = {
  readonly code: string;
  /** HTTP-like, for the outcome when the policy says "kill". */
  readonly status: number;
  readonly message: string;
  readonly stacktrace: string;
  readonly relatedCommandIndex: number;
  readonly relatedCommandName: string;
  readonly behavior: ErrorBehavior;
  /** Instead of the policy's delay; such a retry does not consume one of the policy's attempts. -1: the policy's. */
  readonly retryDelayMs: number;
  /** False for what is not the handler's doing. */
  readonly counted: boolean;
};

/** The running attempt ended without an outcome: try again later, pause, or give up, as the policy says. */
export function failAttempt(fold: Fold, row: Invocation, failure: AttemptFailure): void {
  assert(row.status === "running", `failing attempt of ${row.id}, which is ${row.status}`);
  const event: InvocationEvent = {
    ...newEvent(fold, row, "attempt-failed", failure.code, failure.message),
    stacktrace: failure.stacktrace,
    relatedCommandIndex: failure.relatedCommandIndex,
    relatedCommandName: failure.relatedCommandName,
  };
  if (!staysInCrashCount(row.lastFailure, failure))
    row.lastFailure = { ...event, count: repeats(row.lastFailure, event) + 1 };
  row.modifiedAt = fold.at;
  addEvent(row, event);
  if (failure.behavior === ErrorBehavior.Fail) {
    completeInvocation(fold, row, {
      kind: "failure",
      failure: { code: failure.status, message: failure.message },
    });
    return;
  }
  if (failure.behavior === ErrorBehavior.Pause) {
    pauseInvocation(fold, row, failure.code, failure.message);
    return;
  }
  const { retryPolicy } = fold.tables.handlerSettings(row.deployment, row.target.service, row.target.handler);
  if (failure.counted) row.failuresSinceCommand += 1;
  if (failure.counted && failure.retryDelayMs < 0) {
    row.retryCount += 1;
    if (row.retryCount >= retryPolicy.maxAttempts) {
      giveUp(fold, row, failure, retryPolicy.onMaxAttempts);
      return;
    }
  } else if (!failure.counted) {
    row.lostAttempts += 1;
  }
  scheduleRetry(fold, row, retryDelay(row, failure, retryPolicy));
}

/** How often the newest failure was of the same kind. It is forgotten with progress, so these are failures in a row. */
function repeats(last: InvocationEvent | undefined, { code }: InvocationEvent): number {
  return last?.code === code ? last.count : 0;
}

/**
 * Whoever crashes the engine may find its endpoint out of reach before it gets to it again. That is no progress, so it must
 * not begin the count of crashes anew. A restart that was meant does.
 */
function staysInCrashCount(last: InvocationEvent | undefined, failure: AttemptFailure): boolean {
  return (
    last?.code === ENGINE_CRASHED &&
    !failure.counted &&
    failure.behavior === ErrorBehavior.Retry &&
    failure.code !== ENGINE_CRASHED &&
    failure.code !== ENGINE_RESTARTED
  );
}

function giveUp(fold: Fold, row: Invocation, failure: AttemptFailure, how: "pause" | "kill"): void {
  if (how === "kill") {
    completeInvocation(fold, row, {
      kind: "failure",
      failure: { code: failure.status, message: failure.message },
    });
  } else {
    pauseInvocation(
      fold,
      row,
      failure.code,
      `Paused after ${row.retryCount} failed attempts: ${failure.message}`,
    );
  }
}

type Backoff = {
  readonly initialIntervalMs: number;
  readonly factor: number;
  readonly maxIntervalMs: number;
};

function retryDelay(row: Invocation, failure: AttemptFailure, policy: Backoff): number {
  if (failure.retryDelayMs >= 0) return failure.retryDelayMs;
  const failures = failure.counted ? row.retryCount : row.lostAttempts;
  const capMs = failure.counted ? policy.maxIntervalMs : Math.min(policy.maxIntervalMs, LOST_RETRY_MS_MAX);
  const base = Math.min(policy.initialIntervalMs * power(policy.factor, failures - 1), capMs);
  // Not random but well spread: the fold may draw nothing.
  const spread = (hashText(`${row.id}/${row.attempt}`) % 1000) / 1000;
  return Math.ceil(base * (1 + JITTER_SHARE * spread));
}

/** By multiplication alone, which is exact everywhere: the language leaves `**` to its implementation. Finite. */
function power(base: number, exponent: number): number {
  let result = 1;
  let factor = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = Math.min(result * factor, Number.MAX_SAFE_INTEGER);
    factor = Math.min(factor * factor, Number.MAX_SAFE_INTEGER);
  }
  return result;
}

function scheduleRetry(fold: Fold, row: Invocation, delayMs: number): void {
  if (delayMs === 0) {
    startAttempt(fold, row);
    return;
  }
  row.status = "backing-off";
  row.nextRetryAt = timeAfter(fold, delayMs);
  row.timer = setTimer(fold, row.nextRetryAt, { kind: "retry", id: row.id, completionId: 0 });
}

/** Stops until a person resumes it. */
export function pauseInvocation(fold: Fold, row: Invocation, code: string, message: string): void {
  if (row.timer !== "") clearTimer(fold, row.timer);
  row.timer = "";
  row.nextRetryAt = 0;
  row.status = "paused";
  row.awaiting = undefined;
  row.modifiedAt = fold.at;
  addEvent(row, newEvent(fold, row, "paused", code, message));
}

/** The attempt got further than those before it: failures are counted from here. */
export function noteProgress(row: Invocation): void {
  row.retryCount = 0;
  row.lostAttempts = 0;
  row.lastFailure = undefined;
}

/**
 * The attempt ended because the handler waits. Checked against the journal here, in the fold, where nothing can slip in
 * between: what arrived while the suspension was on its way starts the next attempt at once.
 */
export function suspend(fold: Fold, row: Invocation, awaiting: AwaitingSet): void {
  row.awaiting = awaiting;
  row.status = "suspended";
  noteProgress(row);
  row.failuresSinceCommand = 0;
  row.modifiedAt = fold.at;
  if (hasArrived(row, awaiting)) startAttempt(fold, row);
}
