/**
 * What happens after an attempt that ended without a result (INV-8; partition/retry.test.ts). Failures that count wait for
 * the policy's interval, which grows by its factor up to its longest; a third more at most spreads them. An attempt that
 * was lost without the handler's doing does not count and is tried again within ten seconds, and a third.
 */
import type { Failure, RetryPolicy } from "@holdfast/protocol";

import { complete, startAttempt, stopWaiting } from "./lifecycle.ts";
import { latest, type ModelInvocation, type ModelState, type Window } from "./model-state.ts";
import { policyFor } from "./services.ts";

const LOST_INTERVAL_MAX_MS = 10_000;

export type AttemptFailure = {
  /** Code of the catalogue. */
  readonly code: string;
  /** What the invocation ends with when its policy says that it ends. */
  readonly failure: Failure;
  /** counted: against the policy. lost: not the handler's doing. pause: no retry can mend it. */
  readonly as: "counted" | "lost" | "pause";
  /** Instead of the policy's wait; such a retry consumes none of its attempts. */
  readonly delayMs: number | undefined;
};

export function failAttempt(state: ModelState, invocation: ModelInvocation, failed: AttemptFailure): void {
  const { code, failure, as, delayMs } = failed;
  if (!staysInCrashCount(invocation, failed)) invocation.lastFailure = code;
  if (as === "pause") return pause(state, invocation);
  const policy = policyFor(state, invocation);
  if (as === "lost") invocation.lostAttempts += 1;
  else invocation.failuresSinceCommand += 1;
  if (as === "counted" && delayMs === undefined) {
    invocation.retryCount += 1;
    if (invocation.retryCount >= policy.maxAttempts) {
      if (policy.onMaxAttempts === "pause") return pause(state, invocation);
      return complete(state, invocation, { kind: "failure", failure });
    }
  }
  if (delayMs !== undefined) return retryAfter(state, invocation, [delayMs, delayMs]);
  const isLost = as === "lost";
  const failures = isLost ? invocation.lostAttempts : invocation.retryCount;
  const longest = isLost ? Math.min(policy.maxIntervalMs, LOST_INTERVAL_MAX_MS) : policy.maxIntervalMs;
  retryAfter(state, invocation, waitAfter(failures, policy, longest));
}

/** Being lost on the way to the handler does not end a row of crashes; a restart that was meant does. */
function staysInCrashCount({ lastFailure }: ModelInvocation, { code, as }: AttemptFailure): boolean {
  const byEngine = code === "engine-crashed" || code === "engine-restarted";
  return lastFailure === "engine-crashed" && as === "lost" && !byEngine;
}

function waitAfter(failures: number, { initialIntervalMs, factor }: RetryPolicy, longest: number): Window {
  // Nothing times a factor without bounds is nothing.
  if (initialIntervalMs === 0) return [0, 0];
  const wait = Math.min(longest, initialIntervalMs * factor ** (failures - 1));
  // One more for the rounding of a factor that has been multiplied in another order.
  return [Math.floor(wait), Math.ceil((wait * 4) / 3) + 1];
}

function retryAfter(state: ModelState, invocation: ModelInvocation, [from, to]: Window): void {
  if (to === 0) return startAttempt(state, invocation);
  invocation.status = "backing-off";
  const due: Window = [latest(state.now + from), latest(state.now + to)];
  state.setTimer({ kind: "retry", id: invocation.id, completionId: 0, due });
}

export function pause(state: ModelState, invocation: ModelInvocation): void {
  stopWaiting(state, invocation);
  invocation.status = "paused";
}

/** A stored command, a step's result and a suspension are progress: failures are counted anew. */
export function madeProgress(invocation: ModelInvocation): void {
  invocation.retryCount = 0;
  invocation.lostAttempts = 0;
  invocation.lastFailure = undefined;
}
