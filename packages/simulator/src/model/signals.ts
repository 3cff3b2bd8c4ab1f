/**
 * Signals: cancel (index 1), awakeables (index 17 and up, the first outcome stays, SIG-1), and named ones, which arrive as
 * often as they are sent. From outside a signal to nobody is refused; a handler's own is dropped (partition/signals.test.ts).
 */
import type { RecordBody } from "@holdfast/engine";
import { CANCEL_SIGNAL, MessageType, type Result, type SignalNotification } from "@holdfast/protocol";

import { bytesOf, hasSignal } from "./journal.ts";
import { cancel, notify } from "./lifecycle.ts";
import { Refused, type ModelInvocation, type ModelState } from "./model-state.ts";
import { isRestates } from "./services.ts";

type SignalRecord = Extract<RecordBody, { readonly kind: "signal" }>;

type Sent = {
  readonly target: string;
  readonly index?: number;
  readonly signalName?: string;
  readonly result: Result;
};

/** A handler's signal to another invocation, or to itself. */
export function sendSignal(state: ModelState, sender: ModelInvocation, sent: Sent): void {
  const target = state.invocations.get(sent.target);
  if (target === undefined || target.status === "completed") return;
  if (sent.index === CANCEL_SIGNAL) {
    if (isRestates(state, sender) || !isPassedOn(sender, target)) cancel(state, target);
    return;
  }
  if (!isFull(state, target))
    deliverSignal(state, target, sent.index, sent.signalName, sent.result, sender.id);
}

/** Whoever knows an id can send signals without end. */
function isFull({ settings }: ModelState, { journal }: ModelInvocation): boolean {
  return journal.length >= settings.journalEntriesMax || bytesOf(journal) >= settings.journalBytesMax;
}

/** Our SDK cancels a cancelled handler's callees, as its own cancel did already; with Restate's only the SDK does. Twice would interrupt their cleaning up. */
function isPassedOn(sender: ModelInvocation, target: ModelInvocation): boolean {
  return target.source.id === sender.id && [sender, target].every((each) => hasSignal(each, CANCEL_SIGNAL));
}

function deliverSignal(
  state: ModelState,
  target: ModelInvocation,
  index: number | undefined,
  name: string | undefined,
  result: Result,
  cause: string,
): void {
  if (index !== undefined && hasSignal(target, index)) return;
  const message: SignalNotification =
    index === undefined
      ? { type: MessageType.Signal, signalName: name ?? "", result }
      : { type: MessageType.Signal, index, result };
  notify(state, target, message, cause);
}

/** Whether it ends at once or decides for itself how. */
export function cancelOne(state: ModelState, id: string) {
  const invocation = state.live(id);
  cancel(state, invocation);
  return invocation.status === "completed" ? undefined : { pending: true };
}

export function signal(state: ModelState, record: SignalRecord) {
  const { id, index, name, result, cause } = record;
  if (index === CANCEL_SIGNAL) return cancelOne(state, id);
  if (index === 0) throw new Refused("awakeable-id-invalid");
  const target = state.live(id);
  if (index !== undefined && hasSignal(target, index)) return { unchanged: true };
  if (isFull(state, target)) throw new Refused("limit-exceeded");
  deliverSignal(state, target, index, name, result, cause);
  return undefined;
}
