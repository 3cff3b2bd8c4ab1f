/**
 * Durable promises of a workflow (partition/promises.test.ts): the first outcome stays (SIG-1), whoever waits is told, and
 * when the workflow has completed its promises are closed, though what was settled stays to be read.
 */
import type { RecordBody } from "@holdfast/engine";
import {
  MessageType,
  type CompletePromiseCommand,
  type GetPromiseCommand,
  type PeekPromiseCommand,
  type Result,
} from "@holdfast/protocol";

import { answer, promisesClosed } from "./lifecycle.ts";
import { Refused, violation, type ModelInvocation, type ModelState } from "./model-state.ts";
import { serviceOf } from "./services.ts";
import { engineFailure } from "./texts.ts";

type PromiseCommand = GetPromiseCommand | PeekPromiseCommand | CompletePromiseCommand;
type CompletePromise = Extract<RecordBody, { readonly kind: "complete-promise" }>;
type Workflow = { readonly service: string; readonly key: string };

export function accessPromise(
  state: ModelState,
  invocation: ModelInvocation,
  command: PromiseCommand,
  record: () => void,
): void {
  const { target } = invocation;
  const isShared = target.kind === "shared" && serviceOf(state, target.service)?.manifest.kind === "workflow";
  if (target.kind !== "run" && !isShared) throw violation();
  record();
  const { key: name, completionId } = command;
  const result = state.object(target).promises.get(name)?.result;
  const isClosed = hasCompleted(state, target);
  if (command.type === MessageType.CompletePromise) {
    if (result !== undefined)
      return answer(state, invocation, completionId, engineFailure(409, "promise-already-completed"));
    if (isClosed) return answer(state, invocation, completionId, engineFailure(409, "workflow-completed"));
    settle(state, target, name, command.result);
    return answer(state, invocation, completionId, { kind: "void" });
  }
  if (result !== undefined) return answer(state, invocation, completionId, result);
  if (command.type === MessageType.PeekPromise)
    return answer(state, invocation, completionId, { kind: "void" });
  if (isClosed) return answer(state, invocation, completionId, promisesClosed(target));
  promiseOf(state, target, name).waiters.push({ id: invocation.id, completionId });
}

function hasCompleted(state: ModelState, workflow: Workflow): boolean {
  return state.invocations.get(state.object(workflow).runId ?? "")?.status === "completed";
}

function promiseOf(state: ModelState, workflow: Workflow, name: string) {
  const { promises } = state.object(workflow);
  let promise = promises.get(name);
  if (promise === undefined) {
    promise = { result: undefined, waiters: [] };
    promises.set(name, promise);
  }
  return promise;
}

function settle(state: ModelState, workflow: Workflow, name: string, result: Result): void {
  const promise = promiseOf(state, workflow, name);
  promise.result = result;
  for (const { id, completionId } of promise.waiters.splice(0)) {
    const waiting = state.invocations.get(id);
    if (waiting !== undefined) answer(state, waiting, completionId, result, `promise ${name}`);
  }
}

/** From outside: only of a workflow that was started. */
export function completePromise(state: ModelState, { service, key, name, result }: CompletePromise) {
  const workflow = { service, key };
  const { runId, promises } = state.object(workflow);
  if (runId === undefined) throw new Refused("promise-not-found");
  const settled = promises.get(name)?.result;
  if (settled !== undefined) return { existed: true, result: settled };
  if (hasCompleted(state, workflow)) throw new Refused("workflow-completed");
  settle(state, workflow, name, result);
  return { existed: false, result };
}
