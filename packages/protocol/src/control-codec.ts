/** Bodies of control messages: the beginning and the end of an attempt, and what is said about its runs. */

import { formatInvocationId, parseInvocationId, RAW_INVOCATION_ID_BYTES } from "./ids.ts";
import {
  ErrorBehavior,
  MessageType,
  type ErrorMessage,
  type Message,
  type JournalMessage,
  type ProposeRunCompletionMessage,
  type RunAckMessage,
  type RunAttemptFailedMessage,
  type StartMessage,
  type SuspensionMessage,
} from "./message.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { ProtocolError } from "./protocol-error.ts";
import {
  EMPTY_BYTES,
  readFailure,
  requireCompletionId,
  VOID_RESULT,
  writeFailure,
  type Mutable,
} from "./result-codec.ts";

/** Version of the Restate service protocol whose fields of Start our own wire carries; ours go on from there. */
const NATIVE_RESTATE_VERSION = 6;

export type ControlMessage = Exclude<Message, JournalMessage>;

export function writeControl(writer: ProtobufWriter, message: ControlMessage): void {
  switch (message.type) {
    case MessageType.ProposeRunCompletion:
      return writeProposal(writer, message);
    case MessageType.RunAck:
      return writer.uint32(1, message.completionId);
    case MessageType.Start:
      return writeStart(writer, message);
    case MessageType.Suspension:
      return writeSuspension(writer, message);
    case MessageType.Error:
      return writeError(writer, message);
    case MessageType.RunAttemptFailed:
      writer.uint32(1, message.completionId);
      writeFailure(writer, 2, message.failure);
      writer.uint32(3, message.failures);
      return writer.uint64(4, message.nextDelayMs);
    case MessageType.End:
    case MessageType.SuspendRequest:
      return;
  }
}

/** The control message of that type, or undefined when there is none. */
export function readControl(reader: ProtobufReader, type: number): ControlMessage | undefined {
  switch (type) {
    case MessageType.ProposeRunCompletion:
      return readProposal(reader);
    case MessageType.RunAck:
      return readRunAck(reader);
    case MessageType.Start:
      return readStart(reader);
    case MessageType.Suspension:
      return readSuspension(reader);
    case MessageType.Error:
      return readError(reader);
    case MessageType.RunAttemptFailed:
      return readRunAttemptFailed(reader);
    case MessageType.End:
    case MessageType.SuspendRequest:
      while (reader.next() !== 0) reader.skip();
      return { type };
    default:
      return undefined;
  }
}

/**
 * The fields of Start that the Restate protocol knows, in its versions 5 to 7, and no others. Up to version 5 an SDK makes
 * its random numbers from the invocation's id. Scopes, which 7 has fields for, do not exist here.
 */
export function writeRestateStart(writer: ProtobufWriter, start: StartMessage, version: number): void {
  const id = parseInvocationId(start.invocationId);
  if (id === undefined)
    throw new RangeError(`Start cannot be encoded: ${start.invocationId} is not an invocation id`);
  writer.presentBytes(1, id);
  writer.presentString(2, start.invocationId);
  writer.uint32(3, start.knownEntries);
  for (const [key, value] of start.state) {
    const mark = writer.begin(4);
    writer.string(1, key);
    writer.bytes(2, value);
    writer.end(mark);
  }
  writer.bool(5, start.partialState);
  writer.string(6, start.key);
  writer.uint32(7, start.retryCount);
  writer.uint64(8, start.sinceLastEntryMs);
  if (version >= 6) writer.bigUint64(9, start.randomSeed);
  if (version >= 7 && start.idempotencyKey !== undefined) writer.presentString(12, start.idempotencyKey);
}

function writeStart(writer: ProtobufWriter, start: StartMessage): void {
  writeRestateStart(writer, start, NATIVE_RESTATE_VERSION);
  writer.string(100, start.service);
  writer.string(101, start.handler);
  writer.uint32(102, start.attempt);
  for (const [completionId, count] of start.stepFailures) {
    const mark = writer.begin(103);
    writer.uint32(1, completionId);
    writer.uint32(2, count);
    writer.end(mark);
  }
  if (start.idempotencyKey !== undefined) writer.presentString(104, start.idempotencyKey);
  writer.string(105, start.recordedOn);
  writer.string(106, start.deployment);
}

