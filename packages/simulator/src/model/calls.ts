/**
 * Calls, sends and attaches: waiting for another invocation. Rules (commands/call.test.ts, commands/attach.test.ts): the
 * callee's id is told at once, its outcome when there is one; an idempotency key stands for one input and a workflow is
 * called once. Whoever would wait for itself, through calls, attaches and locks, is told so at once
 * (docs/decisions/engine-deadlock-search.md): a callee that the call itself created ends with that failure, an invocation
 * that was there before goes on.
 */
import { hashBytes } from "@holdfast/engine";
import {
  MessageType,
  type AttachInvocationCommand,
  type CallCommand,
  type GetInvocationOutputCommand,
  type OneWayCallCommand,
  type RescheduleCommand,
} from "@holdfast/protocol";

import { entryOf, openOf } from "./journal.ts";
import { answer, complete, start } from "./lifecycle.ts";
import { Refused, type ModelInvocation, type ModelState } from "./model-state.ts";
import { existing, requirePlace, resolve, schedule, submit } from "./submit.ts";
import { engineFailure, failure } from "./texts.ts";

type Calling = CallCommand | OneWayCallCommand;

export function call(
  state: ModelState,
  caller: ModelInvocation,
  command: Calling,
  id: string,
  record: () => void,
): void {
  const { service, handler, key, idempotencyKey, parameter, headers } = command;
  const target = { service, handler, key, kind: resolve(state, command) };
  if (idempotencyKey === "") throw new Refused("idempotency-key-invalid");
  const startAt = command.type === MessageType.OneWayCall ? command.invokeAt : 0;
  const known = existing(state, id, target);
  if (known === undefined) requirePlace(state, target, (holder) => closesCircle(state, caller, holder));
  record();
  const inputHash = hashBytes(parameter);
  const source = { kind: "invocation", id: caller.id } as const;
  const journal = [entryOf({ type: MessageType.Input, headers, value: parameter }, 0)];
  const callee = known ?? submit(state, { id, target, idempotencyKey, inputHash, startAt, source, journal });
  answer(state, caller, command.invocationIdCompletionId, { kind: "invocation-id", id: callee.id });
  if (command.type === MessageType.OneWayCall) return;
  const { completionId } = command;
  if (known === undefined) {
    waitFor(state, caller, completionId, callee);
    if (callee.status === "queued" && closesCircle(state, caller, callee))
      complete(state, callee, engineFailure(409, "deadlock"));
  } else if (target.kind === "run") {
    const text = `The workflow ${service}/${key} was already started`;
    answer(state, caller, completionId, failure(409, text));
  } else if (known.inputHash !== inputHash) {
    const text = `The idempotency key was used for ${known.id} with a different input`;
    answer(state, caller, completionId, failure(409, text));
  } else {
    waitForKnown(state, caller, completionId, known);
  }
}

export function attach(
  state: ModelState,
  caller: ModelInvocation,
  { type, completionId }: AttachInvocationCommand | GetInvocationOutputCommand,
  id: string,
): void {
  const target = state.invocations.get(id);
  if (target === undefined) answer(state, caller, completionId, engineFailure(404, "invocation-not-found"));
  else if (type === MessageType.AttachInvocation) waitForKnown(state, caller, completionId, target);
  else answer(state, caller, completionId, target.result ?? { kind: "void" });
}

function waitForKnown(
  state: ModelState,
  caller: ModelInvocation,
  completionId: number,
  target: ModelInvocation,
): void {
  if (target.result === undefined && closesCircle(state, caller, target))
    answer(state, caller, completionId, engineFailure(409, "deadlock"));
  else waitFor(state, caller, completionId, target);
}

/** Waits for an outcome, or has it at once. */
function waitFor(
  state: ModelState,
  caller: ModelInvocation,
  completionId: number,
  target: ModelInvocation,
): void {
  caller.targets.set(completionId, target.id);
  if (target.result === undefined) target.waiters.push({ id: caller.id, completionId });
  else answer(state, caller, completionId, target.result);
}

/** Whether waiting for `target` means that `waiter` waits for itself. */
function closesCircle(state: ModelState, waiter: ModelInvocation, target: ModelInvocation): boolean {
  const seen = new Set<string>();
  const todo = [target.id];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    if (id === waiter.id) return true;
    const invocation = state.invocations.get(id);
    if (seen.has(id) || invocation === undefined) continue;
    seen.add(id);
    for (const completionId of openOf(invocation).keys())
      todo.push(invocation.targets.get(completionId) ?? "");
    const needsLock = invocation.status === "queued" || invocation.status === "scheduled";
    if (needsLock && invocation.target.kind === "exclusive")
      todo.push(state.object(invocation.target).holder ?? "");
  }
  return false;
}

/** Reschedules one that waits for its start. */
export function reschedule(state: ModelState, invocation: ModelInvocation, startAt: number): void {
  if (invocation.status !== "scheduled") throw new Refused("invocation-not-scheduled");
  state.clearTimers(({ id }) => id === invocation.id);
  if (startAt <= state.now) start(state, invocation);
  else schedule(state, invocation, startAt);
}

/** The command: it completes with nothing, or with a failure that says why it is too late. */
export function moveStart(state: ModelState, caller: ModelInvocation, command: RescheduleCommand): void {
  const { target, invokeAt, completionId } = command;
  try {
    reschedule(state, state.live(target), invokeAt);
    answer(state, caller, completionId, { kind: "void" });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const status = error.code === "invocation-not-found" ? 404 : 409;
    answer(state, caller, completionId, engineFailure(status, error.code));
  }
}
