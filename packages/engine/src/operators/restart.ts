/** Starting a completed invocation again as a new one, from the beginning or behind a prefix of its journal. */
import {
  completionIdOf,
  decodeMessage,
  isCommandType,
  isNotificationType,
  MessageType,
} from "@holdfast/protocol";

import { must } from "../assert.ts";
import type { Outcome } from "../effect.ts";
import { pin } from "../partition/attempt-start.ts";
import type { Fold } from "../partition/fold.ts";
import { appendEntry } from "../partition/journal.ts";
import { startOrQueue } from "../partition/locks.ts";
import { noteSignal } from "../partition/signals.ts";
import { newInvocation } from "../partition/submit.ts";
import type { RestartRecord } from "../record.ts";
import type { Invocation, JournalEntry } from "../tables/rows.ts";
import { refuseDeployment, refuseVersion } from "./pause-resume.ts";

/** From this version of Restate's protocol on a handler's random numbers come from the seed that it is told. */
const RESTATE_VERSION_SEEDED = 6;

export function restartInvocation(fold: Fold, record: RestartRecord): Outcome {
  const known = fold.tables.invocations.get(record.id);
  if (known === undefined)
    return { ok: false, code: "invocation-not-found", message: `There is no invocation ${record.id}` };
  const refused = refuseRestart(fold, known, record);
  if (refused !== undefined) return refused;
  const prefix = copyPrefix(fold.tables.journal(known), record.fromCommand);
  if (!Array.isArray(prefix)) return prefix;
  const row: Invocation = {
    ...newInvocation(fold, {
      id: record.newId,
      target: known.target,
      source: { kind: "restart", id: record.id },
      idempotencyKey: undefined,
      inputHash: known.inputHash,
    }),
    // Replayed commands may depend on the random numbers that were drawn before them.
    seedId: record.fromCommand === 0 ? record.newId : known.seedId,
    restateVersion: record.fromCommand === 0 ? 0 : known.restateVersion,
  };
  fold.tables.invocations.insert(record.newId, row, true);
  for (const entry of prefix) {
    appendEntry(row, { ...entry, attempt: 0 });
    if (isCommandType(entry.type)) row.commandCount += 1;
    else countSignal(row, entry);
    if (entry.deployment !== "") row.recordedOn = entry.deployment;
  }
  if (record.deployment !== undefined) pin(fold, row, record.deployment);
  row.modifiedAt = fold.at;
  startOrQueue(fold, row);
  return { ok: true, detail: { id: record.newId } };
}

function refuseRestart(fold: Fold, known: Readonly<Invocation>, record: RestartRecord): Outcome | undefined {
  if (known.status !== "completed") {
    return {
      ok: false,
      code:
        known.status === "scheduled" || known.status === "queued"
          ? "invocation-not-started"
          : "invocation-not-completed",
      message: `The invocation ${known.id} is ${known.status}: only a completed one can be restarted`,
    };
  }
  if (known.target.kind === "run") {
    return {
      ok: false,
      code: "restart-unsupported",
      message: "A workflow runs once per key: purge it, then start it again",
    };
  }
  if (known.journalLength === 0) {
    return {
      ok: false,
      code: "journal-gone",
      message: `The journal of ${known.id} is no longer kept, and with it its input`,
    };
  }
  if (record.fromCommand >= known.commandCount) {
    return {
      ok: false,
      code: "restart-point-invalid",
      message: `The journal of ${known.id} has the commands 0 to ${known.commandCount - 1}; there is no ${record.fromCommand}`,
    };
  }
  const restateVersion = record.fromCommand === 0 ? 0 : known.restateVersion;
  if (0 < restateVersion && restateVersion < RESTATE_VERSION_SEEDED) {
    return {
      ok: false,
      code: "restart-unsupported",
      message: `The invocation ${known.id} speaks version ${restateVersion} of Restate's protocol, in which random numbers follow from the id: it can only be repeated from the beginning`,
    };
  }
  const { deployment } = record;
  if (deployment !== undefined)
    return refuseDeployment(fold, deployment, { target: known.target, restateVersion });
  // That the newest one lost the handler is for the attempt to say.
  return refuseVersion(fold, fold.tables.service(known.target.service)?.deployment, restateVersion);
}

/** The entries up to and with the command, and the completions of kept commands that came later, in their order. */
function copyPrefix(journal: readonly JournalEntry[], lastCommand: number): JournalEntry[] | Outcome {
  // What came before the first command may be part of why it is repeated: only the caller's input is certain.
  if (lastCommand === 0) return journal.slice(0, 1);
  const kept: JournalEntry[] = [];
  const waiting = new Map<number, number>();
  let commandIndex = -1;
  for (const entry of journal) {
    if (isCommandType(entry.type)) {
      commandIndex += 1;
      if (commandIndex > lastCommand) continue;
      if (entry.type === MessageType.Output) {
        return {
          ok: false,
          code: "restart-point-invalid",
          message: `Command ${commandIndex} is the invocation's output`,
        };
      }
      for (const completionId of completionIdsOf(entry)) waiting.set(completionId, commandIndex);
      kept.push(entry);
      continue;
    }
    const message = decodeMessage(entry.type, entry.body);
    const completionId =
      message.type === MessageType.Signal ? 0 : must(completionIdOf(message), "completion id");
    if (completionId === 0 ? commandIndex <= lastCommand && !isCancel(entry) : waiting.delete(completionId))
      kept.push(entry);
  }
  for (const [, index] of waiting) {
    return {
      ok: false,
      code: "restart-point-invalid",
      message: `Command ${index} has no result in the journal: keep fewer commands`,
    };
  }
  return kept;
}

/** A kept signal has arrived, as if it had been sent to the new invocation. */
function countSignal(row: Invocation, entry: JournalEntry): void {
  const message = decodeMessage(entry.type, entry.body);
  if (message.type === MessageType.Signal) noteSignal(row, message);
}

function isCancel(entry: JournalEntry): boolean {
  const message = isNotificationType(entry.type) ? decodeMessage(entry.type, entry.body) : undefined;
  return message?.type === MessageType.Signal && message.index === 1;
}

function completionIdsOf(entry: JournalEntry): number[] {
  const message = decodeMessage(entry.type, entry.body);
  const ids: number[] = [];
  if ("invocationIdCompletionId" in message) ids.push(message.invocationIdCompletionId);
  if ("completionId" in message) ids.push(message.completionId);
  return ids;
}
