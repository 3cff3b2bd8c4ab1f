/** Waiting for another invocation's outcome, and looking whether it is there. */
import {
  MessageType,
  type AttachInvocationCommand,
  type Failure,
  type GetInvocationOutputCommand,
} from "@holdfast/protocol";

import { findDeadlock } from "../partition/deadlock.ts";
import type { Refusal } from "../partition/fold.ts";
import { answer } from "../partition/journal.ts";
import { takeId } from "./call.ts";
import type { CommandScope } from "./scope.ts";
import { openOperation, refuseReusedId } from "./steps.ts";

const NOT_FOUND: Failure = {
  code: 404,
  message: "not found",
  metadata: [["holdfast.code", "invocation-not-found"]],
};

export function attachInvocation(
  scope: CommandScope,
  command: AttachInvocationCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const { completionId } = command;
  const refusal = refuseReusedId(row, completionId);
  if (refusal !== undefined) return refusal;
  const id = takeId(scope);
  record();
  const target = fold.tables.invocations.get(id);
  if (target === undefined) {
    answer(fold, row, MessageType.AttachInvocationCompletion, completionId, {
      kind: "failure",
      failure: NOT_FOUND,
    });
    return undefined;
  }
  if (target.result !== undefined) {
    answer(fold, row, MessageType.AttachInvocationCompletion, completionId, target.result);
    return undefined;
  }
  const failure = findDeadlock(fold.tables, row, target, "attaches to");
  if (failure !== undefined) {
    answer(fold, row, MessageType.AttachInvocationCompletion, completionId, { kind: "failure", failure });
  } else {
    openOperation(row, completionId, { kind: "attach", detail: id, since: fold.at, timer: "" });
    fold.tables.invocations.edit(id).waiters.push({ id: row.id, completionId, kind: "attach" });
  }
  return undefined;
}

export function getInvocationOutput(
  scope: CommandScope,
  command: GetInvocationOutputCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const refusal = refuseReusedId(row, command.completionId);
  if (refusal !== undefined) return refusal;
  const id = takeId(scope);
  record();
  const target = fold.tables.invocations.get(id);
  const result =
    target === undefined
      ? ({ kind: "failure", failure: NOT_FOUND } as const)
      : (target.result ?? ({ kind: "void" } as const));
  answer(fold, row, MessageType.GetInvocationOutputCompletion, command.completionId, result);
  return undefined;
}
