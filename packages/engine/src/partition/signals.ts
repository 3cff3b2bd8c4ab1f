/** Signals: awakeables' outcomes, named signals, and cancel, which is signal 1. */
import {
  CANCEL_SIGNAL,
  decodeMessage,
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
  // Before the limit: whoever repeats what arrived is told that it did, and not that there is no room for it.
  if (to.index !== undefined && known.settledSignals.has(to.index))
    return { ok: true, detail: { unchanged: true } };
  const full = refuseFullJournal(fold, known);
  if (full !== undefined) return full;
  const row = fold.tables.invocations.edit(to.id);
  if (to.index !== undefined) {
    deliver(fold, row, { type: MessageType.Signal, index: to.index, result }, cause);
  } else if (to.name !== undefined) {
    deliver(fold, row, { type: MessageType.Signal, signalName: to.name, result }, cause);
  }
  return { ok: true };
}

/** Whoever knows an id can send signals without end; the handler's own entries are limited where they are recorded. */
function refuseFullJournal(fold: Fold, row: Readonly<Invocation>): Outcome | undefined {
  const { journalEntriesMax, journalBytesMax } = fold.tables.settings;
  if (row.journalLength < journalEntriesMax && row.journalBytes < journalBytesMax) return undefined;
  return {
    ok: false,
    code: "limit-exceeded",
    message: `The journal of ${row.id} has ${row.journalLength} entries of ${row.journalBytes} bytes; the limit journalEntriesMax is ${journalEntriesMax}, journalBytesMax is ${journalBytesMax}`,
  };
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
 * callees it waits for, unless its handler does that; one-way sends are on their own.
 */
export function cancelInvocation(fold: Fold, id: string): Outcome {
  const refusal = refuseEnding(fold, id);
  if (refusal !== undefined) return refusal;
  const hasBegun = fold.tables.invocations.get(id)?.attempt !== 0;
  const calleesOfCancelled = (row: Invocation): string[] => (cancelsCallees(fold, row) ? [] : calleesOf(row));
  forTree(fold, id, calleesOfCancelled, (row) => {
    if (row.attempt === 0) completeInvocation(fold, row, { kind: "failure", failure: CANCELLED });
    else deliverCancel(fold, row);
  });
  return hasBegun ? { ok: true, detail: { pending: true } } : { ok: true };
}

function refuseEnding(fold: Fold, id: string): Outcome | undefined {
  const known = fold.tables.invocations.get(id);
  if (known === undefined)
    return { ok: false, code: "invocation-not-found", message: `There is no invocation ${id}` };
  if (known.status !== "completed") return undefined;
  return { ok: false, code: "invocation-completed", message: `The invocation ${id} has completed` };
}

/** Restate's SDKs cancel what a cancelled handler waits for, unless its program leaves that to itself. */
export function cancelsCallees({ tables }: Fold, { deployment }: Readonly<Invocation>): boolean {
  return deployment !== undefined && tables.deployments.get(deployment)?.manifest.restate !== undefined;
}

/**
 * Visits an invocation and all that `calleesIn` finds below it, callers before their callees. Without recursion: a handler that calls
 * itself makes chains of any length. Each once: calls with idempotency keys can share a callee.
 */
function forTree(
  fold: Fold,
  root: string,
  calleesIn: (row: Invocation) => string[],
  visit: (row: Invocation) => void,
): void {
  const visited = new Set<string>();
  const ahead = [root];
  for (let id = ahead.pop(); id !== undefined; id = ahead.pop()) {
    if (visited.has(id)) continue;
    visited.add(id);
    const known = fold.tables.invocations.get(id);
    if (known === undefined || known.status === "completed") continue;
    const row = fold.tables.invocations.edit(id);
    for (const callee of calleesIn(row).reverse()) ahead.push(callee);
    visit(row);
  }
}

function deliverCancel(fold: Fold, row: Invocation): void {
  const { status } = row;
  addEvent(row, newEvent(fold, row, "cancel-requested", "cancelled", "Cancel was requested"));
  row.cancelledInAttempt = row.attempt;
  notify(fold, row, { type: MessageType.Signal, index: CANCEL_SIGNAL, result: { kind: "void" } }, "cancel");
  if (status === "backing-off" || status === "paused") startAttempt(fold, row);
}

function calleesOf(row: Readonly<Invocation>): string[] {
  const callees: string[] = [];
  for (const operation of row.open.values()) if (operation.kind === "call") callees.push(operation.detail);
  return callees;
}

/**
 * Whom a handler of Restate's called or sent to, as far as that began them: not what an idempotency key lets it share with
 * whoever came first.
 */
function begunBy({ tables }: Fold, row: Readonly<Invocation>): string[] {
  if (row.restateVersion === 0) return [];
  const begun: string[] = [];
  for (const { type, body } of tables.journal(row)) {
    if (type !== MessageType.CallInvocationIdCompletion) continue;
    const message = decodeMessage(type, body);
    if (!("result" in message) || message.result.kind !== "invocation-id") continue;
    const { id } = message.result;
    const source = tables.invocations.get(id)?.source;
    if (source?.kind === "invocation" && source.id === row.id) begun.push(id);
  }
  return begun;
}

/** Ends an invocation without asking it, and with it the callees that it waits for; of Restate's also those it only sent to. */
export function killInvocation(fold: Fold, id: string): Outcome {
  const refusal = refuseEnding(fold, id);
  if (refusal !== undefined) return refusal;
  const calleesOfKilled = (row: Invocation): string[] => [...calleesOf(row), ...begunBy(fold, row)];
  forTree(fold, id, calleesOfKilled, (row) => {
    if (row.status === "running") {
      fold.effects.push({ kind: "abort-attempt", id: row.id, attempt: row.attempt, reason: "killed" });
    }
    completeInvocation(fold, row, { kind: "failure", failure: { code: 409, message: "killed" } });
  });
  return { ok: true };
}
