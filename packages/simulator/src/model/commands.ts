/**
 * The commands of an attempt. Rules: a command is recorded before it counts; its completion id is not in use (INV-4); a full
 * journal takes no further command but the output (docs/errors.md#journal-too-long). What a handler may not do at all
 * pauses its invocation; what may become possible is tried again (commands/call.test.ts, partition/attempt-messages.test.ts).
 */
import {
  FIRST_AWAKEABLE_SIGNAL,
  isCommandType,
  MessageType,
  parseAwakeableId,
  type Command,
  type InputCommand,
  type Message,
} from "@holdfast/protocol";

import { attach, call, moveStart } from "./calls.ts";
import { bytesOf, ENTRY_OVERHEAD_BYTES, entryOf, idsOf, openOf } from "./journal.ts";
import {
  latest,
  Refused,
  Unacceptable,
  violation,
  type ModelInvocation,
  type ModelState,
} from "./model-state.ts";
import { accessState, requireState } from "./object-state.ts";
import { accessPromise } from "./promises.ts";
import { madeProgress } from "./retry.ts";
import { sendSignal } from "./signals.ts";

type HandlerCommand = Exclude<Command, InputCommand>;

/** All of it, or nothing and an error. `takeId` gives the next of the ids that the record brings along. */
export function applyCommand(
  state: ModelState,
  invocation: ModelInvocation,
  message: Message,
  takeId: () => string,
): void {
  if (!isHandlerCommand(message)) throw violation();
  const entry = entryOf(message, invocation.attempt, { deployment: invocation.deployment ?? "" });
  requireRoom(state, invocation, message, entry.bytes - ENTRY_OVERHEAD_BYTES);
  requireState(invocation, message);
  const ids = idsOf(message);
  const open = openOf(invocation);
  if (ids.some((id) => id === 0 || open.has(id)) || new Set(ids).size < ids.length) throw violation();
  const record = (): void => {
    invocation.journal.push(entry);
    madeProgress(invocation);
    invocation.failuresSinceCommand = 0;
  };
  try {
    perform(state, invocation, message, record, takeId);
  } catch (error) {
    if (error instanceof Refused) throw new Unacceptable(error.code, false);
    throw error;
  }
}

function isHandlerCommand(message: Message): message is HandlerCommand {
  return isCommandType(message.type) && message.type !== MessageType.Input;
}

function requireRoom(
  { settings }: ModelState,
  { journal }: ModelInvocation,
  { type }: Command,
  bytes: number,
): void {
  if (type === MessageType.Output) return;
  const isFull =
    journal.length >= settings.journalEntriesMax || bytesOf(journal) + bytes > settings.journalBytesMax;
  if (isFull) throw new Unacceptable("journal-too-long", true);
}

function perform(
  state: ModelState,
  invocation: ModelInvocation,
  command: HandlerCommand,
  record: () => void,
  takeId: () => string,
): void {
  switch (command.type) {
    case MessageType.Output:
    case MessageType.Run:
      return record();
    case MessageType.Sleep: {
      record();
      const due = latest(command.wakeUpAt);
      const { completionId } = command;
      return state.setTimer({ kind: "sleep", id: invocation.id, completionId, due: [due, due] });
    }
    case MessageType.Call:
    case MessageType.OneWayCall:
      return call(state, invocation, command, takeId(), record);
    case MessageType.AttachInvocation:
    case MessageType.GetInvocationOutput:
      record();
      return attach(state, invocation, command, takeId());
    case MessageType.Reschedule:
      record();
      return moveStart(state, invocation, command);
    case MessageType.SendSignal:
      record();
      return sendSignal(state, invocation, command);
    case MessageType.CompleteAwakeable: {
      const awakeable = parseAwakeableId(command.awakeableId);
      if (awakeable === undefined || awakeable.signalIndex < FIRST_AWAKEABLE_SIGNAL)
        throw new Unacceptable("awakeable-id-invalid", false);
      record();
      const { invocationId: target, signalIndex: index } = awakeable;
      return sendSignal(state, invocation, { target, index, result: command.result });
    }
    case MessageType.GetPromise:
    case MessageType.PeekPromise:
    case MessageType.CompletePromise:
      return accessPromise(state, invocation, command, record);
    default:
      return accessState(state, invocation, command, record);
  }
}
