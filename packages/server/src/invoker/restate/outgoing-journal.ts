/** What an SDK of Restate is told of a journal: its entries as they are, but for what it could not understand. */
import type { JournalEntry } from "@holdfast/engine";
import { decodeMessage, encodeMessage, MessageType, messageTypeName } from "@holdfast/protocol";

/** An SDK ends an attempt over a message that it does not know. */
const UNKNOWN_TO_RESTATE: ReadonlySet<number> = new Set([
  MessageType.Reschedule,
  MessageType.RescheduleCompletion,
]);
const EMPTY = new Uint8Array(0);

/** Why a journal cannot be replayed by an SDK of Restate, or `undefined`. */
export function unsendableReason(journal: readonly JournalEntry[]): string | undefined {
  const entry = journal.find(({ type }) => UNKNOWN_TO_RESTATE.has(type));
  if (entry === undefined) return undefined;
  return `The journal holds ${messageTypeName(entry.type)}, which Restate's SDKs do not know; resume it on a deployment of the Holdfast SDK`;
}

/**
 * The body as it is sent. Restate knows no outcome without a value: where a handler of ours returned nothing, its caller
 * gets an empty one.
 */
export function sentBody({ type, body }: JournalEntry): Uint8Array {
  switch (type) {
    case MessageType.CallCompletion:
    case MessageType.AttachInvocationCompletion:
    case MessageType.GetPromiseCompletion:
    case MessageType.RunCompletion: {
      const message = decodeMessage(type, body);
      if (!("result" in message) || message.result.kind !== "void") return body;
      return encodeMessage({ ...message, result: { kind: "value", value: EMPTY } });
    }
    default:
      return body;
  }
}
