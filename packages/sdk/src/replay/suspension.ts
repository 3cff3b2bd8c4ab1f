/** When an attempt may end because its handler only waits. */
import { ErrorBehavior, MessageType, type ErrorMessage } from "@holdfast/protocol";

import type { Environment } from "./environment.ts";
import type { Operation } from "./operation.ts";
import type { RunStep } from "./run-step.ts";

export interface Waiting {
  readonly environment: Environment;
  /** Operations somebody waits for. */
  readonly awaited: readonly Operation[];
  /** Steps that have started and are not settled. */
  readonly active: readonly RunStep[];
  /** The engine asked for it. */
  readonly isRequested: boolean;
}

export type SuspensionDecision =
  | { readonly kind: "stay" }
  | { readonly kind: "suspend" }
  /** All that goes on is the wait before a step's next execution: the engine can do that waiting. */
  | { readonly kind: "end"; readonly error: ErrorMessage };

export function decideSuspension(waiting: Waiting): SuspensionDecision {
  const { awaited, active, isRequested, environment } = waiting;
  if (awaited.length === 0) return { kind: "stay" };
  if (!isRequested) {
    // A handler that sleeps for long is not worth a session. Anything else it awaits may come at any moment.
    const sleepsLong = (operation: Operation): boolean =>
      operation.kind === "sleep" && operation.wakeUpAt - environment.now() >= environment.suspendSleepMs;
    return active.length === 0 && awaited.every(sleepsLong) ? { kind: "suspend" } : { kind: "stay" };
  }
  const isBusy = (step: RunStep): boolean =>
    step.state === "running" || (step.state === "proposed" && environment.acknowledges);
  if (active.some(isBusy)) return { kind: "stay" };
  const backingOff = active.filter((step) => step.state === "backing off");
  const next = backingOff.toSorted((a, b) => a.retryAt - b.retryAt)[0];
  if (next === undefined) return { kind: "suspend" };
  return { kind: "end", error: retryLater(next, environment.now()) };
}

function retryLater(step: RunStep, now: number): ErrorMessage {
  return {
    type: MessageType.Error,
    code: 500,
    message: `step ${JSON.stringify(step.name)} waits for its next execution`,
    stacktrace: "",
    relatedCommandIndex: step.commandIndex,
    relatedCommandName: step.name,
    relatedCommandType: MessageType.Run,
    nextRetryDelayMs: Math.max(0, step.retryAt - now),
    behavior: ErrorBehavior.Retry,
  };
}
