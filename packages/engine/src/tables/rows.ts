/**
 * The rows of the engine's tables. Everything a partition knows is in here; whatever is not can be derived from it.
 * Times are milliseconds since the Unix epoch, stamped by whoever proposed the record.
 */
import type {
  EndpointManifest,
  Failure,
  HandlerKind,
  HandlerOptions,
  Result,
  RetryPolicy,
} from "@holdfast/protocol";

export type Target = {
  readonly service: string;
  readonly handler: string;
  /** "" for plain services. */
  readonly key: string;
  readonly kind: HandlerKind;
};

/**
 * scheduled: its start lies in the future. queued: waits for its object's lock. running: an attempt is under way.
 * backing-off: an attempt failed, the next is due at `nextRetryAt`. suspended: waits for `awaiting`. paused: waits for a
 * person. completed: has its one outcome.
 */
export type InvocationStatus =
  | "scheduled"
  | "queued"
  | "running"
  | "backing-off"
  | "suspended"
  | "paused"
  | "completed";

/** One entry of a journal: a command the handler issued or a notification it received. Never changes once appended. */
export type JournalEntry = {
  /** Message type code. */
  readonly type: number;
  /** The message's body, byte for byte as it came or was first encoded. */
  readonly body: Uint8Array;
  readonly at: number;
  readonly attempt: number;
  /** Deployment that issued the command; "" for notifications and the input. */
  readonly deployment: string;
  /** What brought a notification about: "timer", "handler", "ingress", "admin", an invocation id; "" for commands. */
  readonly cause: string;
};

/** Something a command waits for, by the completion id it was given. Removed when its completion is appended. */
export type OpenOperation = {
  readonly kind: "run" | "sleep" | "call" | "promise" | "attach";
  /** Step name, callee or target id, promise name. */
  readonly detail: string;
  readonly since: number;
  /** Key of the timer of a sleep. */
  readonly timer: string;
  /** Executions of a step that failed so far, with the last failure. */
  failures: number;
  lastFailure: string;
  nextTryAt: number;
};

/** Whom to tell when an invocation completes. */
export type Waiter = {
  readonly id: string;
  readonly completionId: number;
  readonly kind: "call" | "attach";
};

export type InvocationSource = {
  readonly kind: "ingress" | "invocation" | "restart";
  /** The calling invocation, or the one that was restarted; of the ingress, the principal, "" when nobody had to say. */
  readonly id: string;
};

export type AwaitingSet = {
  readonly completions: readonly number[];
  readonly signals: readonly number[];
  readonly namedSignals: ReadonlyArray<readonly [name: string, consumed: number]>;
};

/** A thing that happened to an invocation and is worth telling, beside its journal. */
export type InvocationEvent = {
  readonly kind: "attempt-failed" | "paused" | "resumed" | "suspended" | "cancel-requested";
  readonly at: number;
  /** Journal length at that time. */
  readonly afterEntry: number;
  /** Error code of the catalogue, or a plain reason. */
  readonly code: string;
  readonly message: string;
  readonly stacktrace: string;
  readonly relatedCommandIndex: number;
  readonly relatedCommandName: string;
  /** How often the same event happened in a row. */
  count: number;
};

