/** Appending to journals, and waking whoever waits for what was appended. */
import {
  CANCEL_SIGNAL,
  encodeMessage,
  MessageType,
  type CompletionType,
  type Notification,
  type NotificationResult,
  type Result,
} from "@holdfast/protocol";

import { assert } from "../assert.ts";
import type { AwaitingSet, Invocation, JournalEntry, OpenOperation } from "../tables/rows.ts";
import { startAttempt } from "./attempt-start.ts";
import type { Fold } from "./fold.ts";

/** Bytes that an entry takes beside its body, roughly. */
const ENTRY_OVERHEAD = 16;

export function appendEntry(row: Invocation, entry: JournalEntry): void {
  assert(row.status !== "completed", `append to the completed invocation ${row.id}`);
  row.tail.push(entry);
  row.journalLength += 1;
  row.journalBytes += entry.body.length + ENTRY_OVERHEAD;
  row.lastEntryAt = entry.at;
  row.modifiedAt = entry.at;
}

/** Encodes and appends a notification. The caller delivers it. */
function record(fold: Fold, row: Invocation, notification: Notification, cause: string): JournalEntry {
  const entry: JournalEntry = {
    type: notification.type,
    body: encodeMessage(notification),
    at: fold.at,
    attempt: row.attempt,
    deployment: "",
    cause,
  };
  appendEntry(row, entry);
  return entry;
}

/** Appends a notification, and sends it to the running attempt or wakes the invocation if it waits for it. */
export function notify(fold: Fold, row: Invocation, notification: Notification, cause: string): void {
  const entry = record(fold, row, notification, cause);
  if (row.status === "running") {
    fold.effects.push({ kind: "deliver", id: row.id, attempt: row.attempt, entry });
  } else if (row.status === "suspended" && isAwaited(row, notification)) {
    startAttempt(fold, row);
  }
}

function isAwaited(row: Invocation, notification: Notification): boolean {
  const { awaiting } = row;
  if (awaiting === undefined) return false;
  if (notification.type !== MessageType.Signal)
    return awaiting.completions.includes(notification.completionId);
  if (notification.index !== undefined) return awaiting.signals.includes(notification.index);
  return awaiting.namedSignals.some(([name]) => name === notification.signalName);
}

/** Answers a command at once, with what never waits. */
export function answer(
  fold: Fold,
  row: Invocation,
  type: CompletionType,
  completionId: number,
  result: NotificationResult,
): void {
  notify(fold, row, { type, completionId, result }, "");
}

/** An operation as whoever completes it knows it. */
export type AwaitedOperation = {
  readonly id: string;
  readonly completionId: number;
  readonly kind: OpenOperation["kind"];
  /** The callee, target, or promise; the timer's key of a sleep. */
  readonly source: string;
};

/**
 * Completes what an invocation waits for. Does nothing when it no longer waits for it: completed, killed, the operation
 * has its completion already, or the id belongs to a later invocation, whose operations are others.
 */
export function completeOperation(
  fold: Fold,
  awaited: AwaitedOperation,
  completion: { readonly type: CompletionType; readonly result: Result; readonly cause: string },
): void {
  const { id, completionId } = awaited;
  const operation = fold.tables.invocations.get(id)?.open.get(completionId);
  if (operation === undefined || operation.kind !== awaited.kind) return;
  const source = operation.kind === "sleep" ? operation.timer : operation.detail;
  if (source !== awaited.source) return;
  const row = fold.tables.invocations.edit(id);
  row.open.delete(completionId);
  notify(fold, row, { type: completion.type, completionId, result: completion.result }, completion.cause);
}

/** Records the proposed result of a step. The attempt that proposed it gets an acknowledgement instead of the completion. */
export function recordRunResult(fold: Fold, row: Invocation, completionId: number, result: Result): void {
  row.open.delete(completionId);
  const entry = record(fold, row, { type: MessageType.RunCompletion, completionId, result }, "handler");
  fold.effects.push({ kind: "ack-run", id: row.id, attempt: row.attempt, completionId, entry });
}

/** Whether the journal already holds something the handler says it waits for, so that it must not be suspended. */
export function hasArrived(row: Invocation, awaiting: AwaitingSet): boolean {
  if (awaiting.completions.some((completionId) => !row.open.has(completionId))) return true;
  for (const index of awaiting.signals) {
    // A cancel that came during this very attempt may have crossed the suspension on the wire. One that came earlier was
    // in the journal the attempt began with.
    if (index === CANCEL_SIGNAL ? row.cancelledInAttempt === row.attempt : row.settledSignals.has(index))
      return true;
  }
  return awaiting.namedSignals.some(([name, consumed]) => (row.namedSignals.get(name) ?? 0) > consumed);
}
