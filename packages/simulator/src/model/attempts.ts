/**
 * The attempt's end of a session. Rules: only messages of the newest attempt count (INV-6); what is refused takes everything
 * behind it along, what came before it stays; a step's first result is its result (INV-4); a suspension whose wait is over
 * starts the next attempt at once, unless that would spin: nothing was recorded since the attempt began (INV-9;
 * partition/suspension.test.ts).
 */
import { type RecordBody, type SessionMessage } from "@holdfast/engine";
import {
  CANCEL_SIGNAL,
  decodeMessage,
  ErrorBehavior,
  MessageType,
  ProtocolError,
  type ErrorMessage,
  type Failure,
  type Message,
  type ProposeRunCompletionMessage,
  type Result,
  type RunAttemptFailedMessage,
  type SuspensionMessage,
} from "@holdfast/protocol";

import { applyCommand } from "./commands.ts";
import { entryOf, hasSignal, isCompleted, openOf, signalsNamed } from "./journal.ts";
import { abort, complete, startAttempt } from "./lifecycle.ts";
import { Refused, Unacceptable, violation, type ModelInvocation, type ModelState } from "./model-state.ts";
import { failAttempt, madeProgress } from "./retry.ts";
import { ANY_WORDS } from "./texts.ts";

type AttemptMessages = Extract<RecordBody, { readonly kind: "attempt-messages" }>;
type AttemptLost = Extract<RecordBody, { readonly kind: "attempt-lost" }>;

function runningAttempt(state: ModelState, id: string, attempt: number): ModelInvocation {
  const invocation = state.invocations.get(id);
  if (invocation?.status !== "running" || invocation.attempt !== attempt) throw new Refused("stale-attempt");
  return invocation;
}

export function attemptMessages(state: ModelState, record: AttemptMessages): void {
  const invocation = runningAttempt(state, record.id, record.attempt);
  const ids = [...record.childIds];
  const takeId = (): string => ids.shift() ?? "";
  for (const sent of record.messages) {
    try {
      applyMessage(state, invocation, read(sent), takeId);
    } catch (error) {
      if (!(error instanceof Unacceptable)) throw error;
      abort(state, invocation);
      const failure = { code: 500, message: ANY_WORDS };
      const as = error.pause ? "pause" : "counted";
      failAttempt(state, invocation, { code: error.code, failure, as, delayMs: undefined });
    }
    if (invocation.status !== "running" || invocation.attempt !== record.attempt) return;
  }
}

function read({ type, body }: SessionMessage): Message {
  try {
    return decodeMessage(type, body);
  } catch (error) {
    if (error instanceof ProtocolError) throw violation();
    throw error;
  }
}

function applyMessage(
  state: ModelState,
  invocation: ModelInvocation,
  message: Message,
  takeId: () => string,
): void {
  switch (message.type) {
    case MessageType.ProposeRunCompletion:
      return proposeResult(state, invocation, message);
    case MessageType.RunAttemptFailed:
      return stepFailed(invocation, message);
    case MessageType.Suspension:
      return suspend(state, invocation, message);
    case MessageType.Error:
      return failed(state, invocation, message);
    case MessageType.End:
      return complete(state, invocation, outputOf(invocation));
    default:
      return applyCommand(state, invocation, message, takeId);
  }
}

/** The newest output of any attempt. None, or one that says nothing, is an empty value. */
export function outputOf({ journal }: ModelInvocation): Result {
  const output = journal.findLast(({ message }) => message.type === MessageType.Output)?.message;
  const result = output?.type === MessageType.Output ? output.result : ({ kind: "void" } as const);
  return result.kind === "void" ? { kind: "value", value: new Uint8Array(0) } : result;
}

/** Acknowledged, and not delivered: it is the run's completion for the attempt that proposed it. */
function proposeResult(
  state: ModelState,
  invocation: ModelInvocation,
  { completionId, result }: ProposeRunCompletionMessage,
): void {
  const open = openOf(invocation).get(completionId);
  const message = { type: MessageType.RunCompletion, completionId, result } as const;
  if (open?.type === MessageType.Run) {
    invocation.journal.push(entryOf(message, invocation.attempt, { cause: "handler" }));
    madeProgress(invocation);
  } else if (
    open !== undefined ||
    !isCompleted(invocation.journal, completionId, MessageType.RunCompletion)
  ) {
    throw violation();
  }
  state.tell(invocation.id, `ack ${invocation.attempt} ${completionId}`);
}

/** Executions that failed are counted through attempts. Of a step that is not open it means nothing. */
function stepFailed(invocation: ModelInvocation, message: RunAttemptFailedMessage): void {
  const command = openOf(invocation).get(message.completionId);
  if (command === undefined) return;
  if (command.type !== MessageType.Run) throw violation();
  invocation.stepFailures.set(message.completionId, message);
}

function suspend(state: ModelState, invocation: ModelInvocation, message: SuspensionMessage): void {
  const { completions, signals, namedSignals } = message;
  if (completions.length + signals.length + namedSignals.length === 0) throw violation();
  const isOver = hasArrived(invocation, message);
  // The next attempt would begin with the same journal and say the same.
  if (isOver && invocation.journal.length === invocation.knownEntries) throw violation();
  madeProgress(invocation);
  invocation.failuresSinceCommand = 0;
  if (isOver) return startAttempt(state, invocation);
  invocation.awaiting = { completions, signals, namedSignals };
  invocation.status = "suspended";
}

/**
 * Whether the wait is over already. What was never asked for can never come. A cancel counts when it came during this
 * attempt; an earlier one was in the journal that the attempt began with, and may have been consumed.
 */
function hasArrived(invocation: ModelInvocation, awaiting: SuspensionMessage): boolean {
  const { journal, knownEntries } = invocation;
  const open = openOf(invocation);
  return (
    awaiting.completions.some((id) => !open.has(id)) ||
    awaiting.signals.some((index) =>
      hasSignal(invocation, index, index === CANCEL_SIGNAL ? knownEntries : 0),
    ) ||
    awaiting.namedSignals.some(([name, consumed]) => signalsNamed(journal, name) > consumed)
  );
}

const PROTOCOL_CODES: ReadonlyMap<number, string> = new Map([
  [570, "journal-mismatch"],
  [571, "protocol-violation"],
]);

function failed(state: ModelState, invocation: ModelInvocation, message: ErrorMessage): void {
  const isStatus = message.code >= 400 && message.code <= 599;
  const failure: Failure = { code: isStatus ? message.code : 500, message: message.message };
  if (message.behavior === ErrorBehavior.Fail)
    return complete(state, invocation, { kind: "failure", failure });
  const code = PROTOCOL_CODES.get(message.code) ?? "handler-error";
  const as = message.behavior === ErrorBehavior.Pause ? "pause" : "counted";
  failAttempt(state, invocation, { code, failure, as, delayMs: message.nextRetryDelayMs });
}

export function attemptLost(state: ModelState, record: AttemptLost): void {
  const invocation = runningAttempt(state, record.id, record.attempt);
  const { code, message, retryDelayMs } = record;
  const as = record.pause ? "pause" : record.counted ? "counted" : "lost";
  const delayMs = retryDelayMs < 0 ? undefined : retryDelayMs;
  failAttempt(state, invocation, { code, failure: { code: 500, message }, as, delayMs });
}
