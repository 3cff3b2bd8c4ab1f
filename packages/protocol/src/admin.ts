/**
 * Bodies of the admin API: HTTP for operators, the console and the CLI. Unsuccessful responses have a `ProblemJson` body.
 * Times are ISO dates in UTC with milliseconds; durations are whole milliseconds with the unit in the name.
 */

import type { HandlerKind, RetryPolicy, ServiceKind } from "./manifest.ts";

/** One page of a list. Pass `nextCursor` as `cursor` for the next; it is absent on the last page. */
export type Page<Item> = {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
};

// -- deployments and services ---------------------------------------------------------------------------------------

export type Wire = "in-process" | "native" | "restate";

export type DeploymentInfo = {
  readonly id: string;
  /** Where it is served; absent for handlers in the server's own process. */
  readonly url?: string;
  readonly wire: Wire;
  /** E.g. "holdfast-sdk-typescript/0.1.0". */
  readonly sdk: string;
  /** E.g. "node/24.21.0". */
  readonly runtime: string;
  readonly createdAt: string;
  /** `draining`: only old invocations use it; `drained`: none does, it can be removed. */
  readonly status: "active" | "draining" | "drained";
  readonly services: ReadonlyArray<{
    readonly name: string;
    readonly revision: number;
    readonly handlers: readonly string[];
  }>;
  /** Invocations that have not completed and are bound to it. */
  readonly activeInvocations: number;
  readonly reachability: DeploymentReachability;
  /** Names of the headers sent along with every request to it. Their values are never shown. */
  readonly additionalHeaders?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
};

export type DeploymentReachability = {
  readonly status: "reachable" | "unreachable" | "unknown";
  readonly since?: string;
  readonly lastError?: string;
};

/** `POST /deployments`. */
export type RegisterDeploymentRequest = {
  readonly url: string;
  readonly additionalHeaders?: Readonly<Record<string, string>>;
  /** Replace the deployment that is known under this URL. */
  readonly force?: boolean;
  /** Accept what would otherwise be refused as `breaking-change`. */
  readonly breaking?: boolean;
  /** Report what would happen, and change nothing. */
  readonly dryRun?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
};

export type RegisterDeploymentResponse = {
  /** Absent after a dry run of a deployment that is not known yet. */
  readonly deployment?: DeploymentInfo;
  /** False when the same deployment was known already, and after a dry run. */
  readonly created: boolean;
  readonly dryRun: boolean;
  readonly changes: readonly ServiceChange[];
};

/** What a registration means for one service. */
export type ServiceChange = {
  readonly service: string;
  readonly change: "added" | "updated" | "unchanged" | "removed";
  readonly revision: number;
  readonly handlersAdded: readonly string[];
  readonly handlersRemoved: readonly string[];
  /** Anything that callers or running invocations may trip over. */
  readonly warnings: readonly string[];
};

export type ServiceInfo = {
  readonly name: string;
  readonly kind: ServiceKind;
  readonly revision: number;
  /** Deployment that new invocations go to. */
  readonly deployment: string;
  readonly public: boolean;
  readonly documentation?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly handlers: readonly HandlerInfo[];
  /** Every deployment that serves it, newest first, with the live invocations bound to that deployment. */
  readonly deployments: ReadonlyArray<{
    readonly id: string;
    readonly revision: number;
    readonly activeInvocations: number;
  }>;
};

/** All options are the ones in force, with the defaults filled in. */
export type HandlerInfo = {
  readonly name: string;
  readonly kind: HandlerKind;
  readonly public: boolean;
  readonly documentation?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly inputSchema?: unknown;
  readonly outputSchema?: unknown;
  readonly promises?: Readonly<Record<string, unknown>>;
  readonly inactivityTimeoutMs: number;
  readonly abortTimeoutMs: number;
  readonly journalRetentionMs: number;
  readonly idempotencyRetentionMs: number;
  readonly workflowRetentionMs?: number;
  readonly lazyState: boolean;
  readonly retryPolicy: RetryPolicy;
};

// -- invocations ----------------------------------------------------------------------------------------------------

