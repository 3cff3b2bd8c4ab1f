/**
 * New invocations. Rules (docs/errors.md "Calling handlers"; partition/workflow.test.ts, partition/locks.test.ts): a name
 * must be served and a key fit its service; a workflow runs once for a key; an idempotency key stands for one input; a
 * queue has a limit.
 */
import type { InvocationSource, RecordBody } from "@holdfast/engine";
import type { InputCommand } from "@holdfast/protocol";

import { entryOf } from "./journal.ts";
import { start } from "./lifecycle.ts";
import { latest, Refused, type ModelEntry, type ModelInvocation, type ModelState } from "./model-state.ts";
import { handlerOf, serviceOf } from "./services.ts";

type Invoke = Extract<RecordBody, { readonly kind: "invoke" }>;
type Address = { readonly service: string; readonly handler: string; readonly key: string };

export type Submission = {
  readonly id: string;
  readonly target: Invoke["target"];
  readonly idempotencyKey: string | undefined;
  readonly inputHash: number;
  readonly startAt: number;
  readonly source: InvocationSource;
  readonly journal: ModelEntry[];
  readonly seedId?: string;
  readonly restateVersion?: number;
  readonly deployment?: string | undefined;
};

/** Checks that something can be called, and returns the kind of its handler. */
export function resolve(state: ModelState, { service, handler, key }: Address) {
  const manifest = serviceOf(state, service)?.manifest;
  if (manifest === undefined) throw new Refused("service-not-found");
  const found = handlerOf(manifest, handler);
  if (found === undefined) throw new Refused("handler-not-found");
  if (found.kind === "plain" && key !== "") throw new Refused("key-invalid");
  if (found.kind !== "plain" && key === "") throw new Refused("key-missing");
  return found.kind;
}

/** The invocation that a submission would repeat. */
export function existing(
  state: ModelState,
  id: string,
  target: Invoke["target"],
): ModelInvocation | undefined {
  const run = target.kind === "run" ? state.object(target).runId : undefined;
  return state.invocations.get(run ?? id);
}

export function invoke(state: ModelState, record: Invoke, input: InputCommand) {
  const { id, idempotencyKey, inputHash, startAt, source } = record;
  const kind = resolve(state, record.target);
  // The id of a run follows from its key: what was resolved as one and is none any more (or the reverse) has a wrong id.
  if ((kind === "run") !== (record.target.kind === "run")) throw new Refused("handler-not-found");
  const target = { ...record.target, kind };
  const known = existing(state, id, target);
  if (known !== undefined) {
    if (idempotencyKey !== undefined && known.inputHash !== inputHash)
      throw new Refused("idempotency-conflict");
    return { id: known.id, existed: true, result: known.result };
  }
  requirePlace(state, target);
  const journal = [entryOf(input, 0)];
  submit(state, { id, target, idempotencyKey, inputHash, startAt, source, journal });
  return { id, existed: false };
}

/** Creates an invocation, which starts now or at its time. */
export function submit(state: ModelState, submission: Submission): ModelInvocation {
  const { id, target, idempotencyKey, inputHash, source, journal } = submission;
  const isLater = submission.startAt > state.now;
  const invocation: ModelInvocation = {
    id,
    target,
    source,
    idempotencyKey,
    inputHash,
    seedId: submission.seedId ?? id,
    status: "scheduled",
    attempt: 0,
    deployment: submission.deployment,
    restateVersion: submission.restateVersion ?? 0,
    journal,
    knownEntries: 0,
    retryCount: 0,
    failuresSinceCommand: 0,
    lostAttempts: 0,
    lastFailure: undefined,
    awaiting: undefined,
    targets: new Map(),
    stepFailures: new Map(),
    waiters: [],
    result: undefined,
    journalUntil: 0,
    keptUntil: 0,
  };
  state.invocations.set(id, invocation);
  if (target.kind === "run") state.object(target).runId = id;
  if (isLater) schedule(state, invocation, submission.startAt);
  else start(state, invocation);
  return invocation;
}

export function schedule(state: ModelState, { id }: ModelInvocation, startAt: number): void {
  const due = latest(startAt);
  state.setTimer({ kind: "start", id, completionId: 0, due: [due, due] });
}

/**
 * A full queue refuses callers, also when they want it later. What was accepted, or restarted, is queued all the same; and so is
 * what comes from whoever the holder waits for, itself included.
 */
export function requirePlace(
  state: ModelState,
  target: Invoke["target"],
  isAwaitedBy: (holder: ModelInvocation) => boolean = () => false,
): void {
  if (target.kind !== "exclusive") return;
  const { holder, queue } = state.object(target);
  if (holder === undefined || queue.length < state.settings.inboxMax) return;
  const holding = state.invocations.get(holder);
  if (holding === undefined || !isAwaitedBy(holding)) throw new Refused("overloaded");
}
