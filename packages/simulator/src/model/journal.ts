/**
 * What a journal says. Nothing of it is kept beside the journal: each question reads the entries again. Rules: a completion
 * id is used once and answered once (INV-4, message.ts); signals are counted by name, awakeables by index (SIG-1).
 */
import {
  CANCEL_SIGNAL,
  completionIdOf,
  completionTypeOf,
  encodeMessage,
  isNotificationType,
  MessageType,
  type JournalMessage,
} from "@holdfast/protocol";

import type { ModelEntry, ModelInvocation } from "./model-state.ts";

/** Every entry counts for its bytes and this many more. */
export const ENTRY_OVERHEAD_BYTES = 16;

export function entryOf(
  message: JournalMessage,
  attempt: number,
  origin: { readonly deployment?: string; readonly cause?: string } = {},
): ModelEntry {
  const bytes = encodeMessage(message).length + ENTRY_OVERHEAD_BYTES;
  return { message, bytes, attempt, deployment: origin.deployment ?? "", cause: origin.cause ?? "" };
}

export function isNotification({ message }: ModelEntry): boolean {
  return isNotificationType(message.type);
}

/** Completion ids that a command claims: a call claims two, the first for the callee's id. */
export function idsOf(message: JournalMessage): number[] {
  const ids: number[] = [];
  if (isNotificationType(message.type)) return ids;
  if ("invocationIdCompletionId" in message) ids.push(message.invocationIdCompletionId);
  if ("completionId" in message) ids.push(message.completionId);
  return ids;
}

/** Whether a completion id has its answer; of this type, where one is given. */
export function isCompleted(journal: readonly ModelEntry[], completionId: number, type?: number): boolean {
  return journal.some(
    (entry) =>
      isNotification(entry) &&
      completionIdOf(entry.message) === completionId &&
      (type === undefined || entry.message.type === type),
  );
}

/** What an invocation that goes on has asked for and not been told. */
export function openOf(invocation: ModelInvocation): Map<number, JournalMessage> {
  const open = new Map<number, JournalMessage>();
  if (invocation.status === "completed") return open;
  for (const entry of invocation.journal) {
    for (const id of idsOf(entry.message)) open.set(id, entry.message);
    const answered = isNotification(entry) ? completionIdOf(entry.message) : undefined;
    if (answered !== undefined) open.delete(answered);
  }
  return open;
}

/** Type of the completion that answers a command under this id. */
export function answerType(command: JournalMessage, completionId: number) {
  const isCalleeId =
    "invocationIdCompletionId" in command && command.invocationIdCompletionId === completionId;
  return isCalleeId ? MessageType.CallInvocationIdCompletion : completionTypeOf(command.type);
}

export function hasSignal(invocation: ModelInvocation, index: number, from = 0): boolean {
  return invocation.journal
    .slice(from)
    .some(({ message }) => message.type === MessageType.Signal && message.index === index);
}

export function signalsNamed(journal: readonly ModelEntry[], name: string): number {
  return journal.filter(({ message }) => message.type === MessageType.Signal && message.signalName === name)
    .length;
}

export function bytesOf(journal: readonly ModelEntry[]): number {
  return journal.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Deployment that recorded the newest command. */
export function recordedOn({ journal }: ModelInvocation): string {
  return journal.findLast(({ deployment }) => deployment !== "")?.deployment ?? "";
}

/**
 * The entries that a restart keeps: commands up to the one with this index, their completions wherever they lie, and the
 * signals in between; a cancel is not repeated. `undefined` when the prefix cannot be kept: it holds the output, ends behind
 * the end, or one of its commands never had its result.
 */
export function prefixOf(journal: readonly ModelEntry[], fromCommand: number): ModelEntry[] | undefined {
  const commands = journal.filter((entry) => !isNotification(entry));
  if (fromCommand === 0) return commands.slice(0, 1);
  const kept = new Set(commands.slice(0, fromCommand + 1));
  if (commands[fromCommand] === undefined) return undefined;
  if ([...kept].some(({ message }) => message.type === MessageType.Output)) return undefined;
  const next = commands[fromCommand + 1];
  const end = next === undefined ? journal.length : journal.indexOf(next);
  // A handler that lies may give an id again that is free: each command has one answer, the next one after it.
  const waiting = new Set<number>();
  const prefix = journal.filter((entry, index) => {
    if (!isNotification(entry)) {
      if (kept.has(entry)) for (const id of idsOf(entry.message)) waiting.add(id);
      return kept.has(entry);
    }
    const answered = completionIdOf(entry.message);
    if (answered !== undefined) return waiting.delete(answered);
    const isCancel = entry.message.type === MessageType.Signal && entry.message.index === CANCEL_SIGNAL;
    return index < end && !isCancel;
  });
  return waiting.size === 0 ? prefix : undefined;
}
