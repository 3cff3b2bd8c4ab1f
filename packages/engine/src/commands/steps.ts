/** Output, run, sleep. */
import type { OutputCommand, RunCommand, SleepCommand } from "@holdfast/protocol";

import type { Refusal } from "../partition/fold.ts";
import { setTimer } from "../partition/timers.ts";
import type { Invocation, OpenOperation } from "../tables/rows.ts";
import type { CommandScope } from "./scope.ts";

/** Notes that a command waits for its completion. Refused when its id was used before. */
export function openOperation(
  row: Invocation,
  completionId: number,
  operation: Pick<OpenOperation, "kind" | "detail" | "since" | "timer">,
): void {
  row.open.set(completionId, { ...operation, failures: 0, lastFailure: "", nextTryAt: 0 });
}

/** A completion id serves one command. Only ids that are still open can be told apart here; the SDK never reuses one. */
export function refuseReusedId(row: Invocation, completionId: number): Refusal | undefined {
  if (completionId > 0 && !row.open.has(completionId)) return undefined;
  return { code: "protocol-violation", message: `Completion id ${completionId} is not free` };
}

/** As `refuseReusedId`, of the two that a call is given. */
export function refuseReusedIds(
  row: Invocation,
  ids: { readonly invocationIdCompletionId: number; readonly completionId: number },
): Refusal | undefined {
  const { invocationIdCompletionId, completionId } = ids;
  if (invocationIdCompletionId === completionId) {
    return { code: "protocol-violation", message: `Completion id ${completionId} was given twice` };
  }
  return refuseReusedId(row, invocationIdCompletionId) ?? refuseReusedId(row, completionId);
}

export function output(scope: CommandScope, command: OutputCommand, record: () => void): undefined {
  record();
  scope.row.output = command.result;
  return undefined;
}

export function run(scope: CommandScope, command: RunCommand, record: () => void): Refusal | undefined {
  const { fold, row } = scope;
  const refusal = refuseReusedId(row, command.completionId);
  if (refusal !== undefined) return refusal;
  record();
  openOperation(row, command.completionId, {
    kind: "run",
    detail: command.name ?? "",
    since: fold.at,
    timer: "",
  });
  return undefined;
}

export function sleep(scope: CommandScope, command: SleepCommand, record: () => void): Refusal | undefined {
  const { fold, row } = scope;
  const refusal = refuseReusedId(row, command.completionId);
  if (refusal !== undefined) return refusal;
  record();
  const timer = setTimer(fold, command.wakeUpAt, {
    kind: "sleep",
    id: row.id,
    completionId: command.completionId,
  });
  openOperation(row, command.completionId, {
    kind: "sleep",
    detail: command.name ?? "",
    since: fold.at,
    timer,
  });
  return undefined;
}