export type InvocationStatus =
  /** Its start time has not come. */
  | "scheduled"
  /** Waits behind another invocation for the lock of its key. */
  | "queued"
  /** Ready, and waits for the server to drive it. */
  | "ready"
  | "running"
  /** An attempt failed and the next one has its time. */
  | "backing-off"
  /** Waits for something outside; costs nothing meanwhile. */
  | "suspended"
  /** Stopped until an operator resumes, cancels or kills it. */
  | "paused"
  | "completed";

/** A failure as people see it. */
export type FailureInfo = {
  readonly code: number;
  readonly message: string;
  /** Code of the error catalogue, where the failure is one of those. */
  readonly errorCode?: string;
  readonly hint?: string;
  readonly stacktrace?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly at?: string;
  readonly relatedEntry?: { readonly index: number; readonly type: string; readonly name?: string };
};

/** One thing an invocation waits for, in words: {kind: "timer", detail: "sleep until 12:00"}. */
export type WaitInfo = {
  readonly kind:
    | "timer"
    | "call"
    | "promise"
    | "awakeable"
    | "signal"
    | "lock"
    | "retry"
    | "step"
    | "deployment"
    | "operator";
  readonly detail: string;
  readonly since: string;
  /** When it ends by itself, if it does. */
  readonly until?: string;
  /** Journal entry that waits. */
  readonly entryIndex?: number;
  /** Invocation that is waited for: the callee, or the holder of the lock. */
  readonly invocationId?: string;
  readonly awakeableId?: string;
};

export type InvokedBy =
  | { readonly kind: "ingress" }
  | {
      readonly kind: "invocation";
      readonly id: string;
      readonly target?: string;
      readonly entryIndex?: number;
    }
  | { readonly kind: "restart"; readonly id: string }
  | { readonly kind: "schedule"; readonly name: string };

export type InvocationSummary = {
  readonly id: string;
  /** "Service/handler" or "Service/key/handler". */
  readonly target: string;
  readonly service: string;
  readonly handler: string;
  readonly key?: string;
  readonly status: InvocationStatus;
  readonly createdAt: string;
  readonly modifiedAt: string;
  readonly scheduledAt?: string;
  readonly startedAt?: string;
  readonly completedAt?: string;
  readonly deployment?: string;
  readonly attempt: number;
  /** Failed attempts since the last progress. */
  readonly retryCount: number;
  readonly nextRetryAt?: string;
  readonly lastFailure?: FailureInfo;
  readonly waitingFor?: readonly WaitInfo[];
  readonly idempotencyKey?: string;
  readonly invokedBy?: InvokedBy;
  readonly restartedFrom?: string;
  readonly result?: "success" | "failure";
  /** The outcome of one that ended with a failure. */
  readonly failure?: FailureInfo;
  readonly journalEntries: number;
  readonly cancelRequested?: boolean;
};

export type InvocationDetail = InvocationSummary & {
  /** Empty when the journal is no longer kept. A long one continues at `GET /invocations/{id}/journal?from=`. */
  readonly journal: readonly JournalEntryInfo[];
  readonly journalKept: boolean;
  readonly journalBytes: number;
  readonly events: readonly InvocationEvent[];
  readonly callees: ReadonlyArray<{
    readonly id: string;
    readonly target: string;
    readonly entryIndex: number;
  }>;
  readonly retentionUntil?: string;
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
};

/** A stored value as far as it fits on a page. */
export type ValuePreview = {
  readonly bytes: number;
  /** The decoded JSON; absent when the value is no JSON or too large. */
  readonly json?: unknown;
  /** The text when there is no `json`, or its beginning. */
  readonly text?: string;
  /** The bytes when they are no text, or their beginning. */
  readonly base64?: string;
  /** `text` or `base64` is only the beginning. */
  readonly truncated?: boolean;
};

