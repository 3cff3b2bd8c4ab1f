/** Durable promises of the workflow that the handler belongs to. */
import {
  MessageType,
  type CompletePromiseCommand,
  type GetPromiseCommand,
  type PeekPromiseCommand,
  type Result,
} from "@holdfast/protocol";

import type { Refusal } from "../partition/fold.ts";
import { answer } from "../partition/journal.ts";
import { awaitPromise, peekPromise, settlePromise, type Settled } from "../partition/promises.ts";
import type { CommandScope } from "./scope.ts";
import { openOperation, refuseReusedId } from "./steps.ts";

function refuseOutsideWorkflow(scope: CommandScope): Refusal | undefined {
  const { fold, row } = scope;
  const { service, key, kind } = row.target;
  const isWorkflow =
    kind === "run" || (kind === "shared" && fold.tables.service(service)?.manifest.kind === "workflow");
  if (isWorkflow) return undefined;
  return {
    code: "protocol-violation",
    message: `Durable promises belong to workflows; ${service}/${key} is none`,
  };
}

function promiseOf(scope: CommandScope, name: string): { service: string; key: string; name: string } {
  return { service: scope.row.target.service, key: scope.row.target.key, name };
}

export function getPromise(
  scope: CommandScope,
  command: GetPromiseCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const { completionId } = command;
  const refusal = refuseOutsideWorkflow(scope) ?? refuseReusedId(row, completionId);
  if (refusal !== undefined) return refusal;
  record();
  const present = awaitPromise(fold, promiseOf(scope, command.key), { id: row.id, completionId });
  if (present !== undefined) answer(fold, row, MessageType.GetPromiseCompletion, completionId, present);
  else openOperation(row, completionId, { kind: "promise", detail: command.key, since: fold.at, timer: "" });
  return undefined;
}

export function peekPromiseCommand(
  scope: CommandScope,
  command: PeekPromiseCommand,
  record: () => void,
): Refusal | undefined {
  const refusal = refuseOutsideWorkflow(scope) ?? refuseReusedId(scope.row, command.completionId);
  if (refusal !== undefined) return refusal;
  record();
  const { service, key } = scope.row.target;
  const present = peekPromise(scope.fold.tables, service, key, command.key);
  answer(
    scope.fold,
    scope.row,
    MessageType.PeekPromiseCompletion,
    command.completionId,
    present ?? { kind: "void" },
  );
  return undefined;
}

export function completePromise(
  scope: CommandScope,
  command: CompletePromiseCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const refusal = refuseOutsideWorkflow(scope) ?? refuseReusedId(scope.row, command.completionId);
  if (refusal !== undefined) return refusal;
  record();
  const settled = settlePromise(fold, promiseOf(scope, command.key), command.result);
  answer(
    fold,
    row,
    MessageType.CompletePromiseCompletion,
    command.completionId,
    answerOf(settled, command.key),
  );
  return undefined;
}

function answerOf(settled: Settled, name: string): Result {
  if (settled.kind === "settled") return { kind: "void" };
  const code = settled.kind === "closed" ? "workflow-completed" : "promise-already-completed";
  const message =
    settled.kind === "closed"
      ? `The workflow has completed: promise "${name}" is closed`
      : `Promise "${name}" was already completed`;
  return { kind: "failure", failure: { code: 409, message, metadata: [["holdfast.code", code]] } };
}
