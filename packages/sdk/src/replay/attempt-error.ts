/** The messages that end an attempt without ending the invocation. */
import { ErrorBehavior, MessageType, UnstorableValueError, type ErrorMessage } from "@holdfast/protocol";

import { PauseError } from "../errors.ts";
import { describeMismatch, JOURNAL_MISMATCH, type Mismatch } from "./mismatch.ts";
import { messageOf, retryAfterMs } from "./run-step.ts";

const USER_ERROR = 500;
const PROTOCOL_VIOLATION = 571;

/** The handler threw something that is no outcome. */
export function handlerError(error: unknown): ErrorMessage {
  const cannotHelp = error instanceof PauseError || error instanceof UnstorableValueError;
  const nextRetryDelayMs = retryAfterMs(error);
  return {
    type: MessageType.Error,
    code: USER_ERROR,
    message: messageOf(error),
    stacktrace: error instanceof Error ? (error.stack ?? "") : "",
    behavior: cannotHelp ? ErrorBehavior.Pause : ErrorBehavior.Retry,
    ...(nextRetryDelayMs === undefined ? {} : { nextRetryDelayMs }),
  };
}

export function mismatchError(mismatch: Mismatch): ErrorMessage {
  const { recorded, commandIndex } = mismatch;
  return {
    type: MessageType.Error,
    code: JOURNAL_MISMATCH,
    message: describeMismatch(mismatch),
    stacktrace: "",
    relatedCommandIndex: commandIndex,
    ...(recorded.name === undefined ? {} : { relatedCommandName: recorded.name }),
    relatedCommandType: recorded.type,
    behavior: ErrorBehavior.Retry,
  };
}

export function protocolViolation(what: string): ErrorMessage {
  return {
    type: MessageType.Error,
    code: PROTOCOL_VIOLATION,
    message: `protocol violation: ${what}`,
    stacktrace: "",
    behavior: ErrorBehavior.Retry,
  };
}
