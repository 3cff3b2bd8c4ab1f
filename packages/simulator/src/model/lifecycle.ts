/**
 * From start to outcome. Rules: one attempt at a time, each with the next number (INV-6); an object's lock goes to who came
 * first, is held from the first attempt to the outcome, and passes on in the record that ends its holder (KEY-1, KEY-2,
 * KEY-5); a notification wakes whoever waits for it (INV-9) and is told to whoever runs (INV-10); every waiter sees the
 * outcome that is recorded (INV-2); cancel and kill go down the calls that are waited for, not the sends (CAN-1, CAN-2);
 * but a kill of a handler of Restate's goes down those as well.
 */
import {
  CANCEL_SIGNAL,
  MessageType,
  type Notification,
  type NotificationResult,
  type Result,
} from "@holdfast/protocol";

import { answerType, entryOf, openOf, recordedOn, signalsNamed } from "./journal.ts";
import { latest, type ModelInvocation, type ModelState } from "./model-state.ts";
import {
  durationFor,
  handlerOf,
  hasLazyState,
  isRestates,
  restateVersionFor,
  serviceOf,
} from "./services.ts";
import { failure, messageText, resultText, textOf } from "./texts.ts";

// -- starting --------------------------------------------------------------------------------------------------------

/** It is time: runs, or queues for the lock of its object. */
export function start(state: ModelState, invocation: ModelInvocation): void {
  if (invocation.target.kind === "exclusive") {
    const object = state.object(invocation.target);
    if (object.holder !== undefined) {
      object.queue.push(invocation.id);
      invocation.status = "queued";
      return;
    }
    object.holder = invocation.id;
  }
  startAttempt(state, invocation);
}

export function startAttempt(state: ModelState, invocation: ModelInvocation): void {
  stopWaiting(state, invocation);
  invocation.deployment ??= servingDeployment(state, invocation);
  invocation.restateVersion = restateVersionFor(state, invocation);
  invocation.attempt += 1;
  invocation.status = "running";
  invocation.knownEntries = invocation.journal.length;
  state.tell(invocation.id, `start ${startText(state, invocation)}`);
}

/** Neither suspended nor waiting for a start or a retry any more. */
export function stopWaiting(state: ModelState, invocation: ModelInvocation): void {
  invocation.awaiting = undefined;
  state.clearTimers(({ id, kind }) => id === invocation.id && kind !== "sleep");
}

function servingDeployment(state: ModelState, { target }: ModelInvocation): string | undefined {
  const service = serviceOf(state, target.service);
  return handlerOf(service?.manifest, target.handler) === undefined ? undefined : service?.deployment;
}

/** What an attempt is started with. */
function startText(state: ModelState, invocation: ModelInvocation): string {
  const { target, journal, attempt, deployment, failuresSinceCommand, stepFailures } = invocation;
  const isPlain = target.kind === "plain";
  const isPartial = isPlain || hasLazyState(state, invocation);
  const steps = [...openOf(invocation)]
    .map(([id]) => [id, stepFailures.get(id)?.failures ?? 0] as const)
    .filter(([, failures]) => failures > 0);
  const recorded = recordedOn(invocation);
  return startedText({
    attempt,
    deployment,
    knownEntries: journal.length,
    retryCount: failuresSinceCommand,
    steps,
    state: isPartial ? [] : [...state.object(target).state],
    recordedOn: recorded === deployment ? "" : recorded,
  });
}

export type Started = {
  readonly attempt: number;
  readonly deployment: string | undefined;
  readonly knownEntries: number;
  readonly retryCount: number;
  readonly steps: ReadonlyArray<readonly [completionId: number, failures: number]>;
  readonly state: ReadonlyArray<readonly [key: string, value: Uint8Array]>;
  readonly recordedOn: string;
};

export function startedText(started: Started): string {
  const state = [...started.state].sort(([a], [b]) => (a < b ? -1 : 1));
  return textOf({ ...started, state });
}

// -- being told ------------------------------------------------------------------------------------------------------

/** Appends what an invocation receives. Who runs is told, who waits for it is attempted. */
export function notify(
  state: ModelState,
  invocation: ModelInvocation,
  message: Notification,
  cause: string,
): void {
  invocation.journal.push(entryOf(message, invocation.attempt, { cause }));
  if (invocation.status === "running")
    state.tell(invocation.id, `deliver ${invocation.attempt} ${messageText(message)}`);
  else if (invocation.status === "suspended" && isAwaited(invocation, message))
    startAttempt(state, invocation);
}

function isAwaited({ awaiting, journal }: ModelInvocation, message: Notification): boolean {
  if (awaiting === undefined) return false;
  if (message.type !== MessageType.Signal) return awaiting.completions.includes(message.completionId);
  const { index, signalName = "" } = message;
  if (index !== undefined) return awaiting.signals.includes(index);
  const count = signalsNamed(journal, signalName);
  return awaiting.namedSignals.some(([name, consumed]) => name === signalName && count > consumed);
}

/** Answers the command that waits under this id, if one still does. */
export function answer(
  state: ModelState,
  invocation: ModelInvocation,
  completionId: number,
  result: NotificationResult,
  cause = "",
): void {
  const command = openOf(invocation).get(completionId);
  const type = command === undefined ? undefined : answerType(command, completionId);
  if (type === undefined) return;
  invocation.targets.delete(completionId);
  notify(state, invocation, { type, completionId, result }, cause);
}

// -- the end ---------------------------------------------------------------------------------------------------------

