/** INV-8: failures are counted, waited for and given up on as the retry policy says, by an account of its own. */
import type { Effect, RecordBody } from "@holdfast/engine";
import {
  decodeMessage,
  ErrorBehavior,
  isCommandType,
  MessageType,
  type RetryPolicy,
  type RunAttemptFailedMessage,
} from "@holdfast/protocol";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import { endOf } from "./entries.ts";
import type { Judge, Monitor } from "./monitor.ts";

/** Back-off after the n-th failure is that of the policy, and up to a third more. */
const JITTER_SHARE = 1 / 3;
/** Longest back-off of an attempt that was lost without the handler's doing, before that share. */
const LOST_RETRY_MS_MAX = 10_000;

type Failures = {
  readonly account: Account;
  /** In a row, without progress: the handler's, and those that were nobody's. */
  counted: number;
  lost: number;
  /** The next attempt is not to start before; 0 when it may. */
  due: number;
  /** Failures of each step that has no result yet, by its completion id. */
  readonly steps: Map<number, number>;
};

type Failure = {
  readonly counted: boolean;
  /** -1: the policy's. */
  readonly delayMs: number;
  /** It is not to be tried again by itself. */
  readonly mayEnd: boolean;
};

/** What may start an attempt whose back-off is not over: somebody's wish. */
const IMPATIENT = new Set(["resume", "cancel", "signal"]);

export class RetryMonitor implements Monitor {
  readonly ids = ["INV-8"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #failures = new Map<string, Failures>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  observe(): void {
    // Everything there is to it is in the records.
  }

  follow(step: Step): void {
    for (const account of step.created)
      this.#failures.set(account.id, { account, counted: 0, lost: 0, due: 0, steps: new Map() });
    const { body } = step.record;
    if (body.kind === "resume" && step.outcome.ok && step.outcome.detail?.unchanged !== true) {
      const failures = this.#failures.get(body.id);
      if (failures !== undefined) Object.assign(failures, { counted: 0, lost: 0 });
    }
    this.#checkStarts(step);
    if (step.outcome.ok && (body.kind === "attempt-messages" || body.kind === "attempt-lost")) {
      const failures = this.#failures.get(body.id);
      if (failures === undefined) return;
      if (body.kind === "attempt-messages") this.#checkReports(step, body, failures);
      this.#checkSteps(failures);
      if (hasProgress(step, body.id)) Object.assign(failures, { counted: 0, lost: 0 });
      const failure = failureIn(step);
      if (failure !== undefined) this.#fail(step, failures, failure);
    }
  }

