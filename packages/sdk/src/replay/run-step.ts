/** One `ctx.run`: executes the function, tries again, and proposes what is to be recorded. */
import {
  ErrorBehavior,
  formatDuration,
  MessageType,
  parseDuration,
  UnstorableValueError,
  type ErrorMessage,
  type NotificationResult,
  type Result,
  type SdkMessage,
} from "@holdfast/protocol";

import type { RetryOptions, RunOptions, StepScope } from "../context.ts";
import { milliseconds } from "../definition/options.ts";
import { PauseError, RetryableError, StepExhaustedError, TerminalError, TimeoutError } from "../errors.ts";
import type { Environment, ValuePlace } from "./environment.ts";
import { describeError, failureOf } from "./failure.ts";
import type { Operation } from "./operation.ts";
import type { StoredValues } from "./stored-values.ts";

const USER_ERROR = 500;

/** What a step needs of its session. */
export interface StepHost {
  readonly environment: Environment;
  readonly invocationId: string;
  send(message: SdkMessage): void;
  readonly values: StoredValues;
  /** Ends the attempt. */
  fail(error: ErrorMessage): void;
  /** Something a suspension had to wait for is done. */
  stepChanged(step: RunStep): void;
  /** Runs the part of a function that runs at once, so that uses of the context in it are noticed. */
  guard<Value>(run: () => Value): Value;
}

export type StepState = "held" | "running" | "backing off" | "proposed" | "dropped";

type StepOptions = Pick<RunOptions<unknown>, "retry" | "timeout">;

export class RunStep {
  readonly name: string;
  readonly operation: Operation;
  /** Where its result lies. */
  readonly place: ValuePlace;
  /** Position of its command; the input is 0. */
  readonly commandIndex: number;
  state: StepState = "held";
  /** What the journal holds as its result, once that has been delivered. */
  outcome: NotificationResult | undefined = undefined;
  /** While backing off: when the next execution begins, milliseconds since the Unix epoch. */
  retryAt = 0;
  /** While backing off: why the last execution failed. */
  lastError: unknown = undefined;
  readonly #host: StepHost;
  readonly #function: (scope: StepScope) => unknown;
  readonly #timeoutMs: number | undefined;
  readonly #retryPolicy: StepRetryPolicy | undefined;
  readonly #completionId: number;
  #failures: number;
  #scope: Scope | undefined = undefined;
  #stopTimer: (() => void) | undefined = undefined;
  #proposal: Result | undefined = undefined;

  constructor(
    host: StepHost,
    operation: Operation,
    step: {
      readonly run: (scope: StepScope) => unknown;
      readonly options: StepOptions | undefined;
      readonly place: ValuePlace;
      readonly completionId: number;
      readonly commandIndex: number;
      readonly failures: number;
    },
  ) {
    this.#host = host;
    this.name = operation.name;
    this.operation = operation;
    this.place = step.place;
    this.commandIndex = step.commandIndex;
    this.#function = step.run;
    this.#timeoutMs = milliseconds(step.options?.timeout, "timeout");
    this.#retryPolicy = step.options?.retry === undefined ? undefined : retryPolicyOf(step.options.retry);
    this.#completionId = step.completionId;
    this.#failures = step.failures;
  }

  /** The result proposed in this attempt. */
  get proposal(): Result | undefined {
    return this.#proposal;
  }