export type JournalEntryInfo = {
  /** Position in the journal, over commands and notifications. */
  readonly index: number;
  /** Position among the commands, which is what replay counts. */
  readonly commandIndex?: number;
  readonly kind: "command" | "notification";
  /** E.g. "Run", "Call", "SleepCompletion", "Signal". */
  readonly type: string;
  readonly name?: string;
  /** What it does, for people: "call Router/eu/promote". */
  readonly detail?: string;
  readonly at: string;
  readonly attempt: number;
  readonly deployment?: string;
  readonly callSite?: string;
  readonly completionId?: number;
  /** Of a command that completes: whether it has, at which entry and when. */
  readonly completed?: boolean;
  readonly completedBy?: number;
  readonly completedAt?: string;
  readonly value?: ValuePreview;
  readonly failure?: FailureInfo;
  /** Why a notification came: the operator, caller or invocation behind it. */
  readonly cause?: string;
  /** The callee of a call or send, the target of a signal. */
  readonly invocationId?: string;
  readonly inputHash?: number;
  /** Failed executions of a run so far, and what the last one said. */
  readonly stepFailures?: number;
  readonly lastStepFailure?: FailureInfo;
};

/** Something that happened to an invocation beside its journal. */
export type InvocationEvent = {
  readonly at: string;
  readonly kind:
    | "created"
    | "scheduled"
    | "rescheduled"
    | "started"
    | "attempt-failed"
    | "step-failed"
    | "suspended"
    | "woken"
    | "paused"
    | "resumed"
    | "deployment-changed"
    | "cancel-requested"
    | "killed"
    | "restarted"
    | "completed";
  readonly detail: string;
  /** How often it happened in a row; absent for once. */
  readonly count?: number;
  /** Journal length at that time. */
  readonly afterEntry?: number;
  readonly attempt?: number;
  readonly failure?: FailureInfo;
};

/** Selects invocations, in the query of a list and in the body of a bulk action. All that is given must match. */
export type InvocationFilter = {
  readonly ids?: readonly string[];
  /** Ids that begin so. */
  readonly idPrefix?: string;
  readonly service?: string;
  readonly handler?: string;
  readonly key?: string;
  readonly status?: readonly InvocationStatus[];
  readonly deployment?: string;
  readonly result?: "success" | "failure";
  readonly createdBefore?: string;
  readonly createdAfter?: string;
  readonly idempotencyKey?: string;
  /** Text in the last failure's message. */
  readonly failureContains?: string;
};

export type InvocationAction = "cancel" | "kill" | "pause" | "resume" | "restart" | "purge" | "reschedule";

/** `POST` or `PATCH /invocations/{id}/{action}`; fields that an action does not know are refused. */
export type InvocationActionRequest = {
  /** resume, restart: deployment to go on with. Default: keep for resume, latest for restart. */
  readonly deployment?: "keep" | "latest" | (string & {});
  /** restart: keep the journal up to and including this command. Default 0, the input only. */
  readonly fromCommand?: number;
  /** purge: keep the outcome. */
  readonly journalOnly?: boolean;
  /** reschedule: the new start as an ISO date; with neither `at` nor `delay`, now. */
  readonly at?: string;
  /** reschedule: the new start as a duration from now. */
  readonly delay?: string;
};

export type InvocationActionResponse = {
  readonly id: string;
  readonly action: InvocationAction;
  /**
   * `done`: it has taken effect; `requested`: it takes effect when the handler lets it; `unchanged`: there was nothing
   * to do.
   */
  readonly outcome: "done" | "requested" | "unchanged";
  /** restart: the new invocation. */
  readonly newInvocationId?: string;
};

/** `POST /invocations/bulk`. Answered at once with the progress so far; ask again at `/invocations/bulk/{id}`. */
export type BulkRequest = InvocationActionRequest & {
  readonly action: InvocationAction;
  /** Must name at least one condition. */
  readonly filter: InvocationFilter;
  /** Report how many match, and change nothing. */
  readonly dryRun?: boolean;
  /** Stop after so many. */
  readonly limit?: number;
};

export type BulkProgress = {
  readonly id: string;
  readonly action: InvocationAction;
  readonly dryRun: boolean;
  readonly startedAt: string;
  readonly matched: number;
  readonly done: number;
  readonly failedCount: number;
  /** The first hundred of those that failed. */
  readonly failed: ReadonlyArray<{ readonly id: string; readonly code: string; readonly message: string }>;
  readonly finished: boolean;
  /** It ended before it was through: stopped by an operator, or by this error. */
  readonly stopped?: string;
};

// -- state and promises ---------------------------------------------------------------------------------------------

