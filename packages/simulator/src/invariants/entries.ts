/** Reading journal entries. */
import type { JournalEntry, RecordBody } from "@holdfast/engine";
import {
  decodeMessage,
  isNotificationType,
  MessageType,
  type Message,
  type Notification,
} from "@holdfast/protocol";

export function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && a.every((byte, index) => byte === b[index]));
}

export function isSameEntry(a: JournalEntry, b: JournalEntry): boolean {
  return a === b || (a.type === b.type && isSameBytes(a.body, b.body));
}

export function messageOf(entry: JournalEntry): Message {
  return decodeMessage(entry.type, entry.body);
}

/** The notification in an entry; `undefined` for a command. */
export function notificationOf(entry: JournalEntry): Notification | undefined {
  return isNotificationType(entry.type) ? (messageOf(entry) as Notification) : undefined;
}

/** A notification, as short as it can be told apart. */
export function nameOf(notification: Notification): string {
  if (notification.type !== MessageType.Signal) return `completion ${notification.completionId}`;
  return `signal ${notification.index ?? notification.signalName ?? ""}`;
}

/** Names of the notifications among entries, in order. */
export function notificationNames(entries: readonly JournalEntry[]): string[] {
  const notifications = entries.map(notificationOf).filter((each) => each !== undefined);
  return notifications.map(nameOf);
}

const ENDS: ReadonlySet<number> = new Set([MessageType.Suspension, MessageType.Error, MessageType.End]);

/** How an attempt ended with this record, if it did: what is behind the first such message counts no more. */
export function endOf({ messages }: RecordBody & { readonly kind: "attempt-messages" }): Message | undefined {
  const end = messages.find(({ type }) => ENDS.has(type));
  return end === undefined ? undefined : (end.message ?? decodeMessage(end.type, end.body));
}
