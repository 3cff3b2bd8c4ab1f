/**
 * The errors of the SDK. One rule: what extends TerminalError is an outcome, it ends the invocation and reaches its
 * caller; every other error is an accident, it ends the attempt and the handler's retry policy decides what follows.
 */
import { registerErrorClass as registerInCodec } from "@holdfast/protocol";

export interface TerminalErrorOptions {
  /** A code of the application ("card-declined"), or an HTTP status. Callers see it as `error.code`. */
  readonly code?: string | number;
  /** HTTP status that callers over HTTP get. Default: `code` when that is a number, else 500. */
  readonly status?: number;
  /** Anything that can be stored. Callers see it as `error.data`. */
  readonly data?: unknown;
  readonly cause?: unknown;
}

/**
 * Ends the invocation with a failure. Thrown in a step, it becomes the step's recorded outcome and is not tried again.
 *
 * Callers get an instance of TerminalError again, with message, name, code, data and cause. Subclasses come back as what
 * they are once they are registered with `registerErrorClass`.
 *
 * @example throw new TerminalError("the card was declined", { code: "card-declined", status: 402, data: { attempt } });
 */
export class TerminalError extends Error {
  override readonly name: string = "TerminalError";
  readonly code: string | number;
  readonly status: number;
  readonly data: unknown;

  constructor(message: string, options: TerminalErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status ?? (typeof options.code === "number" ? options.code : 500);
    this.code = options.code ?? this.status;
    this.data = options.data;
  }
}

/** The invocation was asked to end. Everything it waited for throws this once; afterwards it may clean up as usual. */
export class CancelledError extends TerminalError {
  override readonly name: string = "CancelledError";

  constructor(message = "Cancelled") {
    super(message, { code: 409 });
  }
}

/** A step used up its retries. `cause` is the last error. */
export class StepExhaustedError extends TerminalError {
  override readonly name: string = "StepExhausted";
}

/** A step took longer than its `timeout`. Counts as one failed execution. */
export class TimeoutError extends Error {
  override readonly name: string = "TimeoutError";
}

/** Try again, after `retryAfter` when given (a duration in milliseconds, or text such as "30s"). */
export class RetryableError extends Error {
  override readonly name: string = "RetryableError";
  readonly retryAfter: string | number | undefined;

  constructor(
    message: string,
    options: { readonly retryAfter?: string | number; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfter = options.retryAfter;
  }
}

/** Stop here until a person resumes the invocation: trying again cannot help. */
export class PauseError extends Error {
  override readonly name: string = "PauseError";
}

/** A handler used the SDK in a way that cannot work. Pauses the invocation, so that a fixed deployment can go on with it. */
export class UsageError extends PauseError {
  override readonly name: string = "UsageError";
}

/** A handler returned while something it started was neither finished nor ever awaited. */
export class UnawaitedOperationError extends UsageError {
  override readonly name: string = "UnawaitedOperationError";
}

/** The context was used inside a step's function. */
export class NestedOperationError extends UsageError {
  override readonly name: string = "NestedOperationError";
}

/** A value is larger than one message may be. */
export class MessageTooLargeError extends UsageError {
  override readonly name: string = "MessageTooLargeError";
}

type ErrorConstructor = abstract new (...args: never[]) => Error;

const classes = new Map<string, ErrorConstructor>();

/**
 * Makes errors of a class come back from the journal as instances of that class: as a failure that a caller catches, and
 * inside stored values. Stored under `name`, by default the class's own. The constructor is not called on the way back.
 *
 * @example registerErrorClass(OutOfStockError); // class OutOfStockError extends TerminalError { … }
 */
export function registerErrorClass(errorClass: ErrorConstructor, name: string = errorClass.name): void {
  classes.set(name, errorClass);
  registerInCodec(errorClass, name);
}

/** The class that failures of this name are revived as. */
export function registeredErrorClass(name: string): ErrorConstructor | undefined {
  return classes.get(name);
}

registerErrorClass(TerminalError);
registerErrorClass(CancelledError);
registerErrorClass(StepExhaustedError, "StepExhausted");
registerErrorClass(TimeoutError);
registerErrorClass(RetryableError);
registerErrorClass(PauseError);