export function complete(state: ModelState, invocation: ModelInvocation, result: Result): void {
  const { id, target } = invocation;
  state.clearTimers((timer) => timer.id === id);
  // Whoever waits no more is forgotten where it waited. Promises can only be those of its own workflow.
  for (const waitedFor of invocation.targets.values())
    forget(state.invocations.get(waitedFor)?.waiters ?? [], id);
  for (const promise of state.object(target).promises.values()) forget(promise.waiters, id);
  invocation.status = "completed";
  invocation.awaiting = undefined;
  invocation.result = result;
  if (target.kind === "exclusive") releaseLock(state, invocation);
  if (target.kind === "run") closePromises(state, invocation);
  state.tell(id, `completed ${resultText(result)}`);
  for (const waiter of invocation.waiters.splice(0)) {
    const waiting = state.invocations.get(waiter.id);
    if (waiting?.targets.get(waiter.completionId) === id)
      answer(state, waiting, waiter.completionId, result, id);
  }
  retain(state, invocation);
}

function forget(waiters: Array<{ readonly id: string }>, id: string): void {
  for (let at = waiters.length - 1; at >= 0; at--) if (waiters[at]?.id === id) waiters.splice(at, 1);
}

function releaseLock(state: ModelState, { id, target }: ModelInvocation): void {
  const object = state.object(target);
  object.queue = object.queue.filter((waiting) => waiting !== id);
  if (object.holder !== id) return;
  object.holder = object.queue.shift();
  const next = state.invocations.get(object.holder ?? "");
  if (next !== undefined) startAttempt(state, next);
}

/** Whoever waits for a promise when its workflow ends is told that there will be no outcome. */
function closePromises(state: ModelState, { target }: ModelInvocation): void {
  for (const [name, promise] of state.object(target).promises) {
    const closed = promisesClosed(target);
    for (const { id, completionId } of promise.waiters.splice(0)) {
      const waiting = state.invocations.get(id);
      if (waiting !== undefined) answer(state, waiting, completionId, closed, `promise ${name}`);
    }
  }
}

export function promisesClosed({ service, key }: { readonly service: string; readonly key: string }) {
  return failure(409, `The workflow ${service}/${key} has completed: its promises are closed`);
}

/**
 * Retention (docs/configuration.md): the journal for one time, the outcome for as long as the key of a workflow or an
 * idempotency key stands for it. What is not kept at all is gone with the record that ends it.
 */
function retain(state: ModelState, invocation: ModelInvocation): void {
  const until = (name: Parameters<typeof durationFor>[2]): number =>
    latest(state.now + durationFor(state, invocation, name));
  invocation.journalUntil = until("journalRetentionMs");
  invocation.keptUntil =
    invocation.target.kind === "run"
      ? until("workflowRetentionMs")
      : invocation.idempotencyKey !== undefined
        ? until("idempotencyRetentionMs")
        : invocation.journalUntil;
  expire(state, invocation);
}

/** Removes what is not kept any longer. */
export function expire(state: ModelState, invocation: ModelInvocation): boolean {
  if (invocation.keptUntil <= state.now) {
    forgetInvocation(state, invocation);
    return true;
  }
  if (invocation.journalUntil > state.now || invocation.journal.length === 0) return false;
  invocation.journal = [];
  return true;
}

/** State and promises of a workflow go with its run. */
export function forgetInvocation(state: ModelState, { id, target }: ModelInvocation): void {
  state.invocations.delete(id);
  if (target.kind === "run") state.objects.delete(`${target.service}/${target.key}`);
}

// -- from above ------------------------------------------------------------------------------------------------------

/** Callees whose outcome is waited for. */
function callees(invocation: ModelInvocation): string[] {
  const open = [...openOf(invocation)].filter(([, { type }]) => type === MessageType.Call);
  return open.flatMap(([completionId]) => invocation.targets.get(completionId) ?? []);
}

/** What has not begun ends at once. All else is told, and attempted unless it waits for something else. */
export function cancel(state: ModelState, root: ModelInvocation): void {
  const seen = new Set<string>();
  const todo = [root.id];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    const invocation = state.invocations.get(id);
    if (invocation === undefined || invocation.status === "completed" || seen.has(id)) continue;
    seen.add(id);
    if (!isRestates(state, invocation)) todo.push(...callees(invocation).reverse());
    if (invocation.status === "scheduled" || invocation.status === "queued") {
      complete(state, invocation, failure(409, "cancelled"));
      continue;
    }
    notify(state, invocation, CANCEL, "cancel");
    if (invocation.status === "backing-off" || invocation.status === "paused")
      startAttempt(state, invocation);
  }
}

const CANCEL: Notification = { type: MessageType.Signal, index: CANCEL_SIGNAL, result: { kind: "void" } };

/** Whom a handler of Restate's called or sent to, and who would not be there without it. */
function begunBy(state: ModelState, { id, restateVersion, journal }: ModelInvocation): string[] {
  if (restateVersion === 0) return [];
  const told = journal.flatMap(({ message }) =>
    "result" in message && message.result.kind === "invocation-id" ? [message.result.id] : [],
  );
  return told.filter((each) => {
    const source = state.invocations.get(each)?.source;
    return source?.kind === "invocation" && source.id === id;
  });
}

export function kill(state: ModelState, root: ModelInvocation): void {
  const todo = [root.id];
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    const invocation = state.invocations.get(id);
    if (invocation === undefined || invocation.status === "completed") continue;
    todo.push(...[...callees(invocation), ...begunBy(state, invocation)].reverse());
    abort(state, invocation);
    complete(state, invocation, failure(409, "killed"));
  }
}

export function abort(state: ModelState, { id, status, attempt }: ModelInvocation): void {
  if (status === "running") state.tell(id, `abort ${attempt}`);
}
