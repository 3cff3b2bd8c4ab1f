/**
 * The effects: all that the fold ever asks the outside to do. They are performed after the batch that caused them is
 * durable, in order, and only by the process that proposed it; replaying the log drops them.
 *
 * Losing them in a crash is harmless, because each can be derived from the tables again:
 *
 * | effect        | performed by      | may be repeated                                | after a crash
 * |---------------|-------------------|------------------------------------------------|----------------------------------------
 * | start-attempt | invoker           | no: a second one is a new attempt (new number) | every running invocation is started anew
 * | deliver       | invoker           | no: the session keeps order                    | the new attempt replays the journal
 * | ack-run       | invoker           | no                                             | the result is replayed as a completion
 * | abort-attempt | invoker           | yes                                            | the session died with the process
 * | set-timer     | timer service     | yes: by key                                    | reloaded from the table `timers`
 * | clear-timer   | timer service     | yes                                            | the row is gone; firing it does nothing
 * | completed     | ingress           | yes: waiters are told once                     | callers attach to the stored result
 * | deployments-changed | invoker     | yes                                            | read from the table at start
 */
import type { Result, StartMessage } from "@holdfast/protocol";

import type { JournalEntry } from "./tables/rows.ts";

export type StartAttemptEffect = {
  readonly kind: "start-attempt";
  readonly id: string;
  readonly attempt: number;
  /** `undefined` when no deployment serves the handler. */
  readonly deployment: string | undefined;
  /** Complete as of this record, `knownEntries` included: what later records appended is delivered separately. */
  readonly start: StartMessage;
};
export type DeliverEffect = {
  readonly kind: "deliver";
  readonly id: string;
  readonly attempt: number;
  readonly entry: JournalEntry;
};
export type AckRunEffect = {
  readonly kind: "ack-run";
  readonly id: string;
  readonly attempt: number;
  readonly completionId: number;
  /** The recorded completion: what confirms it where a wire knows no acknowledgement. */
  readonly entry: JournalEntry;
};
export type AbortAttemptEffect = {
  readonly kind: "abort-attempt";
  readonly id: string;
  readonly attempt: number;
  readonly reason: string;
};
export type SetTimerEffect = { readonly kind: "set-timer"; readonly key: string; readonly due: number };
export type ClearTimerEffect = { readonly kind: "clear-timer"; readonly key: string };
export type CompletedEffect = { readonly kind: "completed"; readonly id: string; readonly result: Result };
export type DeploymentsChangedEffect = { readonly kind: "deployments-changed" };

export type Effect =
  | StartAttemptEffect
  | DeliverEffect
  | AckRunEffect
  | AbortAttemptEffect
  | SetTimerEffect
  | ClearTimerEffect
  | CompletedEffect
  | DeploymentsChangedEffect;

/** What a record came to, for whoever proposed it. Told after the record is durable. */
export type Outcome =
  | { readonly ok: true; readonly detail?: OutcomeDetail }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** What an accepted record had to say beyond "done". */
export type OutcomeDetail = {
  /** invoke, restart: the invocation, which may have existed before. */
  readonly id?: string;
  readonly existed?: boolean;
  /** invoke: existed and has its outcome. */
  readonly result?: Result;
  /** expire: how many were removed. */
  readonly removed?: number;
  /** cancel: appended to a live one rather than done at once. pause, signal: nothing to do. */
  readonly pending?: boolean;
  readonly unchanged?: boolean;
  readonly notes?: readonly string[];
  readonly version?: number;
};
