/** Durable promises: named, one set per workflow, each settled once. */
import { MessageType, type Failure, type Result } from "@holdfast/protocol";

import type { PromiseRow, Target } from "../tables/rows.ts";
import { objectKey, type Tables } from "../tables/tables.ts";
import type { Fold } from "./fold.ts";
import { completeOperation } from "./journal.ts";
import { editObject } from "./locks.ts";

export type Settled =
  | { readonly kind: "settled" }
  | { readonly kind: "already"; readonly result: Result }
  | { readonly kind: "closed" };

function closedFailure(target: { readonly service: string; readonly key: string }): Failure {
  return {
    code: 409,
    message: `The workflow ${target.service}/${target.key} has completed: its promises are closed`,
  };
}

/** Whether the workflow's `run` has its outcome. False before it was started. */
export function isWorkflowCompleted(tables: Tables, service: string, key: string): boolean {
  const runId = tables.objects.get(objectKey(service, key))?.runId;
  return runId !== undefined && tables.invocations.get(runId)?.status === "completed";
}

function editPromise(tables: Tables, service: string, key: string, name: string): PromiseRow {
  const object = editObject(tables, service, key);
  const known = object.promises.get(name);
  if (known !== undefined) return known;
  const created: PromiseRow = { result: undefined, settledAt: 0, waiters: [] };
  object.promises.set(name, created);
  return created;
}

/** The first to settle a promise wins; whoever comes later learns what is there. */
export function settlePromise(
  fold: Fold,
  promise: { service: string; key: string; name: string },
  result: Result,
): Settled {
  const { service, key, name } = promise;
  const present = fold.tables.objects.get(objectKey(service, key))?.promises.get(name)?.result;
  if (present !== undefined) return { kind: "already", result: present };
  if (isWorkflowCompleted(fold.tables, service, key)) return { kind: "closed" };
  const row = editPromise(fold.tables, service, key, name);
  row.result = result;
  row.settledAt = fold.at;
  tellWaiters(fold, name, row, result);
  return { kind: "settled" };
}

function tellWaiters(fold: Fold, name: string, promise: PromiseRow, result: Result): void {
  const completion = { type: MessageType.GetPromiseCompletion, result, cause: `promise ${name}` } as const;
  for (const waiter of promise.waiters.splice(0)) {
    completeOperation(fold, { ...waiter, kind: "promise", source: name }, completion);
  }
}

/** The promise's result, or `undefined` after the waiter was noted. */
export function awaitPromise(
  fold: Fold,
  promise: { service: string; key: string; name: string },
  waiter: { readonly id: string; readonly completionId: number },
): Result | undefined {
  const { service, key, name } = promise;
  const present = peekPromise(fold.tables, service, key, name);
  if (present !== undefined) return present;
  if (isWorkflowCompleted(fold.tables, service, key)) {
    return { kind: "failure", failure: closedFailure({ service, key }) };
  }
  editPromise(fold.tables, service, key, name).waiters.push(waiter);
  return undefined;
}

export function peekPromise(tables: Tables, service: string, key: string, name: string): Result | undefined {
  return tables.objects.get(objectKey(service, key))?.promises.get(name)?.result;
}

/** The workflow completed: nobody will settle what is still open, so whoever waits is told. */
export function closePromises(fold: Fold, target: Target): void {
  const known = fold.tables.objects.get(objectKey(target.service, target.key));
  if (known === undefined || known.promises.size === 0) return;
  const object = editObject(fold.tables, target.service, target.key);
  const result: Result = { kind: "failure", failure: closedFailure(target) };
  for (const [name, promise] of object.promises) tellWaiters(fold, name, promise, result);
}