function readStart(reader: ProtobufReader): StartMessage {
  const state: Array<readonly [string, Uint8Array]> = [];
  const stepFailures: Array<readonly [number, number]> = [];
  const start: Mutable<StartMessage> = {
    type: MessageType.Start,
    invocationId: "",
    knownEntries: 0,
    state,
    partialState: false,
    key: "",
    retryCount: 0,
    sinceLastEntryMs: 0,
    randomSeed: 0n,
    service: "",
    handler: "",
    attempt: 0,
    stepFailures,
    recordedOn: "",
    deployment: "",
  };
  let id: Uint8Array = EMPTY_BYTES;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.bytes();
    else if (field === 2) start.invocationId = reader.string();
    else if (field === 3) start.knownEntries = reader.uint32();
    else if (field === 4) state.push(readStateEntry(reader));
    else if (field === 5) start.partialState = reader.bool();
    else if (field === 6) start.key = reader.string();
    else if (field === 7) start.retryCount = reader.uint32();
    else if (field === 8) start.sinceLastEntryMs = reader.uint64();
    else if (field === 9) start.randomSeed = reader.bigUint64();
    else if (field === 12) start.idempotencyKey = reader.string();
    else if (field === 100) start.service = reader.string();
    else if (field === 101) start.handler = reader.string();
    else if (field === 102) start.attempt = reader.uint32();
    else if (field === 103) stepFailures.push(readStepFailure(reader));
    else if (field === 104) start.idempotencyKey = reader.string();
    else if (field === 105) start.recordedOn = reader.string();
    else if (field === 106) start.deployment = reader.string();
    else reader.skip();
  }
  start.invocationId = invocationIdOf(id, start.invocationId);
  if (start.knownEntries === 0)
    throw new ProtocolError("value-invalid", "Start announces no journal entries");
  return start;
}

/** The raw id and its text say the same; a text that was left out is made up for. */
function invocationIdOf(raw: Uint8Array, text: string): string {
  if (raw.length !== RAW_INVOCATION_ID_BYTES) {
    throw new ProtocolError(
      "value-invalid",
      `The invocation id of Start has ${raw.length} bytes, expected 24`,
    );
  }
  if (text === "") return formatInvocationId(raw);
  const parsed = parseInvocationId(text);
  let same = parsed !== undefined;
  for (let index = 0; same && index < RAW_INVOCATION_ID_BYTES; index++) same = parsed?.[index] === raw[index];
  if (!same) throw new ProtocolError("value-invalid", "The two ids of Start differ");
  return text;
}

function readStateEntry(reader: ProtobufReader): readonly [string, Uint8Array] {
  let key = "";
  let value: Uint8Array = EMPTY_BYTES;
  const outer = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) key = reader.string();
    else if (field === 2) value = reader.bytes();
    else reader.skip();
  }
  reader.leave(outer);
  return [key, value];
}

function readStepFailure(reader: ProtobufReader): readonly [number, number] {
  let completionId = 0;
  let count = 0;
  const outer = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) completionId = reader.uint32();
    else if (field === 2) count = reader.uint32();
    else reader.skip();
  }
  reader.leave(outer);
  return [completionId, count];
}

function writeSuspension(writer: ProtobufWriter, suspension: SuspensionMessage): void {
  writer.packedUint32(1, suspension.completions);
  writer.packedUint32(2, suspension.signals);
  if (suspension.namedSignals.length === 0) return;
  const consumed: number[] = [];
  for (const [name, count] of suspension.namedSignals) {
    writer.presentString(3, name);
    consumed.push(count);
  }
  writer.packedUint32(100, consumed);
}

