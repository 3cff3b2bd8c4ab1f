/** Reads bodies of commands; the counterpart of `command-encoder.ts`. */

import { COMPLETION_RESULT, OUTPUT_RESULT, SIGNAL_RESULT } from "./command-encoder.ts";
import {
  MessageType,
  type AttachInvocationCommand,
  type CallCommand,
  type ClearAllStateCommand,
  type ClearStateCommand,
  type Command,
  type CompleteAwakeableCommand,
  type CompletePromiseCommand,
  type GetEagerStateCommand,
  type GetEagerStateKeysCommand,
  type GetInvocationOutputCommand,
  type GetLazyStateCommand,
  type GetLazyStateKeysCommand,
  type GetPromiseCommand,
  type Header,
  type InputCommand,
  type InvocationTarget,
  type OneWayCallCommand,
  type OutputCommand,
  type PeekPromiseCommand,
  type RescheduleCommand,
  type RunCommand,
  type SendSignalCommand,
  type SetStateCommand,
  type SleepCommand,
} from "./message.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import { ProtocolError } from "./protocol-error.ts";
import {
  EMPTY_BYTES,
  VOID_RESULT,
  readMeta,
  readPair,
  readResult,
  requireCompletionId,
  type Mutable,
  type ResultFields,
} from "./result-codec.ts";

/** The command of that type, or undefined when there is no such command. */
export function readCommand(reader: ProtobufReader, type: number): Command | undefined {
  switch (type) {
    case MessageType.Run:
    case MessageType.GetLazyStateKeys:
      return readPlain(reader, { type, completionId: 0 });
    case MessageType.Call:
      return readCall(reader);
    case MessageType.OneWayCall:
      return readOneWayCall(reader);
    case MessageType.Sleep:
      return readSleep(reader);
    case MessageType.Input:
      return readInput(reader);
    case MessageType.Output:
      return readOutput(reader);
    case MessageType.GetLazyState:
    case MessageType.GetPromise:
    case MessageType.PeekPromise:
      return readKeyed(reader, { type, key: "", completionId: 0 });
    case MessageType.SetState:
      return readSetState(reader);
    case MessageType.ClearState:
      return readClearState(reader);
    case MessageType.ClearAllState:
      return readClearAllState(reader);
    case MessageType.GetEagerState:
      return readGetEagerState(reader);
    case MessageType.GetEagerStateKeys:
      return readGetEagerStateKeys(reader);
    case MessageType.CompletePromise:
      return readCompletePromise(reader);
    case MessageType.SendSignal:
      return readSendSignal(reader);
    case MessageType.AttachInvocation:
    case MessageType.GetInvocationOutput:
      return readTargeted(reader, type);
    case MessageType.CompleteAwakeable:
      return readCompleteAwakeable(reader);
    case MessageType.Reschedule:
      return readReschedule(reader);
    default:
      return undefined;
  }
}

/** A sub-message `{1: repeated bytes}`. */
export function readKeys(reader: ProtobufReader): string[] {
  const keys: string[] = [];
  const outer = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) keys.push(reader.string());
    else reader.skip();
  }
  reader.leave(outer);
  return keys;
}

function readPlain<T extends RunCommand | GetLazyStateKeysCommand>(
  reader: ProtobufReader,
  command: Mutable<T>,
): T {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 11) command.completionId = reader.uint32();
    else readMeta(reader, field, command);
  }
  requireCompletionId(command.completionId, "The command");
  return command;
}

function readKeyed<T extends GetLazyStateCommand | GetPromiseCommand | PeekPromiseCommand>(
  reader: ProtobufReader,
  command: Mutable<T>,
): T {
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.key = reader.string();
    else if (field === 11) command.completionId = reader.uint32();
    else readMeta(reader, field, command);
  }
  requireCompletionId(command.completionId, "The command");
  return command;
}

