/**
 * What an attempt sent: commands, proposed results of steps, and how it ended.
 *
 * Refused as a whole unless it comes from the attempt that the tables say is running: an attempt that was given up cannot
 * add to the journal, whatever its handler still believes. A command that cannot be applied fails the attempt and takes
 * everything behind it along; what came before it stays.
 */
import {
  completionIdOf,
  decodeMessage,
  ErrorBehavior,
  MessageType,
  messageTypeName,
  ProtocolError,
  type ProtocolErrorReason,
  type Message,
  type Result,
  type SuspensionMessage,
} from "@holdfast/protocol";

import { applyCommand } from "../commands/apply-command.ts";
import type { CommandScope } from "../commands/scope.ts";
import type { Outcome } from "../effect.ts";
import type { AttemptMessagesRecord, SessionMessage } from "../record.ts";
import type { AwaitingSet, Invocation, JournalEntry } from "../tables/rows.ts";
import { failAttempt, noteProgress, suspend } from "./attempt-end.ts";
import { completeInvocation } from "./completion.ts";
import type { Fold, Refusal } from "./fold.ts";
import { appendEntry, hasArrived, recordRunResult } from "./journal.ts";
import { timeAfter } from "./timers.ts";

const OK: Outcome = { ok: true };

export function applyAttemptMessages(fold: Fold, record: AttemptMessagesRecord): Outcome {
  const known = fold.tables.invocations.get(record.id);
  if (known === undefined || known.status !== "running" || known.attempt !== record.attempt) {
    return { ok: false, code: "stale-attempt", message: `Attempt ${record.attempt} of ${record.id} is over` };
  }
  const row = fold.tables.invocations.edit(record.id);
  const scope: CommandScope = { fold, row, ids: record.childIds, nextId: 0 };
  for (const sent of record.messages) {
    const refusal = applyMessage(scope, sent);
    if (refusal !== undefined) {
      refuse(fold, row, refusal);
      return OK;
    }
    // A command may end the attempt from within: a cancel of itself, a kill that came back to it.
    if (row.status !== "running" || row.attempt !== record.attempt) return OK;
  }
  return OK;
}

function applyMessage(scope: CommandScope, sent: SessionMessage): Refusal | undefined {
  const { fold, row } = scope;
  const message = sent.message ?? decode(sent);
  if ("code" in message && !("type" in message)) return message;
  switch (message.type) {
    case MessageType.ProposeRunCompletion:
      return proposeRunResult(fold, row, message.completionId, message.result);
    case MessageType.RunAttemptFailed: {
      const operation = row.open.get(message.completionId);
      if (operation === undefined) return undefined;
      if (operation.kind !== "run") return noStep(message.completionId, operation.kind);
      operation.failures = message.failures;
      operation.lastFailure = message.failure.message;
      operation.nextTryAt = timeAfter(fold, message.nextDelayMs);
      row.modifiedAt = fold.at;
      return undefined;
    }
    case MessageType.Suspension:
      return suspendOn(fold, row, awaitingOf(message));
    case MessageType.Error:
      failAttempt(fold, row, {
        code:
          message.code === 570
            ? "journal-mismatch"
            : message.code === 571
              ? "protocol-violation"
              : "handler-error",
        status: message.code >= 400 && message.code <= 599 ? message.code : 500,
        message: message.message,
        stacktrace: message.stacktrace,
        relatedCommandIndex: message.relatedCommandIndex ?? -1,
        relatedCommandName: message.relatedCommandName ?? "",
        behavior: message.behavior,
        retryDelayMs: message.nextRetryDelayMs ?? -1,
        counted: true,
      });
      return undefined;
    case MessageType.End:
      completeInvocation(fold, row, row.output ?? { kind: "void" });
      return undefined;
    default:
      return recordCommand(scope, sent, message);
  }
}

/** Without what made it a message, so that the row in memory is the row that a checkpoint reads back. */
function awaitingOf({ completions, signals, namedSignals }: SuspensionMessage): AwaitingSet {
  return { completions, signals, namedSignals };
}

/** The proposer has read the message already. Should it have let through what is none, every replay refuses it alike. */
function decode({ type, body }: SessionMessage): Message | Refusal {
  try {
    return decodeMessage(type, body);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return unreadable(type, error.reason);
  }
}

/** With the reason only: an error's text is nobody's promise, and what is stored must be the same on every replay. */
function unreadable(type: number, reason: ProtocolErrorReason): Refusal {
  return { code: "protocol-violation", message: `${messageTypeName(type)} cannot be read: ${reason}` };
}

