/**
 * What happens after an attempt that ended without a result (INV-8; partition/retry.test.ts). Failures that count wait for
 * the policy's interval, which grows by its factor up to its longest; a third more at most spreads them. An attempt that
 * was lost without the handler's doing does not count and is tried again within ten seconds, and a third.
 */
import type { Failure } from "@holdfast/protocol";

import { complete, startAttempt, stopWaiting } from "./lifecycle.ts";
import { latest, type ModelInvocation, type ModelState, type Window } from "./model-state.ts";
import { policyFor } from "./services.ts";

const LOST_INTERVAL_MAX_MS = 10_000;

export type AttemptFailure = {
  /** Code of the catalogue. */
  readonly code: string;
  /** What the invocation ends with when its policy says that it ends. */
  readonly failure: Failure;
  /** counted: by the policy. lost: not, and the wait grows by itself. asked: the handler's own delay. pause: no retry. */
  readonly as: "counted" | "lost" | "asked" | "pause";
  /** Overrides the policy's wait. */
  readonly delayMs?: number;
};

export function failAttempt(state: ModelState, invocation: ModelInvocation, failed: AttemptFailure): void {
  invocation.lastFailure = failed.code;
  if (failed.as === "pause") return pause(state, invocation);
  const policy = policyFor(state, invocation);
  if (failed.as === "counted") {
    invocation.retryCount += 1;
    if (invocation.retryCount >= policy.maxAttempts) {
      if (policy.onMaxAttempts === "pause") return pause(state, invocation);
      return complete(state, invocation, { kind: "failure", failure: failed.failure });
    }
  }
  if (failed.as === "lost") invocation.lostAttempts += 1;
  retryAfter(state, invocation, waitFor(state, invocation, failed));
}

function waitFor(state: ModelState, invocation: ModelInvocation, { as, delayMs }: AttemptFailure): Window {
  if (delayMs !== undefined) return [delayMs, delayMs];
  const { initialIntervalMs, factor, maxIntervalMs } = policyFor(state, invocation);
  const failures = as === "lost" ? invocation.lostAttempts : invocation.retryCount;
  const longest = as === "lost" ? Math.min(maxIntervalMs, LOST_INTERVAL_MAX_MS) : maxIntervalMs;
  // Nothing times a factor without bounds is nothing.
  const grown = initialIntervalMs === 0 ? 0 : initialIntervalMs * factor ** (failures - 1);
  const wait = Math.min(longest, grown);
  return [Math.floor(wait), Math.ceil((wait * 4) / 3)];
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
