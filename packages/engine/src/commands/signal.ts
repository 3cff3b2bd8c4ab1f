/** Sending signals to other invocations, and completing their awakeables. */
import {
  CANCEL_SIGNAL,
  FIRST_AWAKEABLE_SIGNAL,
  parseAwakeableId,
  type CompleteAwakeableCommand,
  type SendSignalCommand,
} from "@holdfast/protocol";

import type { Refusal } from "../partition/fold.ts";
import { cancelsCallees, sendSignal } from "../partition/signals.ts";
import type { CommandScope } from "./scope.ts";

/** A signal to an invocation that is unknown or has completed is dropped: whoever sent it has no business with its end. */
export function sendSignalCommand(
  scope: CommandScope,
  command: SendSignalCommand,
  record: () => void,
): undefined {
  const { fold, row } = scope;
  record();
  if (isPassedOnAlready(scope, command)) return undefined;
  sendSignal(
    fold,
    { id: command.target, index: command.index, name: command.signalName },
    command.result,
    row.id,
  );
  return undefined;
}

/**
 * A cancelled handler may cancel the callees it knows of; the fold did that when it cancelled the handler, but for Restate's. Twice would
 * interrupt what the callee does to clean up.
 */
function isPassedOnAlready(scope: CommandScope, command: SendSignalCommand): boolean {
  if (command.index !== CANCEL_SIGNAL || scope.row.cancelledInAttempt === 0) return false;
  if (cancelsCallees(scope.fold, scope.row)) return false;
  const callee = scope.fold.tables.invocations.get(command.target);
  if (callee === undefined || callee.source.kind === "ingress") return false;
  return callee.source.id === scope.row.id && callee.cancelledInAttempt > 0;
}

export function completeAwakeable(
  scope: CommandScope,
  command: CompleteAwakeableCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const awakeable = parseAwakeableId(command.awakeableId);
  if (awakeable === undefined || awakeable.signalIndex < FIRST_AWAKEABLE_SIGNAL) {
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