function readCall(reader: ProtobufReader): CallCommand {
  const headers: Header[] = [];
  const command: Mutable<CallCommand> = {
    type: MessageType.Call,
    service: "",
    handler: "",
    key: "",
    parameter: EMPTY_BYTES,
    headers,
    invocationIdCompletionId: 0,
    completionId: 0,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.service = reader.string();
    else if (field === 2) command.handler = reader.string();
    else if (field === 3) command.parameter = reader.bytes();
    else if (field === 4) headers.push(readPair(reader));
    else if (field === 5) command.key = reader.string();
    else if (field === 6) command.idempotencyKey = reader.string();
    else if (field === 10) command.invocationIdCompletionId = reader.uint32();
    else if (field === 11) command.completionId = reader.uint32();
    else readMeta(reader, field, command);
  }
  requireCompletionId(command.invocationIdCompletionId, "Call (invocation id)");
  requireCompletionId(command.completionId, "Call");
  return command;
}

function readOneWayCall(reader: ProtobufReader): OneWayCallCommand {
  const headers: Header[] = [];
  const command: Mutable<OneWayCallCommand> = {
    type: MessageType.OneWayCall,
    service: "",
    handler: "",
    key: "",
    parameter: EMPTY_BYTES,
    invokeAt: 0,
    headers,
    invocationIdCompletionId: 0,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.service = reader.string();
    else if (field === 2) command.handler = reader.string();
    else if (field === 3) command.parameter = reader.bytes();
    else if (field === 4) command.invokeAt = reader.uint64();
    else if (field === 5) headers.push(readPair(reader));
    else if (field === 6) command.key = reader.string();
    else if (field === 7) command.idempotencyKey = reader.string();
    else if (field === 10) command.invocationIdCompletionId = reader.uint32();
    else readMeta(reader, field, command);
  }
  requireCompletionId(command.invocationIdCompletionId, "OneWayCall");
  return command;
}

function readSleep(reader: ProtobufReader): SleepCommand {
  const command: Mutable<SleepCommand> = { type: MessageType.Sleep, wakeUpAt: 0, completionId: 0 };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.wakeUpAt = reader.uint64();
    else if (field === 11) command.completionId = reader.uint32();
    else readMeta(reader, field, command);
  }
  requireCompletionId(command.completionId, "Sleep");
  return command;
}

function readInput(reader: ProtobufReader): InputCommand {
  const headers: Header[] = [];
  const command: Mutable<InputCommand> = { type: MessageType.Input, headers, value: EMPTY_BYTES };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) headers.push(readPair(reader));
    else if (field === 14) command.value = reader.wrappedBytes();
    else readMeta(reader, field, command);
  }
  return command;
}

function readOutput(reader: ProtobufReader): OutputCommand {
  const command: Mutable<OutputCommand> = { type: MessageType.Output, result: VOID_RESULT };
  for (let field = reader.next(); field !== 0; field = reader.next())
    readResultOrMeta(reader, OUTPUT_RESULT, field, command);
  return command;
}

function readSetState(reader: ProtobufReader): SetStateCommand {
  const command: Mutable<SetStateCommand> = { type: MessageType.SetState, key: "", value: EMPTY_BYTES };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.key = reader.string();
    else if (field === 3) command.value = reader.wrappedBytes();
    else readMeta(reader, field, command);
  }
  return command;
}

function readClearState(reader: ProtobufReader): ClearStateCommand {
  const command: Mutable<ClearStateCommand> = { type: MessageType.ClearState, key: "" };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.key = reader.string();
    else readMeta(reader, field, command);
  }
  return command;
}

function readClearAllState(reader: ProtobufReader): ClearAllStateCommand {
  const command: Mutable<ClearAllStateCommand> = { type: MessageType.ClearAllState };
  for (let field = reader.next(); field !== 0; field = reader.next()) readMeta(reader, field, command);
  return command;
}

function readGetEagerState(reader: ProtobufReader): GetEagerStateCommand {
  const command: Mutable<GetEagerStateCommand> = {
    type: MessageType.GetEagerState,
    key: "",
    value: undefined,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.key = reader.string();
    else if (field === 14) command.value = reader.wrappedBytes();
    else readMeta(reader, field, command);
  }
  return command;
}

