/** Creating invocations: by callers through the ingress, and by handlers. */
import { MessageType } from "@holdfast/protocol";

import type { Invocation, InvocationSource, JournalEntry, Target } from "../tables/rows.ts";
import { objectKey, type Tables } from "../tables/tables.ts";
import { isHeldUpBy } from "./deadlock.ts";
import type { Fold, Refusal } from "./fold.ts";
import { appendEntry } from "./journal.ts";
import { editObject, startOrQueue } from "./locks.ts";
import { setTimer } from "./timers.ts";

export type Submission = {
  readonly id: string;
  readonly target: Target;
  /** Encoded Input command. */
  readonly input: Uint8Array;
  readonly inputHash: number;
  readonly idempotencyKey: string | undefined;
  readonly startAt: number;
  readonly source: InvocationSource;
};

export type Submitted =
  | { readonly kind: "created"; readonly row: Invocation }
  /** The id is derived from an idempotency key or a workflow's key, and there is one. */
  | { readonly kind: "existed"; readonly row: Readonly<Invocation> }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** Finds what a name means at this moment, in the newest revision of the service. */
export function resolveTarget(fold: Fold, service: string, handler: string, key: string): Target | Refusal {
  const known = fold.tables.service(service);
  if (known === undefined)
    return { code: "service-not-found", message: `Service "${service}" is not registered` };
  const manifest = known.handlers.get(handler);
  if (manifest === undefined) {
    const names = [...known.handlers.keys()].join(", ");
    return {
      code: "handler-not-found",
      message: `Service "${service}" has no handler "${handler}" (it has: ${names})`,
    };
  }
  if ((manifest.kind === "plain") !== (key === "")) {
    return manifest.kind === "plain"
      ? {
          code: "key-invalid",
          message: `"${service}" is a plain service: call ${service}/${handler} without a key`,
        }
      : {
          code: "key-missing",
          message: `"${service}" is keyed: call ${service}/{key}/${handler} with a key that is not empty`,
        };
  }
  return { service, handler, key, kind: manifest.kind };
}

export function isRefusal(value: Target | Refusal): value is Refusal {
  return "code" in value;
}

export function submit(fold: Fold, submission: Submission): Submitted {
  const { tables } = fold;
  const existing = findExisting(tables, submission);
  if (existing !== undefined) return { kind: "existed", row: existing };
  const refusal = refuseFullInbox(fold, submission);
  if (refusal !== undefined) return { kind: "refused", refusal };
  const row = newInvocation(fold, submission);
  tables.invocations.insert(submission.id, row, !hasDerivedId(submission));
  if (row.target.kind === "run") editObject(tables, row.target.service, row.target.key).runId = row.id;
  appendEntry(row, inputEntry(fold, submission.input));
  row.commandCount = 1;
  begin(fold, row, submission.startAt);
  return { kind: "created", row };
}

/** Ids that may exist already are those derived from something the caller chose. */
function hasDerivedId(submission: Submission): boolean {
  return submission.idempotencyKey !== undefined || submission.target.kind === "run";
}

/** A workflow has one run for its key, by whatever id: the proposer may have taken the service for something else. */
function findExisting(tables: Tables, submission: Submission): Readonly<Invocation> | undefined {
  const { id, target } = submission;
  const runId =
    target.kind === "run" ? tables.objects.get(objectKey(target.service, target.key))?.runId : undefined;
  if (runId !== undefined) return tables.invocations.get(runId);
  return hasDerivedId(submission) ? tables.invocations.get(id) : undefined;
}

/**
 * Whoever is refused tries again when others have had their turn. Not so the holder of the lock, and whoever it waits for:
 * those behind it cannot have theirs before. What they send is queued, and what they call ends as a deadlock; how many that
 * can be is bounded by their journals.
 */
function refuseFullInbox({ tables }: Fold, { target, source }: Submission): Refusal | undefined {
  if (target.kind !== "exclusive") return undefined;
  const object = tables.objects.get(objectKey(target.service, target.key));
  const waiting = object?.inboxLength ?? 0;
  const { inboxMax } = tables.settings;
  if (waiting < inboxMax) return undefined;
  const holder = object?.holder;
  if (source.kind === "invocation" && holder !== undefined && isHeldUpBy(tables, holder, source.id))
    return undefined;
  return {
    code: "overloaded",
    message: `${waiting} invocations already wait for ${target.service}/${target.key}; the limit inboxMax is ${inboxMax}`,
  };
}

/** Starts a new invocation now, or when its time has come. */
export function begin(fold: Fold, row: Invocation, startAt: number): void {
  if (startAt > fold.at) {
    row.status = "scheduled";
    row.scheduledAt = startAt;
    row.timer = setTimer(fold, startAt, { kind: "start", id: row.id, completionId: 0 });
    return;
  }
  startOrQueue(fold, row);
}

function inputEntry(fold: Fold, input: Uint8Array): JournalEntry {
  return { type: MessageType.Input, body: input, at: fold.at, attempt: 0, deployment: "", cause: "" };
}

type Identity = Pick<Submission, "id" | "target" | "source" | "idempotencyKey" | "inputHash">;

export function newInvocation(fold: Fold, identity: Identity): Invocation {
  return {
    id: identity.id,
    target: identity.target,
    source: identity.source,
    idempotencyKey: identity.idempotencyKey,
    inputHash: identity.inputHash,
    seedId: identity.id,
    createdAt: fold.at,
    modifiedAt: fold.at,
    status: "queued",
    scheduledAt: 0,
    startedAt: 0,
    completedAt: 0,
    deployment: undefined,
    attempt: 0,
    retryCount: 0,
    failuresSinceCommand: 0,
    restateVersion: 0,
    nextRetryAt: 0,
    timer: "",
    inboxSeq: 0,
    awaiting: undefined,
    lastFailure: undefined,
    events: [],
    open: new Map(),
    waiters: [],
    settledSignals: new Set(),
    namedSignals: new Map(),
    cancelledInAttempt: 0,
    output: undefined,
    result: undefined,
    expiresAt: 0,
    keptUntil: 0,
    recordedOn: "",
    lostAttempts: 0,
    journalLength: 0,
    commandCount: 0,
    journalBytes: 0,
    lastEntryAt: fold.at,
    tail: [],
    storing: 0,
    chunks: [],
  };
}