  /** A handler goes on counting where the attempts before it stopped. */
  #checkReports(
    { effects }: Step,
    { id, attempt, messages }: Extract<RecordBody, { readonly kind: "attempt-messages" }>,
    { steps }: Failures,
  ): void {
    const row = this.#fold.tables.invocations.get(id);
    if (row?.attempt !== attempt || isRefused(effects, id)) return;
    for (const { type, body } of messages) {
      if (type !== MessageType.RunAttemptFailed) continue;
      const { completionId, failures } = decodeMessage(type, body) as RunAttemptFailedMessage;
      // A report that comes before its step, or after its result, is passed over.
      const step = row.open.get(completionId);
      if (step?.kind !== "run" || step.failures !== failures) continue;
      const before = steps.get(completionId) ?? 0;
      this.#judge.holds(
        "INV-8",
        failures > before,
        () =>
          `attempt ${attempt} of ${id} says that step ${completionId} failed ${failures} times, and it had failed ${before} times before`,
      );
      steps.set(completionId, failures);
    }
  }

  /** A step's failures add up over attempts. */
  #checkSteps({ account, steps }: Failures): void {
    for (const [completionId, { kind, failures }] of this.#fold.tables.invocations.get(account.id)?.open ??
      []) {
      const before = steps.get(completionId) ?? 0;
      if (kind !== "run" || failures === before) continue;
      this.#judge.holds(
        "INV-8",
        failures > before,
        () => `step ${completionId} of ${account.id} had failed ${before} times, and now ${failures} times`,
      );
      steps.set(completionId, failures);
    }
  }

  #checkStarts({ effects, now, record: { body } }: Step): void {
    for (const effect of effects) {
      const failures = effect.kind === "start-attempt" ? this.#failures.get(effect.id) : undefined;
      if (failures === undefined || failures.due === 0) continue;
      const { due, account } = failures;
      const isWanted =
        IMPATIENT.has(body.kind) || (body.kind === "attempt-messages" && body.id !== account.id);
      this.#judge.holds(
        "INV-8",
        now >= due || isWanted,
        () => `${account.id} was to be tried again at ${due}, and was at ${now} by ${body.kind}`,
      );
      failures.due = 0;
    }
  }

  #fail({ now }: Step, failures: Failures, failure: Failure): void {
    const { id } = failures.account;
    const row = this.#fold.tables.invocations.get(id);
    if (row === undefined) return;
    const policy = this.#fold.tables.handlerSettings(
      row.deployment,
      row.target.service,
      row.target.handler,
    ).retryPolicy;
    const isEnded = row.status === "paused" || row.status === "completed";
    // Not tried again because of what it is, and not because of how often it happened: that does not count.
    if (failure.mayEnd && isEnded) return;
    const isPolicys = failure.delayMs < 0;
    if (failure.counted && isPolicys) failures.counted += 1;
    else if (!failure.counted) failures.lost += 1;
    const isExhausted = failure.counted && isPolicys && failures.counted >= policy.maxAttempts;
    const ending = policy.onMaxAttempts === "kill" ? "completed" : "paused";
    if (!failure.mayEnd) {
      this.#judge.holds(
        "INV-8",
        isExhausted ? row.status === ending : !isEnded,
        () =>
          `${id} failed ${failures.counted} times of ${policy.maxAttempts} and is ${row.status}${isExhausted ? `, not ${ending}` : ""}`,
      );
    }
    failures.due = row.status === "backing-off" ? row.nextRetryAt : 0;
    // Delays beyond all time are cut off at its end.
    if (row.status !== "backing-off" || row.nextRetryAt === Number.MAX_SAFE_INTEGER) return;
    const [from, to] = waitFor(failure, failures, policy);
    const wait = row.nextRetryAt - now;
    this.#judge.holds(
      "INV-8",
      wait >= from && wait <= to,
      () =>
        `${id} failed ${failures.counted || failures.lost} times and waits ${wait} ms, not ${from} to ${to}`,
    );
  }
}

/** Shortest and longest wait, milliseconds. */
function waitFor(failure: Failure, { counted, lost }: Failures, policy: RetryPolicy): [number, number] {
  if (failure.delayMs >= 0) return [Math.floor(failure.delayMs), Math.ceil(failure.delayMs)];
  const capMs = failure.counted ? policy.maxIntervalMs : Math.min(policy.maxIntervalMs, LOST_RETRY_MS_MAX);
  let base = policy.initialIntervalMs;
  for (let n = failure.counted ? counted : lost; n > 1 && base < capMs && base > 0; n--)
    base *= policy.factor;
  base = Math.min(base, capMs);
  return [Math.floor(base), Math.ceil(base * (1 + JITTER_SHARE))];
}

/** A command or a step's result was recorded, or the handler waits. */
function hasProgress({ appended, effects, record: { body } }: Step, id: string): boolean {
  if (body.kind !== "attempt-messages") return false;
  if (endOf(body)?.type === MessageType.Suspension && !isRefused(effects, id)) return true;
  return appended.some(
    ({ account, entry }) =>
      account.id === id &&
      entry.attempt === body.attempt &&
      (isCommandType(entry.type) || entry.type === MessageType.RunCompletion),
  );
}

function failureIn({ effects, record: { body } }: Step): Failure | undefined {
  if (body.kind === "attempt-lost")
    return { counted: body.counted, delayMs: body.retryDelayMs, mayEnd: body.pause };
  if (body.kind !== "attempt-messages") return undefined;
  // Something in it could not be applied; some of that is never tried again.
  if (isRefused(effects, body.id)) return { counted: true, delayMs: -1, mayEnd: true };
  const end = endOf(body);
  if (end?.type !== MessageType.Error) return undefined;
  return {
    counted: true,
    delayMs: end.nextRetryDelayMs ?? -1,
    mayEnd: end.behavior !== ErrorBehavior.Retry,
  };
}

function isRefused(effects: readonly Effect[], id: string): boolean {
  return effects.some((effect) => effect.kind === "abort-attempt" && effect.id === id);
}
