/**
 * What the fold needs to know of the configuration. Whatever influences a state change must be in the log: the values are
 * carried by the record that says "the engine started" and kept with the tables, so that a replay sees what the first
 * application saw, whatever the configuration file says today.
 */
import type { RetryPolicy } from "@holdfast/protocol";

export type FoldSettings = {
  /** Used where neither handler nor service says otherwise. */
  readonly retryPolicy: RetryPolicy;
  /** Silence of a session after which the handler is asked to suspend. */
  readonly inactivityTimeoutMs: number;
  /** How long it then has before the attempt is cut off. */
  readonly abortTimeoutMs: number;
  readonly journalRetentionMs: number;
  readonly idempotencyRetentionMs: number;
  readonly workflowRetentionMs: number;
  /** Entries of one journal. A longer one pauses the invocation: replay would take longer and longer. */
  readonly journalEntriesMax: number;
  /** Bytes of one journal. */
  readonly journalBytesMax: number;
  /** Bytes of one state value, and of all values of one key. */
  readonly stateValueBytesMax: number;
  readonly stateBytesMax: number;
  /** Invocations waiting for one object key. */
  readonly inboxMax: number;
  /**
   * Newest version of Restate's service protocol that is chosen for what begins. Absent in the records of servers that chose
   * anew for each attempt: what those recorded is applied as they did, with no version pinned.
   */
  readonly restateVersionMax: number;
};

/** What was spoken at most before it could be set. */
export const RESTATE_VERSION_FIRST_MAX = 6;

export const defaultFoldSettings: FoldSettings = {
  retryPolicy: {
    initialIntervalMs: 500,
    factor: 2,
    maxIntervalMs: 60_000,
    maxAttempts: 70,
    onMaxAttempts: "pause",
  },
  inactivityTimeoutMs: 60_000,
  abortTimeoutMs: 600_000,
  journalRetentionMs: 24 * 3_600_000,
  idempotencyRetentionMs: 24 * 3_600_000,
  workflowRetentionMs: 24 * 3_600_000,
  journalEntriesMax: 1_000_000,
  journalBytesMax: 1024 * 1024 * 1024,
  stateValueBytesMax: 32 * 1024 * 1024,
  stateBytesMax: 256 * 1024 * 1024,
  inboxMax: 1_000_000,
  restateVersionMax: RESTATE_VERSION_FIRST_MAX,
};

/** Events kept with an invocation for people to read; older ones are dropped. */
export const EVENTS_MAX = 20;

/** How many invocations the search for a lock cycle may visit before it gives up and lets the call wait. */
export const DEADLOCK_SEARCH_MAX = 10_000;
/** Invocations of a lock cycle that its message names. */
export const DEADLOCK_NAMES_MAX = 8;
