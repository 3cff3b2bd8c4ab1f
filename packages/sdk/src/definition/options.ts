/** Options of services and handlers, and how they are told to the engine. */
import { parseDuration, type Duration, type HandlerOptions, type RetryPolicy } from "@holdfast/protocol";

import type { RetryOptions } from "../context.ts";
import { UsageError } from "../errors.ts";

/** What may be said for a whole service and again for one handler. What is left out takes the next level's value, at last the server's. */
export interface ExecutionOptions {
  /** What happens when an attempt fails with an ordinary error. */
  readonly retry?: AttemptRetryOptions;
  /** A handler that neither sends nor receives anything for this long is suspended when it can be. */
  readonly inactivityTimeout?: Duration;
  /** How long a suspended handler may go on with steps that are running before the attempt is ended. */
  readonly abortTimeout?: Duration;
  /** How long the journal of an ended invocation is kept. */
  readonly journalRetention?: Duration;
  /** How long the result of a call with an idempotency key is kept. */
  readonly idempotencyRetention?: Duration;
  /** Workflows only: how long result, state and promises are kept after the end. */
  readonly workflowRetention?: Duration;
  /** Fetch state on demand instead of sending all of it with each attempt. */
  readonly lazyState?: boolean;
  /** Callable only from other handlers, not over HTTP. */
  readonly ingressPrivate?: boolean;
  readonly documentation?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface AttemptRetryOptions extends RetryOptions {
  /** When the attempts are used up: wait for a person (default), or end with the last error. */
  readonly whenExhausted?: "pause" | "kill";
}

/** The options as the manifest states them. Throws a UsageError that names the option when a duration is malformed. */
export function manifestOptions(options: ExecutionOptions): HandlerOptions {
  const retryPolicy = options.retry === undefined ? undefined : manifestRetryPolicy(options.retry);
  return withoutUndefined({
    inactivityTimeoutMs: milliseconds(options.inactivityTimeout, "inactivityTimeout"),
    abortTimeoutMs: milliseconds(options.abortTimeout, "abortTimeout"),
    journalRetentionMs: milliseconds(options.journalRetention, "journalRetention"),
    idempotencyRetentionMs: milliseconds(options.idempotencyRetention, "idempotencyRetention"),
    workflowRetentionMs: milliseconds(options.workflowRetention, "workflowRetention"),
    lazyState: options.lazyState,
    ingressPrivate: options.ingressPrivate,
    retryPolicy,
  });
}

/** Milliseconds of a duration. Throws a UsageError that names `option`: in a handler, trying again would not help. */
export function milliseconds(duration: Duration, option: string): number;
export function milliseconds(duration: Duration | undefined, option: string): number | undefined;
export function milliseconds(duration: Duration | undefined, option: string): number | undefined {
  if (duration === undefined) return undefined;
  const known = parsed.get(duration);
  if (known !== undefined) return known;
  const ms = parseDuration(String(duration));
  if (ms === undefined) {
    throw new UsageError(
      `${option}: "${duration}" is not a duration. Write a number with its unit, e.g. "500ms", "30s", "3d".`,
    );
  }
  // Durations made from data must not fill the memory.
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(duration, ms);
  return ms;
}

/** Code says the same few durations again and again, and parsing one costs as much as recording a step. */
const parsed = new Map<Duration, number>();
const PARSED_MAX = 200;

function manifestRetryPolicy(retry: AttemptRetryOptions): Partial<RetryPolicy> {
  return withoutUndefined({
    initialIntervalMs: milliseconds(retry.initial, "retry.initial"),
    factor: retry.factor,
    maxIntervalMs: milliseconds(retry.max, "retry.max"),
    maxAttempts: retry.attempts,
    onMaxAttempts: retry.whenExhausted,
  });
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function withoutUndefined<T extends object>(options: T): Defined<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
}
