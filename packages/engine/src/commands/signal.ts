/** Sending signals to other invocations, and completing their awakeables. */
import { parseAwakeableId, type CompleteAwakeableCommand, type SendSignalCommand } from "@holdfast/protocol";

import type { Refusal } from "../partition/fold.ts";
import { sendSignal } from "../partition/signals.ts";
import type { CommandScope } from "./scope.ts";

/** A signal to an invocation that is unknown or has completed is dropped: whoever sent it has no business with its end. */
export function sendSignalCommand(
  scope: CommandScope,
  command: SendSignalCommand,
  record: () => void,
): undefined {
  const { fold, row } = scope;
  record();
  sendSignal(
    fold,
    { id: command.target, index: command.index, name: command.signalName },
    command.result,
    row.id,
  );
  return undefined;
}

export function completeAwakeable(
  scope: CommandScope,
  command: CompleteAwakeableCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const awakeable = parseAwakeableId(command.awakeableId);
  if (awakeable === undefined) {
    return {
      code: "awakeable-id-invalid",
      message: `Not an awakeable id: ${command.awakeableId.slice(0, 100)}`,
    };
  }
  record();
  sendSignal(
    fold,
    { id: awakeable.invocationId, index: awakeable.signalIndex, name: undefined },
    command.result,
    row.id,
  );
  return undefined;
}
