/** Changing when a delayed send starts. */
import { MessageType, type RescheduleCommand, type Result } from "@holdfast/protocol";

import { rescheduleInvocation } from "../operators/reschedule.ts";
import type { Refusal } from "../partition/fold.ts";
import { answer } from "../partition/journal.ts";
import type { CommandScope } from "./scope.ts";
import { refuseReusedId } from "./steps.ts";

export function rescheduleCommand(
  scope: CommandScope,
  command: RescheduleCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const refusal = refuseReusedId(row, command.completionId);
  if (refusal !== undefined) return refusal;
  record();
  const outcome = rescheduleInvocation(fold, command.target, command.invokeAt);
  const result: Result = outcome.ok
    ? { kind: "void" }
    : {
        kind: "failure",
        failure: {
          // As attaching to nobody says it. Everything else is a matter of being too late.
          code: outcome.code === "invocation-not-found" ? 404 : 409,
          message: outcome.message,
          metadata: [["holdfast.code", outcome.code]],
        },
      };
  answer(fold, row, MessageType.RescheduleCompletion, command.completionId, result);
  return undefined;
}
