/** Signals: awakeables' outcomes, named signals, and cancel, which is signal 1. */
import {
  CANCEL_SIGNAL,
  MessageType,
  type Failure,
  type Result,
  type SignalNotification,
} from "@holdfast/protocol";

import type { Outcome } from "../effect.ts";
import type { Invocation } from "../tables/rows.ts";
import { startAttempt } from "./attempt-start.ts";
import { completeInvocation } from "./completion.ts";
import { addEvent, newEvent } from "./events.ts";
import type { Fold } from "./fold.ts";
import { notify } from "./journal.ts";

const CANCELLED: Failure = { code: 409, message: "cancelled" };

export type SignalAddress = {
  readonly id: string;
  readonly index: number | undefined;
  readonly name: string | undefined;
};

/** Delivers a signal. An awakeable has one outcome: whoever comes second changes nothing. */
export function sendSignal(fold: Fold, to: SignalAddress, result: Result, cause: string): Outcome {
  // A record has no way to say index 0, so nothing may come of it before it is one.
  if (to.index === 0 || (to.index === undefined && to.name === undefined))
    return { ok: false, code: "awakeable-id-invalid", message: "A signal has a name, or an index from 1" };
  const known = fold.tables.invocations.get(to.id);
  if (known === undefined)
    return { ok: false, code: "invocation-not-found", message: `There is no invocation ${to.id}` };
  if (to.index === CANCEL_SIGNAL) return cancelInvocation(fold, to.id);
  if (known.status === "completed") {
    return { ok: false, code: "invocation-completed", message: `The invocation ${to.id} has completed` };
  }
  const row = fold.tables.invocations.edit(to.id);
  if (to.index !== undefined) {
    if (row.settledSignals.has(to.index)) return { ok: true, detail: { unchanged: true } };
    deliver(fold, row, { type: MessageType.Signal, index: to.index, result }, cause);
  } else if (to.name !== undefined) {
    deliver(fold, row, { type: MessageType.Signal, signalName: to.name, result }, cause);
  }
  return { ok: true };
}

function deliver(fold: Fold, row: Invocation, signal: SignalNotification, cause: string): void {
  noteSignal(row, signal);
  notify(fold, row, signal, cause);
}

/** Counts a signal that is in the journal: what a suspension is checked against. */
export function noteSignal(row: Invocation, signal: SignalNotification): void {
  const { index, signalName } = signal;
  if (index !== undefined) row.settledSignals.add(index);
  else if (signalName !== undefined)
    row.namedSignals.set(signalName, (row.namedSignals.get(signalName) ?? 0) + 1);
}

/**
 * Asks an invocation to end. What has not begun ends here; what has begun is told, wherever it is: a running attempt gets
 * the signal, a suspended, backing-off or paused one is attempted at once so that its handler can clean up. Goes on to the
 * callees it waits for; one-way sends are on their own.
 */
export function cancelInvocation(fold: Fold, id: string, visited: Set<string> = new Set()): Outcome {
  visited.add(id);
  const known = fold.tables.invocations.get(id);
  if (known === undefined)
    return { ok: false, code: "invocation-not-found", message: `There is no invocation ${id}` };
  if (known.status === "completed") {
    return { ok: false, code: "invocation-completed", message: `The invocation ${id} has completed` };
  }
  const row = fold.tables.invocations.edit(id);
  if (row.attempt === 0) {
    completeInvocation(fold, row, { kind: "failure", failure: CANCELLED });
    return { ok: true };
  }
  const callees = calleesOf(row);
  deliverCancel(fold, row);
  // Calls with idempotency keys can form a ring.
  for (const callee of callees) if (!visited.has(callee)) cancelInvocation(fold, callee, visited);
  return { ok: true, detail: { pending: true } };
}

function deliverCancel(fold: Fold, row: Invocation): void {
  const { status } = row;
  addEvent(row, newEvent(fold, row, "cancel-requested", "cancelled", "Cancel was requested"));
  row.cancelledInAttempt = row.attempt;
  notify(fold, row, { type: MessageType.Signal, index: CANCEL_SIGNAL, result: { kind: "void" } }, "cancel");
  if (status === "backing-off" || status === "paused") startAttempt(fold, row);
}

export function calleesOf(row: Readonly<Invocation>): string[] {
  const callees: string[] = [];
  for (const operation of row.open.values()) if (operation.kind === "call") callees.push(operation.detail);
  return callees;
}

/** Ends an invocation without asking it, and the callees it waits for with it. */
export function killInvocation(fold: Fold, id: string): Outcome {
  const known = fold.tables.invocations.get(id);
  if (known === undefined)
    return { ok: false, code: "invocation-not-found", message: `There is no invocation ${id}` };
  if (known.status === "completed") {
    return { ok: false, code: "invocation-completed", message: `The invocation ${id} has completed` };
  }
  const row = fold.tables.invocations.edit(id);
  const callees = calleesOf(row);
  if (row.status === "running") {
    fold.effects.push({ kind: "abort-attempt", id, attempt: row.attempt, reason: "killed" });
  }
  completeInvocation(fold, row, { kind: "failure", failure: { code: 409, message: "killed" } });
  for (const callee of callees) killInvocation(fold, callee);
  return { ok: true };
}
