/** When an attempt may end because its handler only waits. */
import { ErrorBehavior, MessageType, type ErrorMessage } from "@holdfast/protocol";

import type { Environment } from "./environment.ts";
import type { Operation } from "./operation.ts";
import { messageOf, type RunStep } from "./run-step.ts";

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
  const { awaited, active, environment } = waiting;
  const isBusy = (step: RunStep): boolean =>
    step.state === "running" || (step.state === "proposed" && environment.acknowledges);
  if (awaited.length === 0 || active.some(isBusy)) return STAY;
  return waiting.isRequested ? whenRequested(waiting) : whenWorthwhile(waiting);
}

const STAY: SuspensionDecision = { kind: "stay" };

/** A handler that sleeps for long is not worth a session, nor is one whose step does. Anything else may come at any moment. */
function whenWorthwhile({ awaited, active, environment }: Waiting): SuspensionDecision {
  const isLong = (until: number): boolean => until - environment.now() >= environment.suspendSleepMs;
  if (active.length === 0) {
    return awaited.every(({ kind, wakeUpAt }) => kind === "sleep" && isLong(wakeUpAt))
      ? { kind: "suspend" }
      : STAY;
  }
  const backingOff = active.filter(({ state }) => state === "backing off");
  const first = earliest(backingOff);
  const waitsForThem = awaited.every(({ step }) => backingOff.some((other) => other === step));
  if (first === undefined || !waitsForThem || !isLong(first.retryAt)) return STAY;
  return { kind: "end", error: retryLater(first, first.retryAt - environment.now()) };
}

/** The engine wants its session back. What goes on here is at most the wait before a step's next execution. */
function whenRequested({ awaited, active, environment }: Waiting): SuspensionDecision {
  const first = earliest(active.filter(({ state }) => state === "backing off"));
  if (first === undefined) return { kind: "suspend" };
  // An invocation that backs off is not woken by what it waits for beside the step, so it has to look for itself.
  const others = awaited.filter(({ step }) => step === undefined);
  const until = others.map(({ kind, wakeUpAt }) =>
    kind === "sleep" ? wakeUpAt : environment.now() + LOOK_AGAIN_MS,
  );
  return { kind: "end", error: retryLater(first, Math.min(first.retryAt, ...until) - environment.now()) };
}

const LOOK_AGAIN_MS = 60_000;

function earliest(steps: readonly RunStep[]): RunStep | undefined {
  return steps.toSorted((a, b) => a.retryAt - b.retryAt)[0];
}

function retryLater(step: RunStep, delayMs: number): ErrorMessage {
  return {
    type: MessageType.Error,
    code: 500,
    message: `step ${JSON.stringify(step.name)}: ${messageOf(step.lastError)}`,
    stacktrace: step.lastError instanceof Error ? (step.lastError.stack ?? "") : "",
    relatedCommandIndex: step.commandIndex,
    relatedCommandName: step.name,
    relatedCommandType: MessageType.Run,
    nextRetryDelayMs: Math.max(0, delayMs),
    behavior: ErrorBehavior.Retry,
  };
}