export type Invocation = {
  readonly id: string;
  readonly target: Target;
  readonly source: InvocationSource;
  readonly idempotencyKey: string | undefined;
  /** Hash of the input's bytes; two submissions with one idempotency key must agree in it. */
  readonly inputHash: number;
  /** Id that seeds the handler's random numbers: its own, or that of the invocation whose journal prefix it continues. */
  readonly seedId: string;
  readonly createdAt: number;
  modifiedAt: number;
  status: InvocationStatus;
  /** Due time of a delayed start; 0 when it was to start at once. */
  scheduledAt: number;
  startedAt: number;
  completedAt: number;
  /** Deployment that its attempts run on, chosen at the first attempt. */
  deployment: string | undefined;
  /**
   * Version of Restate's service protocol that its attempts speak, chosen at the first of them; 0 where its deployment speaks
   * another protocol. What a handler draws at random depends on it, so it stays whatever the deployment says later.
   */
  restateVersion: number;
  /** Number of the newest attempt; messages of any other are refused. */
  attempt: number;
  /** Failed attempts since the last stored command or step result. */
  retryCount: number;
  /**
   * Failed attempts since the newest command was stored, those with a delay of their own included: what Restate's SDKs count
   * the tries of a step by. Unlike `retryCount`, the result of a step does not reset it.
   */
  failuresSinceCommand: number;
  nextRetryAt: number;
  /** Key of the timer that a scheduled or backing-off invocation waits for; "" when there is none. */
  timer: string;
  /** Place in its object's inbox while queued; 0 otherwise. */
  inboxSeq: number;
  awaiting: AwaitingSet | undefined;
  /**
   * Why the newest failed attempt failed, and how many in a row failed with its code; cleared when an attempt makes progress.
   * A crash of the engine stays here through attempts that were lost on the way to the handler.
   */
  lastFailure: InvocationEvent | undefined;
  events: InvocationEvent[];
  readonly open: Map<number, OpenOperation>;
  readonly waiters: Waiter[];
  /** Awakeable indexes that have their outcome. */
  readonly settledSignals: Set<number>;
  /** How many signals of each name are in the journal. */
  readonly namedSignals: Map<string, number>;
  /** Attempt during which the newest cancel was appended; 0 when there was none. */
  cancelledInAttempt: number;
  /** Output of the newest Output command in the journal, whichever attempt recorded it: a replay does not send it again. */
  output: Result | undefined;
  result: Result | undefined;
  /** When retention next has something to remove (journal or all of it); 0 while it is live. */
  expiresAt: number;
  /** Until when the outcome is kept for attaching and idempotency; 0 while it is live. */
  keptUntil: number;
  /** Deployment that recorded the newest command; "" before the first. */
  recordedOn: string;
  /** Attempts in a row that were lost without the handler's doing (no connection, engine restart). */
  lostAttempts: number;
  /** Entries in the journal, and how many of them are commands. */
  journalLength: number;
  commandCount: number;
  journalBytes: number;
  lastEntryAt: number;
  /** Entries behind those that the store has. `journalLength - tail.length` entries lie in `chunks`. */
  tail: JournalEntry[];
  /** Leading entries of `tail` that a checkpoint in progress is storing. Not part of the row. */
  storing: number;
  /** First index of each chunk of the journal in the store, ascending. */
  readonly chunks: number[];
};

export type PromiseRow = {
  result: Result | undefined;
  settledAt: number;
  readonly waiters: Array<{ readonly id: string; readonly completionId: number }>;
};

/** What belongs to one key of a virtual object or one workflow: lock, queue, state, promises. */
export type ObjectRow = {
  /** Invocation that holds the key's lock. */
  holder: string | undefined;
  /** The inbox holds the sequence numbers head <= n < tail, with gaps where one was cancelled. */
  inboxHead: number;
  inboxTail: number;
  inboxLength: number;
  readonly state: Map<string, Uint8Array>;
  stateBytes: number;
  /** Grows by one with every change of `state`. */
  stateVersion: number;
  /** Workflows: the invocation of `run`. */
  runId: string | undefined;
  readonly promises: Map<string, PromiseRow>;
};

export type InboxRow = { readonly id: string };

export type TimerRow = {
  readonly kind: "sleep" | "start" | "retry";
  readonly id: string;
  /** Of the sleep; 0 otherwise. */
  readonly completionId: number;
};

export type DeploymentRow = {
  readonly id: string;
  /** Base URL, or "in-process:<name>". */
  readonly url: string;
  readonly manifest: EndpointManifest;
  readonly createdAt: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Revision of each service that this deployment introduced. */
  readonly revisions: Readonly<Record<string, number>>;
  /** What an operator put in place of the manifest's options, by service. */
  overrides: Readonly<Record<string, ServiceOverrides>>;
  /** Invocations that are pinned to it and not completed. */
  live: number;
};

export type ServiceOverrides = Pick<
  HandlerOptions,
  | "ingressPrivate"
  | "idempotencyRetentionMs"
  | "workflowRetentionMs"
  | "journalRetentionMs"
  | "inactivityTimeoutMs"
  | "abortTimeoutMs"
>;

/** Counters and settings of the partition: one row. */
export type MetaRow = {
  /** Largest `at` of any record: the partition's clock, which never goes back. */
  now: number;
  nextTimerSeq: number;
  epoch: number;
  settingsJson: string;
};

export type HandlerSettings = {
  readonly retryPolicy: RetryPolicy;
  readonly inactivityTimeoutMs: number;
  readonly abortTimeoutMs: number;
  readonly journalRetentionMs: number;
  readonly idempotencyRetentionMs: number;
  readonly workflowRetentionMs: number;
  readonly lazyState: boolean;
  readonly ingressPrivate: boolean;
};

export type { EndpointManifest, Failure };