function readSuspension(reader: ProtobufReader): SuspensionMessage {
  const completions: number[] = [];
  const signals: number[] = [];
  const names: string[] = [];
  const consumed: number[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) reader.uint32List(completions);
    else if (field === 2) reader.uint32List(signals);
    else if (field === 3) names.push(reader.string());
    else if (field === 100) reader.uint32List(consumed);
    else reader.skip();
  }
  if (completions.length + signals.length + names.length === 0) {
    throw new ProtocolError("field-missing", "Suspension waits for nothing");
  }
  const namedSignals = names.map((name, index) => [name, consumed[index] ?? 0] as const);
  return { type: MessageType.Suspension, completions, signals, namedSignals };
}

function writeError(writer: ProtobufWriter, error: ErrorMessage): void {
  writer.uint32(1, error.code);
  writer.string(2, error.message);
  writer.string(3, error.stacktrace);
  if (error.relatedCommandIndex !== undefined) writer.presentUint32(4, error.relatedCommandIndex);
  if (error.relatedCommandName !== undefined) writer.presentString(5, error.relatedCommandName);
  if (error.relatedCommandType !== undefined) writer.presentUint32(6, error.relatedCommandType);
  if (error.nextRetryDelayMs !== undefined) writer.presentUint64(8, error.nextRetryDelayMs);
  writer.uint32(9, error.behavior);
}

function readError(reader: ProtobufReader): ErrorMessage {
  const error: Mutable<ErrorMessage> = {
    type: MessageType.Error,
    code: 0,
    message: "",
    stacktrace: "",
    behavior: ErrorBehavior.Retry,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) error.code = reader.uint32();
    else if (field === 2) error.message = reader.string();
    else if (field === 3) error.stacktrace = reader.string();
    else if (field === 4) error.relatedCommandIndex = reader.uint32();
    else if (field === 5) error.relatedCommandName = reader.string();
    else if (field === 6) error.relatedCommandType = reader.uint32();
    else if (field === 8) error.nextRetryDelayMs = reader.uint64();
    else if (field === 9) error.behavior = behaviorOf(reader.uint32());
    else reader.skip();
  }
  return error;
}

function behaviorOf(value: number): ErrorBehavior {
  if (value === ErrorBehavior.Retry || value === ErrorBehavior.Pause || value === ErrorBehavior.Fail)
    return value;
  throw new ProtocolError("value-invalid", `Error has the unknown behavior ${value}`);
}

/** The value of a proposal is raw bytes, unlike everywhere else. */
function writeProposal(writer: ProtobufWriter, proposal: ProposeRunCompletionMessage): void {
  writer.uint32(1, proposal.completionId);
  if (proposal.result.kind === "value") writer.presentBytes(14, proposal.result.value);
  else if (proposal.result.kind === "failure") writeFailure(writer, 15, proposal.result.failure);
}

function readProposal(reader: ProtobufReader): ProposeRunCompletionMessage {
  const proposal: Mutable<ProposeRunCompletionMessage> = {
    type: MessageType.ProposeRunCompletion,
    completionId: 0,
    result: VOID_RESULT,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) proposal.completionId = reader.uint32();
    else if (field === 14) proposal.result = { kind: "value", value: reader.bytes() };
    else if (field === 15) proposal.result = { kind: "failure", failure: readFailure(reader) };
    else reader.skip();
  }
  requireCompletionId(proposal.completionId, "ProposeRunCompletion");
  return proposal;
}

function readRunAck(reader: ProtobufReader): RunAckMessage {
  let completionId = 0;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) completionId = reader.uint32();
    else reader.skip();
  }
  requireCompletionId(completionId, "RunAck");
  return { type: MessageType.RunAck, completionId };
}

function readRunAttemptFailed(reader: ProtobufReader): RunAttemptFailedMessage {
  const failed: Mutable<RunAttemptFailedMessage> = {
    type: MessageType.RunAttemptFailed,
    completionId: 0,
    failure: { code: 0, message: "" },
    failures: 0,
    nextDelayMs: 0,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) failed.completionId = reader.uint32();
    else if (field === 2) failed.failure = readFailure(reader);
    else if (field === 3) failed.failures = reader.uint32();
    else if (field === 4) failed.nextDelayMs = reader.uint64();
    else reader.skip();
  }
  requireCompletionId(failed.completionId, "RunAttemptFailed");
  return failed;
}