function readGetEagerStateKeys(reader: ProtobufReader): GetEagerStateKeysCommand {
  const command: Mutable<GetEagerStateKeysCommand> = { type: MessageType.GetEagerStateKeys, keys: [] };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 14) command.keys = readKeys(reader);
    else readMeta(reader, field, command);
  }
  return command;
}

function readCompletePromise(reader: ProtobufReader): CompletePromiseCommand {
  const command: Mutable<CompletePromiseCommand> = {
    type: MessageType.CompletePromise,
    key: "",
    result: VOID_RESULT,
    completionId: 0,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.key = reader.string();
    else if (field === 11) command.completionId = reader.uint32();
    else readResultOrMeta(reader, COMPLETION_RESULT, field, command);
  }
  requireCompletionId(command.completionId, "CompletePromise");
  return command;
}

function readSendSignal(reader: ProtobufReader): SendSignalCommand {
  const command: Mutable<SendSignalCommand> = {
    type: MessageType.SendSignal,
    target: "",
    result: VOID_RESULT,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.target = reader.string();
    else if (field === 2) {
      command.index = reader.uint32();
      delete command.signalName;
    } else if (field === 3) {
      command.signalName = reader.string();
      delete command.index;
    } else readResultOrMeta(reader, SIGNAL_RESULT, field, command);
  }
  if (command.index === undefined && command.signalName === undefined) {
    throw new ProtocolError("field-missing", "SendSignal names no signal");
  }
  return command;
}

function readTargeted(
  reader: ProtobufReader,
  type: typeof MessageType.AttachInvocation | typeof MessageType.GetInvocationOutput,
): AttachInvocationCommand | GetInvocationOutputCommand {
  const command: Mutable<AttachInvocationCommand | GetInvocationOutputCommand> = {
    type,
    target: { kind: "invocation", id: "" },
    completionId: 0,
  };
  let found = false;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 11) command.completionId = reader.uint32();
    else if (field === 1 || field === 3 || field === 4) {
      command.target = readTarget(reader, field);
      found = true;
    } else readMeta(reader, field, command);
  }
  if (!found) throw new ProtocolError("field-missing", "The command names no invocation");
  requireCompletionId(command.completionId, "The command");
  return command;
}

function readTarget(reader: ProtobufReader, variant: number): InvocationTarget {
  if (variant === 1) return { kind: "invocation", id: reader.string() };
  const texts = ["", "", "", ""];
  const outer = reader.enter();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field <= (variant === 3 ? 4 : 2)) texts[field - 1] = reader.string();
    else reader.skip();
  }
  reader.leave(outer);
  const [service = "", key = "", handler = "", idempotencyKey = ""] = texts;
  return variant === 3
    ? { kind: "idempotent", service, key, handler, idempotencyKey }
    : { kind: "workflow", service, key };
}

function readCompleteAwakeable(reader: ProtobufReader): CompleteAwakeableCommand {
  const command: Mutable<CompleteAwakeableCommand> = {
    type: MessageType.CompleteAwakeable,
    awakeableId: "",
    result: VOID_RESULT,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.awakeableId = reader.string();
    else readResultOrMeta(reader, COMPLETION_RESULT, field, command);
  }
  return command;
}

function readReschedule(reader: ProtobufReader): RescheduleCommand {
  const command: Mutable<RescheduleCommand> = {
    type: MessageType.Reschedule,
    target: "",
    invokeAt: 0,
    completionId: 0,
  };
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) command.target = reader.string();
    else if (field === 2) command.invokeAt = reader.uint64();
    else if (field === 11) command.completionId = reader.uint32();
    else readMeta(reader, field, command);
  }
  requireCompletionId(command.completionId, "Reschedule");
  return command;
}

function readResultOrMeta(
  reader: ProtobufReader,
  fields: ResultFields,
  field: number,
  command: Mutable<OutputCommand | CompletePromiseCommand | SendSignalCommand | CompleteAwakeableCommand>,
): void {
  const result = readResult(reader, fields, field);
  if (result === undefined) readMeta(reader, field, command);
  else command.result = result;
}
