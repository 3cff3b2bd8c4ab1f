/**
 * The records of a partition's log: everything that can change its state. Each carries the time at which it was proposed
 * and every id that it introduces; applying it needs nothing else (no clock, no random, no I/O).
 */
import type { EndpointManifest, Header, Message, Result } from "@holdfast/protocol";

import type { FoldSettings } from "./limits.ts";
import type { InvocationSource, ServiceOverrides, Target } from "./tables/rows.ts";

/** A message of a session as it lies in a record. `message` is the decoded `body`, filled by whoever has it first. */
export type SessionMessage = {
  readonly type: number;
  readonly body: Uint8Array;
  message: Message | undefined;
};

export type EngineStartedRecord = {
  readonly kind: "engine-started";
  readonly epoch: number;
  readonly settings: FoldSettings;
};

export type InvokeRecord = {
  readonly kind: "invoke";
  readonly id: string;
  readonly target: Target;
  /** Encoded Input command: headers and value. */
  readonly input: Uint8Array;
  readonly inputHash: number;
  readonly idempotencyKey: string | undefined;
  /** 0: now. */
  readonly startAt: number;
  readonly source: InvocationSource;
};

/** What an attempt sent, in order: commands, proposals, and at most one of Suspension, Error, End as the last. */
export type AttemptMessagesRecord = {
  readonly kind: "attempt-messages";
  readonly id: string;
  readonly attempt: number;
  readonly messages: readonly SessionMessage[];
  /** Ids for the invocations that the Call and OneWayCall commands among the messages create, in order. */
  readonly childIds: readonly string[];
};

/** An attempt ended without having said how: connection lost, timeout, protocol violation, engine restart. */
export type AttemptLostRecord = {
  readonly kind: "attempt-lost";
  readonly id: string;
  readonly attempt: number;
  readonly code: string;
  readonly message: string;
  /** Counts against the retry policy. Faults that are not the handler's do not. */
  readonly counted: boolean;
  /** It can never succeed: pause instead of trying again. */
  readonly pause: boolean;
  /** Overrides the policy's delay; -1 for the policy's. */
  readonly retryDelayMs: number;
};

/** These timers are due. Keys in due order. */
export type TimersFiredRecord = { readonly kind: "timers-fired"; readonly keys: readonly string[] };

/** A signal from outside: an awakeable's outcome (index) or a named signal. */
export type SignalRecord = {
  readonly kind: "signal";
  readonly id: string;
  readonly index: number | undefined;
  readonly name: string | undefined;
  readonly result: Result;
  readonly cause: string;
};

export type CompletePromiseRecord = {
  readonly kind: "complete-promise";
  readonly service: string;
  readonly key: string;
  readonly name: string;
  readonly result: Result;
};

export type CancelRecord = { readonly kind: "cancel"; readonly id: string };
export type KillRecord = { readonly kind: "kill"; readonly id: string };
export type PauseRecord = { readonly kind: "pause"; readonly id: string };
export type ResumeRecord = {
  readonly kind: "resume";
  readonly id: string;
  /** Continue on this deployment; `undefined` keeps the pinned one. */
  readonly deployment: string | undefined;
};
export type RestartRecord = {
  readonly kind: "restart";
  readonly id: string;
  readonly newId: string;
  /** Keep the journal up to and including the command with this index; 0 keeps the input alone. */
  readonly fromCommand: number;
  readonly deployment: string | undefined;
};
export type PurgeRecord = { readonly kind: "purge"; readonly id: string; readonly journalOnly: boolean };
export type RescheduleRecord = { readonly kind: "reschedule"; readonly id: string; readonly startAt: number };
/** Retention: remove these if their time has come, or (`budget`) to make room. */
export type ExpireRecord = {
  readonly kind: "expire";
  readonly ids: readonly string[];
  readonly budget: boolean;
};

export type RegisterDeploymentRecord = {
  readonly kind: "register-deployment";
  readonly id: string;
  readonly url: string;
  readonly manifest: EndpointManifest;
  readonly metadata: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Replace what is known under this URL. */
  readonly force: boolean;
  /** Allow handlers to disappear and a service to change its kind. */
  readonly breaking: boolean;
  readonly dryRun: boolean;
};
/** A deployment is reached elsewhere or otherwise from now on; what it serves may be described anew. */
export type UpdateDeploymentRecord = {
  readonly kind: "update-deployment";
  readonly id: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly manifest: EndpointManifest;
};
export type RemoveDeploymentRecord = {
  readonly kind: "remove-deployment";
  readonly id: string;
  readonly force: boolean;
};

/** What an operator sets holds for the newest revision of a service and all its handlers; what is absent stays as it is. */
export type ConfigureServiceRecord = {
  readonly kind: "configure-service";
  readonly service: string;
  readonly options: ServiceOverrides;
};

export type PatchStateRecord = {
  readonly kind: "patch-state";
  readonly service: string;
  readonly key: string;
  /** Refused unless the state has this version; -1 for any. */
  readonly expectedVersion: number;
  /** Replaces the whole state. */
  readonly entries: ReadonlyArray<readonly [key: string, value: Uint8Array]>;
};

export type RecordBody =
  | EngineStartedRecord
  | InvokeRecord
  | AttemptMessagesRecord
  | AttemptLostRecord
  | TimersFiredRecord
  | SignalRecord
  | CompletePromiseRecord
  | CancelRecord
  | KillRecord
  | PauseRecord
  | ResumeRecord
  | RestartRecord
  | PurgeRecord
  | RescheduleRecord
  | ExpireRecord
  | RegisterDeploymentRecord
  | RemoveDeploymentRecord
  | PatchStateRecord
  | ConfigureServiceRecord
  | UpdateDeploymentRecord;

/** A record and the time it was proposed at: never smaller than that of the record before it. */
export type LogRecord = { readonly at: number; readonly body: RecordBody };

export type { Header };