/** State of one object or workflow, in its stored JSON form. `version` goes up with every change; 0: never written. */
export type StateInfo = {
  readonly service: string;
  readonly key: string;
  readonly version: number;
  /** A value that is no JSON is shown as `{"$raw": "<base64>"}`, and may be written so. */
  readonly entries: Readonly<Record<string, unknown>>;
  /** Invocation that holds the key's lock. */
  readonly lockedBy?: string;
  /** Invocations that wait for the lock. */
  readonly queued: number;
};

/** `PUT` replaces everything, `PATCH` only the given keys, and those in `remove` go. */
export type StateChangeRequest = {
  /** Refuse the change when the state has another version. */
  readonly expectedVersion?: number;
  readonly entries?: Readonly<Record<string, unknown>>;
  /** `PATCH` only. */
  readonly remove?: readonly string[];
};

export type StateChangeResponse = { readonly version: number };

/** One key of an object or workflow in a list. */
export type StateKeyInfo = {
  readonly key: string;
  readonly version: number;
  readonly entries: number;
  readonly bytes: number;
  readonly lockedBy?: string;
  readonly queued: number;
};

export type PromiseInfo = {
  readonly service: string;
  readonly key: string;
  readonly name: string;
  readonly status: "pending" | "resolved" | "rejected";
  readonly value?: ValuePreview;
  readonly failure?: FailureInfo;
  readonly completedAt?: string;
  /** Invocations that wait for it. */
  readonly waiting: readonly string[];
};

// -- queries --------------------------------------------------------------------------------------------------------

/** `POST /query`: one SELECT over the documented views. */
export type QueryRequest = {
  readonly query: string;
  /** Values for the question marks in it. */
  readonly parameters?: ReadonlyArray<string | number | null>;
};

/** With `accept: application/vnd.holdfast.table+json`. */
export type QueryResponse = {
  readonly columns: readonly string[];
  readonly rows: ReadonlyArray<readonly QueryValue[]>;
};

/** Instants and durations are texts in ISO 8601, bytes are hexadecimal. */
export type QueryValue = string | number | boolean | null | ReadonlyArray<string | number>;

// -- the server -----------------------------------------------------------------------------------------------------

export type VersionInfo = {
  readonly version: string;
  readonly commit?: string;
  readonly runtime: string;
  /** Versions of the native wire, the Restate protocol and the admin API that are spoken. */
  readonly nativeWire: readonly number[];
  readonly restateProtocol: readonly number[];
  readonly adminApi: number;
  readonly ingressUrl: string;
  /** Public key that requests to handlers are signed with, for `identityKeys` of `serve`; absent when they are not signed. */
  readonly identityKey?: string;
  /** The same key as Restate's SDKs are given it. */
  readonly restateIdentityKey?: string;
};

export type LimitInfo = {
  readonly name: string;
  readonly value: number;
  readonly default: number;
  readonly unit: "bytes" | "ms" | "count";
  readonly configKey: string;
  readonly source: "default" | "file" | "environment" | "argument";
  readonly meaning: string;
  /** Error code a violation is answered with. */
  readonly code: string;
};

export type ConfigEntryInfo = {
  readonly key: string;
  /** "(secret)" for secrets. */
  readonly value: string;
  readonly default?: string;
  readonly source: "default" | "file" | "environment" | "argument";
  readonly meaning: string;
};

export type HealthInfo = {
  readonly status: "ok" | "degraded" | "starting" | "stopping" | "failed";
  readonly startedAt: string;
  readonly partitions: readonly PartitionInfo[];
  readonly runningAttempts: number;
  /** With `?counts=true` only: counting takes time when there are very many. */
  readonly invocations?: Readonly<Partial<Record<InvocationStatus, number>>>;
  readonly deployments: { readonly total: number; readonly unreachable: number };
  readonly disk?: { readonly usedBytes: number; readonly freeBytes: number; readonly logBytes: number };
  readonly memory: { readonly residentBytes: number };
  /** What is not as it should be, in words. Empty when `status` is "ok". */
  readonly problems: ReadonlyArray<{
    readonly code: string;
    readonly message: string;
    readonly since?: string;
  }>;
};

export type PartitionInfo = {
  readonly id: number;
  readonly status: "recovering" | "active" | "failed";
  readonly appliedPosition: number;
  readonly durablePosition: number;
  readonly checkpointPosition: number;
  readonly checkpointedAt?: string;
};