  start(): void {
    this.state = "running";
    const scope = new Scope(this.#failures + 1, this.#host.invocationId, this.#completionId);
    this.#scope = scope;
    this.#startClock(scope);
    let value: unknown;
    try {
      value = this.#host.guard(() => this.#function(scope));
    } catch (error) {
      this.#fail(scope, error);
      return;
    }
    if (isThenable(value)) {
      value.then(
        (result) => this.#succeed(scope, result),
        (error: unknown) => this.#fail(scope, error),
      );
    } else {
      this.#succeed(scope, value);
    }
  }

  /** Gives it up: its signal aborts, and nothing it still does counts. */
  drop(reason: unknown): void {
    if (this.state === "dropped") return;
    this.state = "dropped";
    this.#endExecution(reason);
  }

  #succeed(scope: Scope, value: unknown): void {
    if (!this.#isCurrent(scope)) return;
    this.#endExecution(undefined);
    let bytes: Uint8Array;
    try {
      bytes = this.#host.values.encode(value, `result of ctx.run(${JSON.stringify(this.name)})`, this.place);
    } catch (error) {
      this.#endAttempt(error, ErrorBehavior.Pause);
      return;
    }
    this.#propose({ kind: "value", value: bytes });
  }

  #fail(scope: Scope, error: unknown): void {
    if (!this.#isCurrent(scope)) return;
    this.#endExecution(error);
    if (error instanceof TerminalError) {
      this.#proposeFailure(error);
    } else if (error instanceof PauseError || error instanceof UnstorableValueError) {
      this.#endAttempt(error, ErrorBehavior.Pause);
    } else if (this.#retryPolicy === undefined) {
      this.#endAttempt(error, ErrorBehavior.Retry, retryAfterMs(error));
    } else {
      this.#retry(this.#retryPolicy, error);
    }
  }

  #retry(policy: StepRetryPolicy, error: unknown): void {
    this.#failures += 1;
    const failures = this.#failures;
    if (failures >= policy.attempts) {
      const times = failures === 1 ? "once" : `${failures} times`;
      const message = `step ${JSON.stringify(this.name)} failed ${times}, at last with: ${messageOf(error)}`;
      this.#proposeFailure(new StepExhaustedError(message, { cause: error }));
      return;
    }
    const delay = retryAfterMs(error) ?? retryDelayMs(policy, failures);
    this.#host.send({
      type: MessageType.RunAttemptFailed,
      completionId: this.#completionId,
      failure: describeError(error),
      failures,
      nextDelayMs: delay,
    });
    this.state = "backing off";
    this.lastError = error;
    this.retryAt = this.#host.environment.now() + delay;
    this.#stopTimer = this.#host.environment.timers.set(delay, () => {
      this.#stopTimer = undefined;
      if (this.state === "backing off") this.start();
    });
    this.#host.stepChanged(this);
  }

  #proposeFailure(error: TerminalError): void {
    try {
      this.#propose({ kind: "failure", failure: failureOf(error) });
    } catch (unstorable) {
      this.#endAttempt(unstorable, ErrorBehavior.Pause);
    }
  }

  #propose(result: Result): void {
    this.state = "proposed";
    this.#proposal = result;
    this.#host.send({ type: MessageType.ProposeRunCompletion, completionId: this.#completionId, result });
    this.#host.stepChanged(this);
  }

  #endAttempt(error: unknown, behavior: ErrorBehavior, nextRetryDelayMs?: number): void {
    this.state = "dropped";
    this.#host.fail({
      type: MessageType.Error,
      code: USER_ERROR,
      message: `step ${JSON.stringify(this.name)}: ${messageOf(error)}`,
      stacktrace: error instanceof Error ? (error.stack ?? "") : "",
      relatedCommandIndex: this.commandIndex,
      relatedCommandName: this.name,
      relatedCommandType: MessageType.Run,
      behavior,
      ...(nextRetryDelayMs === undefined ? {} : { nextRetryDelayMs }),
    });
  }

  #startClock(scope: Scope): void {
    const timeout = this.#timeoutMs;
    if (timeout === undefined) return;
    this.#stopTimer = this.#host.environment.timers.set(timeout, () => {
      this.#stopTimer = undefined;
      this.#fail(scope, new TimeoutError(`took longer than ${formatDuration(timeout)}`));
    });
  }

  /** An execution that timed out goes on unseen. What it brings later belongs to nobody. */
  #isCurrent(scope: Scope): boolean {
    return this.#scope === scope && this.state === "running";
  }

  #endExecution(abortReason: unknown): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    const scope = this.#scope;
    this.#scope = undefined;
    if (abortReason !== undefined) scope?.abort(abortReason);
  }
}

/** What the step's function gets. An AbortController is costly, so there is one only when somebody looks at the signal. */
class Scope implements StepScope {
  readonly attempt: number;
  readonly #invocationId: string;
  readonly #completionId: number;
  #controller: AbortController | undefined = undefined;
  #abortReason: unknown = undefined;

  constructor(attempt: number, invocationId: string, completionId: number) {
    this.attempt = attempt;
    this.#invocationId = invocationId;
    this.#completionId = completionId;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  get idempotencyKey(): string {
    return `${this.#invocationId}:${this.#completionId}`;
  }

  abort(reason: unknown): void {
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }
}

const RETRY_INITIAL_MS = 100;
const RETRY_FACTOR = 2;
const RETRY_MAX_MS = 60_000;

interface StepRetryPolicy {
  readonly attempts: number;
  readonly initialMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

function retryPolicyOf(retry: RetryOptions): StepRetryPolicy {
  return {
    attempts: retry.attempts ?? Number.POSITIVE_INFINITY,
    initialMs: milliseconds(retry.initial, "retry.initial") ?? RETRY_INITIAL_MS,
    factor: retry.factor ?? RETRY_FACTOR,
    maxMs: milliseconds(retry.max, "retry.max") ?? RETRY_MAX_MS,
  };
}

/** Wait before the next execution after so many failed ones. */
function retryDelayMs(policy: StepRetryPolicy, failures: number): number {
  return Math.min(policy.maxMs, policy.initialMs * policy.factor ** (failures - 1));
}

/** What a RetryableError asks for. */
export function retryAfterMs(error: unknown): number | undefined {
  if (!(error instanceof RetryableError) || error.retryAfter === undefined) return undefined;
  return typeof error.retryAfter === "number" ? error.retryAfter : parseDuration(error.retryAfter);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { readonly then?: unknown }).then === "function"
  );
}