function suspendOn(fold: Fold, row: Invocation, awaiting: AwaitingSet): Refusal | undefined {
  const { completions, signals, namedSignals } = awaiting;
  if (completions.length + signals.length + namedSignals.length === 0) {
    // It would never end. The codec refuses it too, and a replay must say what was said here.
    return unreadable(MessageType.Suspension, "field-missing");
  }
  if (hasArrived(row, awaiting) && !hasGrown(fold, row)) {
    // The next attempt would begin with the same journal and say the same, as fast as both can.
    return {
      code: "protocol-violation",
      message:
        "The handler suspended for what its journal held from the beginning, or for what it never asked for",
    };
  }
  suspend(fold, row, awaiting);
  return undefined;
}

/** Whether anything was appended since the current attempt began. */
function hasGrown(fold: Fold, row: Invocation): boolean {
  const last = row.tail.at(-1) ?? fold.tables.journal(row).at(-1);
  return last?.attempt === row.attempt;
}

function recordCommand(scope: CommandScope, sent: SessionMessage, message: Message): Refusal | undefined {
  const { fold, row } = scope;
  const tooLong = refuseLongJournal(fold, row, sent);
  if (tooLong !== undefined) return tooLong;
  const entry = {
    type: sent.type,
    body: sent.body,
    at: fold.at,
    attempt: row.attempt,
    deployment: row.deployment ?? "",
    cause: "",
  };
  const refusal = applyCommand(scope, message, () => {
    appendEntry(row, entry);
    row.commandCount += 1;
    noteProgress(row);
    row.failuresSinceCommand = 0;
    // Nothing serves the handler any more, and somebody speaks for it all the same.
    if (entry.deployment !== "") row.recordedOn = entry.deployment;
  });
  return refusal;
}

/** A step has one result. A second proposal for it, from a session that did not see the first one arrive, changes nothing. */
function proposeRunResult(
  fold: Fold,
  row: Invocation,
  completionId: number,
  result: Result,
): Refusal | undefined {
  const operation = row.open.get(completionId);
  const entry = operation === undefined ? runResult(fold, row, completionId) : undefined;
  if (entry !== undefined) {
    fold.effects.push({ kind: "ack-run", id: row.id, attempt: row.attempt, completionId, entry });
    return undefined;
  }
  if (operation?.kind !== "run") return noStep(completionId, operation?.kind);
  recordRunResult(fold, row, completionId, result);
  noteProgress(row);
  return undefined;
}

function noStep(completionId: number, kind: string | undefined): Refusal {
  const what = kind === undefined ? "no step" : `a ${kind}`;
  return {
    code: "protocol-violation",
    message: `The outcome of a step was sent for completion id ${completionId}, which is ${what}`,
  };
}

/** Looks through the journal: an acknowledgement says that a result is recorded, and second proposals are rare. */
function runResult(fold: Fold, row: Invocation, completionId: number): JournalEntry | undefined {
  return fold.tables.journal(row).find((entry) => {
    if (entry.type !== MessageType.RunCompletion) return false;
    return completionIdOf(decodeMessage(entry.type, entry.body)) === completionId;
  });
}

/** A handler may always come to its end: what cannot grow further is what it still wants to do. */
function refuseLongJournal(fold: Fold, row: Invocation, sent: SessionMessage): Refusal | undefined {
  if (sent.type === MessageType.Output) return undefined;
  const { journalEntriesMax, journalBytesMax } = fold.tables.settings;
  if (row.journalLength >= journalEntriesMax) {
    return {
      code: "journal-too-long",
      message: `The journal has ${row.journalLength} entries; the limit journalEntriesMax is ${journalEntriesMax}`,
    };
  }
  if (row.journalBytes + sent.body.length > journalBytesMax) {
    return {
      code: "journal-too-long",
      message: `The journal would have ${row.journalBytes + sent.body.length} bytes; the limit journalBytesMax is ${journalBytesMax}`,
    };
  }
  return undefined;
}

/** Refusals that no retry can mend: the same code would be refused again. */
const HOPELESS = new Set([
  "journal-too-long",
  "message-too-large",
  "state-not-allowed",
  "protocol-violation",
]);

function refuse(fold: Fold, row: Invocation, refusal: Refusal): void {
  fold.effects.push({ kind: "abort-attempt", id: row.id, attempt: row.attempt, reason: refusal.message });
  failAttempt(fold, row, {
    code: refusal.code,
    status: 500,
    message: refusal.message,
    stacktrace: "",
    relatedCommandIndex: row.commandCount,
    relatedCommandName: "",
    behavior: HOPELESS.has(refusal.code) ? ErrorBehavior.Pause : ErrorBehavior.Retry,
    retryDelayMs: -1,
    counted: true,
  });
}
