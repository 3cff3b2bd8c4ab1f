/** Calling another handler and waiting for it, and sending to one without waiting. */
import {
  encodeMessage,
  MessageType,
  type CallCommand,
  type Failure,
  type Header,
  type OneWayCallCommand,
} from "@holdfast/protocol";

import { must } from "../assert.ts";
import { hashBytes } from "../hash.ts";
import { completeInvocation } from "../partition/completion.ts";
import { findDeadlock } from "../partition/deadlock.ts";
import type { Refusal } from "../partition/fold.ts";
import { answer } from "../partition/journal.ts";
import { isRefusal, resolveTarget, submit, type Submitted } from "../partition/submit.ts";
import type { Invocation } from "../tables/rows.ts";
import type { CommandScope } from "./scope.ts";
import { openOperation, refuseReusedId, refuseReusedIds } from "./steps.ts";

type Callee = {
  readonly service: string;
  readonly handler: string;
  readonly key: string;
  readonly parameter: Uint8Array;
  readonly headers: readonly Header[];
  readonly idempotencyKey?: string;
};

/** The next id that the proposer provided. */
export function takeId(scope: CommandScope): string {
  const id = must(
    scope.ids[scope.nextId],
    `the proposer provided ${scope.ids.length} ids for ${scope.row.id}`,
  );
  scope.nextId += 1;
  return id;
}

type CalleeResult = { readonly submitted: Submitted; readonly inputHash: number };

/** Creates or finds the callee. Nothing of the caller is touched, so that a refusal leaves no trace. */
function submitCallee(scope: CommandScope, callee: Callee, startAt: number): CalleeResult | Refusal {
  const { fold, row } = scope;
  const id = takeId(scope);
  const target = resolveTarget(fold, callee.service, callee.handler, callee.key);
  if (isRefusal(target)) return target;
  if (callee.idempotencyKey === "")
    return { code: "idempotency-key-invalid", message: "The idempotency key is empty" };
  const input = encodeMessage({ type: MessageType.Input, headers: callee.headers, value: callee.parameter });
  const inputHash = hashBytes(callee.parameter);
  const submitted = submit(fold, {
    id,
    target,
    input,
    inputHash,
    idempotencyKey: callee.idempotencyKey,
    startAt,
    source: { kind: "invocation", id: row.id },
  });
  if (submitted.kind === "refused") return submitted.refusal;
  return { submitted, inputHash };
}

export function callHandler(
  scope: CommandScope,
  command: CallCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const reused = refuseReusedIds(row, command);
  if (reused !== undefined) return reused;
  const callee = submitCallee(scope, command, 0);
  if ("code" in callee) return callee;
  record();
  const { submitted, inputHash } = callee;
  if (submitted.kind === "refused") return submitted.refusal;
  const child = submitted.row;
  answer(fold, row, MessageType.CallInvocationIdCompletion, command.invocationIdCompletionId, {
    kind: "invocation-id",
    id: child.id,
  });
  const failure = submitted.kind === "existed" ? refuseExisting(scope, child, inputHash) : undefined;
  if (failure !== undefined) {
    answer(fold, row, MessageType.CallCompletion, command.completionId, { kind: "failure", failure });
    return undefined;
  }
  if (child.result !== undefined) {
    answer(fold, row, MessageType.CallCompletion, command.completionId, child.result);
    return undefined;
  }
  openOperation(row, command.completionId, { kind: "call", detail: child.id, since: fold.at, timer: "" });
  fold.tables.invocations
    .edit(child.id)
    .waiters.push({ id: row.id, completionId: command.completionId, kind: "call" });
  if (submitted.kind === "created") breakDeadlock(scope, submitted.row);
  return undefined;
}

/** A workflow runs once per key, an idempotency key stands for one input, and nobody waits for itself. */
function refuseExisting(
  scope: CommandScope,
  child: Readonly<Invocation>,
  inputHash: number,
): Failure | undefined {
  const { target } = child;
  if (target.kind === "run") {
    return { code: 409, message: `The workflow ${target.service}/${target.key} was already started` };
  }
  if (child.inputHash !== inputHash) {
    return { code: 409, message: `The idempotency key was used for ${child.id} with a different input` };
  }
  return child.result === undefined ? findDeadlock(scope.fold.tables, scope.row, child, "calls") : undefined;
}

/**
 * A new callee queued for a lock whose holder waits for the caller would wait for ever: it ends now, with the chain, and
 * the caller gets that as the call's outcome.
 */
function breakDeadlock(scope: CommandScope, child: Invocation): void {
  if (child.status !== "queued") return;
  const failure = findDeadlock(scope.fold.tables, scope.row, child, "calls");
  if (failure !== undefined) completeInvocation(scope.fold, child, { kind: "failure", failure });
}

export function sendToHandler(
  scope: CommandScope,
  command: OneWayCallCommand,
  record: () => void,
): Refusal | undefined {
  const { fold, row } = scope;
  const reused = refuseReusedId(row, command.invocationIdCompletionId);
  if (reused !== undefined) return reused;
  const callee = submitCallee(scope, command, command.invokeAt);
  if ("code" in callee) return callee;
  record();
  const { submitted } = callee;
  if (submitted.kind === "refused") return submitted.refusal;
  answer(fold, row, MessageType.CallInvocationIdCompletion, command.invocationIdCompletionId, {
    kind: "invocation-id",
    id: submitted.row.id,
  });
  return undefined;
}
