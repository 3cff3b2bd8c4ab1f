/** What operators can do with an invocation. Each is one record; the fold decides. */
import type { Invocation, Outcome, RecordBody } from "@holdfast/engine";
import {
  formatDuration,
  HoldfastError,
  parseDuration,
  type InvocationAction,
  type InvocationActionResponse,
} from "@holdfast/protocol";

import { TIME_MAX } from "../clock.ts";
import { boolean, count, instant, invalid, readFields, text } from "../http/json-request.ts";
import { refusalOf } from "../ingress/outcome.ts";
import type { EngineAccess } from "../partition/engine-access.ts";

/** An action with what it was asked to do, checked before anything is done. */
export type ActionRequest = {
  readonly action: InvocationAction;
  readonly deployment?: string;
  readonly fromCommand?: number;
  readonly journalOnly?: boolean;
  readonly at?: number;
  readonly delayMs?: number;
};

export const ACTIONS = ["cancel", "kill", "pause", "resume", "restart", "purge", "reschedule"] as const;

const NO_FIELDS = {};
const RESUME_FIELDS = { deployment: text };
const RESTART_FIELDS = { deployment: text, fromCommand: count };
const PURGE_FIELDS = { journalOnly: boolean };
const RESCHEDULE_FIELDS = { at: instant, delay: text };

/** The fields that an action knows, for bodies that hold other fields as well. */
export const ACTION_FIELDS = {
  cancel: NO_FIELDS,
  kill: NO_FIELDS,
  pause: NO_FIELDS,
  resume: RESUME_FIELDS,
  restart: RESTART_FIELDS,
  purge: PURGE_FIELDS,
  reschedule: RESCHEDULE_FIELDS,
} as const satisfies Readonly<Record<InvocationAction, unknown>>;

export function isAction(name: string): name is InvocationAction {
  return ACTIONS.some((action) => action === name);
}

export function readAction(action: InvocationAction, value: unknown): ActionRequest {
  switch (action) {
    case "cancel":
    case "kill":
    case "pause":
      readFields(value, NO_FIELDS);
      return { action };
    case "resume":
      return { action, ...readFields(value, RESUME_FIELDS) } as ActionRequest;
    case "restart":
      return { action, ...readFields(value, RESTART_FIELDS) } as ActionRequest;
    case "purge":
      return { action, ...readFields(value, PURGE_FIELDS) } as ActionRequest;
    case "reschedule": {
      const { at, delay } = readFields(value, RESCHEDULE_FIELDS);
      if (at !== undefined && delay !== undefined) throw invalid('give "at" or "delay", not both');
      const delayMs = delay === undefined ? undefined : parseDuration(delay);
      if (delay !== undefined && delayMs === undefined) throw new HoldfastError("delay-invalid", { delay });
      return { action, ...(at === undefined ? {} : { at }), ...(delayMs === undefined ? {} : { delayMs }) };
    }
  }
}

/** Proposes it and tells how it went. Throws what the fold refuses. */
export async function performAction(
  engine: EngineAccess,
  row: Readonly<Invocation>,
  request: ActionRequest,
): Promise<InvocationActionResponse> {
  const { id } = row;
  const { action } = request;
  const outcome = await engine.propose(recordOf(engine, row, request));
  if (!outcome.ok) throw refusal(outcome, id, request);
  const { pending, unchanged, id: newId } = outcome.detail ?? {};
  return {
    id,
    action,
    outcome: pending === true ? "requested" : unchanged === true ? "unchanged" : "done",
    ...(action === "restart" && newId !== undefined ? { newInvocationId: newId } : {}),
  };
}

function recordOf(engine: EngineAccess, row: Readonly<Invocation>, request: ActionRequest): RecordBody {
  const { id, target } = row;
  switch (request.action) {
    case "cancel":
    case "kill":
    case "pause":
      return { kind: request.action, id };
    case "resume":
      return { kind: "resume", id, deployment: deploymentFor(engine, row, request.deployment ?? "keep") };
    case "restart": {
      const newId = engine.invocationIdFor({ ...target, isRun: false });
      const deployment = deploymentFor(engine, row, request.deployment ?? "latest");
      return { kind: "restart", id, newId, fromCommand: request.fromCommand ?? 0, deployment };
    }
    case "purge":
      return { kind: "purge", id, journalOnly: request.journalOnly ?? false };
    case "reschedule":
      return { kind: "reschedule", id, startAt: startOf(request, engine.now()) };
  }
}

/** A time before the epoch is as past as any. One beyond all dates could neither be shown nor stored. */
function startOf({ at, delayMs = 0 }: ActionRequest, now: number): number {
  if (at !== undefined) return Math.max(0, at);
  if (now + delayMs > TIME_MAX) throw new HoldfastError("delay-invalid", { delay: formatDuration(delayMs) });
  return now + delayMs;
}

/** `undefined` keeps the one it has. */
function deploymentFor(engine: EngineAccess, row: Readonly<Invocation>, wanted: string): string | undefined {
  if (wanted === "keep") return row.deployment;
  if (wanted !== "latest") return wanted;
  const { service } = row.target;
  const latest = engine.tables.service(service)?.deployment;
  if (latest === undefined) throw new HoldfastError("service-not-found", { service });
  return latest;
}

function refusal(
  outcome: Outcome & { readonly ok: false },
  id: string,
  request: ActionRequest,
): HoldfastError {
  const deployment = request.deployment;
  return refusalOf(outcome, {
    invocationId: id,
    ...(deployment === undefined ? {} : { deploymentId: deployment }),
  });
}
