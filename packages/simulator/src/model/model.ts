/**
 * The reference model of a partition: what every record comes to, worked out from the documents and not from the engine. It
 * is fed with the records of the log in their order and keeps the visible facts. Naive on purpose; `compare.ts` holds it
 * against the product's tables.
 *
 * Left out: the events that are kept for people to read, the wording of messages, times that decide nothing (created,
 * modified, started), how a retry is spread within its third, and the limit of the search for circles.
 */
import type { LogRecord, OutcomeDetail, RecordBody } from "@holdfast/engine";
import { decodeMessage, MessageType, ProtocolError, type InputCommand } from "@holdfast/protocol";

import { attemptLost, attemptMessages } from "./attempts.ts";
import { reschedule } from "./calls.ts";
import { answer, kill, start, startAttempt } from "./lifecycle.ts";
import { ModelState, Refused, type ModelEffect } from "./model-state.ts";
import { patchState } from "./object-state.ts";
import { expireAll, pause, purge, restart, resume } from "./operators.ts";
import { completePromise } from "./promises.ts";
import { configure, register, remove, update } from "./services.ts";
import { cancelOne, signal } from "./signals.ts";
import { invoke } from "./submit.ts";

type Detail = { [Field in keyof OutcomeDetail]: OutcomeDetail[Field] | undefined };

export type ModelOutcome =
  | { readonly ok: true; readonly detail: Detail | undefined }
  | { readonly ok: false; readonly code: string };

export type ModelApplied = { readonly outcome: ModelOutcome; readonly effects: readonly ModelEffect[] };

export class Model {
  readonly state = new ModelState();

  apply({ at, body }: LogRecord): ModelApplied {
    const { state } = this;
    state.now = Math.max(state.now, at);
    state.effects = [];
    try {
      const detail = applyBody(state, body) ?? undefined;
      return { outcome: { ok: true, detail }, effects: state.effects };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { outcome: { ok: false, code: error.code }, effects: state.effects };
    }
  }
}

function applyBody(state: ModelState, body: RecordBody): Detail | undefined | void {
  switch (body.kind) {
    case "engine-started":
      state.epoch = body.epoch;
      state.settings = body.settings;
      return;
    case "invoke":
      return invoke(state, body, inputOf(body.input));
    case "attempt-messages":
      return attemptMessages(state, body);
    case "attempt-lost":
      return attemptLost(state, body);
    case "timers-fired":
      for (const key of body.keys) fire(state, key);
      return;
    case "signal":
      return signal(state, body);
    case "complete-promise":
      return completePromise(state, body);
    case "cancel":
      return cancelOne(state, body.id);
    case "kill":
      return kill(state, state.live(body.id));
    case "pause":
      return pause(state, body);
    case "resume":
      return resume(state, body);
    case "restart":
      return restart(state, body);
    case "purge":
      return purge(state, body);
    case "reschedule":
      return reschedule(state, state.live(body.id), body.startAt);
    case "expire":
      return expireAll(state, body);
    case "register-deployment":
      return register(state, body);
    case "remove-deployment":
      return remove(state, body);
    case "patch-state":
      return patchState(state, body);
    case "configure-service":
      return configure(state, body);
    case "update-deployment":
      return update(state, body);
  }
}

function inputOf(body: Uint8Array): InputCommand {
  try {
    const message = decodeMessage(MessageType.Input, body);
    if (message.type === MessageType.Input) return message;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
  return { type: MessageType.Input, headers: [], value: body };
}

/** A timer's key says when it is due and which one it is. It fires once, and not before its time (TIM-1, TIM-2). */
function fire(state: ModelState, key: string): void {
  const [, due, number] = /^(\d+)-(\d+)$/.exec(key) ?? [];
  const timer = state.timers.get(Number(number));
  if (timer === undefined || Number(due) < timer.due[0] || Number(due) > timer.due[1]) return;
  if (Number(due) > state.now) return;
  state.timers.delete(Number(number));
  const invocation = state.invocations.get(timer.id);
  if (invocation === undefined) return;
  if (timer.kind === "sleep") answer(state, invocation, timer.completionId, { kind: "void" }, "timer");
  else if (timer.kind === "start") start(state, invocation);
  else startAttempt(state, invocation);
}
