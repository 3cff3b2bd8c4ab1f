/** Bodies of commands. Field numbers are those of the Restate service protocol; 100 and above are ours. */

import {
  MessageType,
  type CallCommand,
  type Command,
  type InvocationTarget,
  type OneWayCallCommand,
  type SendSignalCommand,
} from "./message.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { EMPTY_BYTES, writeMeta, writePairs, writeResult, type ResultFields } from "./result-codec.ts";

export const OUTPUT_RESULT: ResultFields = { void: 0, value: 14, failure: 15 };
export const COMPLETION_RESULT: ResultFields = { void: 0, value: 2, failure: 3 };
export const SIGNAL_RESULT: ResultFields = { void: 4, value: 5, failure: 6 };

export function writeCommand(writer: ProtobufWriter, command: Command): void {
  writeFields(writer, command);
  writeMeta(writer, command);
}

function writeFields(writer: ProtobufWriter, command: Command): void {
  switch (command.type) {
    case MessageType.Run:
    case MessageType.GetLazyStateKeys:
      return writer.uint32(11, command.completionId);
    case MessageType.Call:
      return writeCall(writer, command);
    case MessageType.OneWayCall:
      return writeOneWayCall(writer, command);
    case MessageType.Sleep:
      writer.uint64(1, command.wakeUpAt);
      return writer.uint32(11, command.completionId);
    case MessageType.Input:
      writePairs(writer, 1, command.headers);
      return writer.wrappedBytes(14, command.value);
    case MessageType.Output:
      return writeResult(writer, OUTPUT_RESULT, command.result);
    case MessageType.GetLazyState:
    case MessageType.GetPromise:
    case MessageType.PeekPromise:
      writer.string(1, command.key);
      return writer.uint32(11, command.completionId);
    case MessageType.SetState:
      writer.string(1, command.key);
      return writer.wrappedBytes(3, command.value);
    case MessageType.ClearState:
      return writer.string(1, command.key);
    case MessageType.ClearAllState:
      return;
    case MessageType.GetEagerState:
      writer.string(1, command.key);
      if (command.value === undefined) return writer.presentBytes(13, EMPTY_BYTES);
      return writer.wrappedBytes(14, command.value);
    case MessageType.GetEagerStateKeys:
      return writeKeys(writer, 14, command.keys);
    case MessageType.CompletePromise:
      writer.string(1, command.key);
      writeResult(writer, COMPLETION_RESULT, command.result);
      return writer.uint32(11, command.completionId);
    case MessageType.SendSignal:
      return writeSendSignal(writer, command);
    case MessageType.AttachInvocation:
    case MessageType.GetInvocationOutput:
      writeTarget(writer, command.target);
      return writer.uint32(11, command.completionId);
    case MessageType.CompleteAwakeable:
      writer.string(1, command.awakeableId);
      return writeResult(writer, COMPLETION_RESULT, command.result);
    case MessageType.Reschedule:
      writer.string(1, command.target);
      writer.uint64(2, command.invokeAt);
      return writer.uint32(11, command.completionId);
  }
}

/** State keys: a sub-message `{1: repeated bytes}`. */
export function writeKeys(writer: ProtobufWriter, field: number, keys: readonly string[]): void {
  const mark = writer.begin(field);
  for (const key of keys) writer.presentString(1, key);
  writer.end(mark);
}

function writeCall(writer: ProtobufWriter, command: CallCommand): void {
  writer.string(1, command.service);
  writer.string(2, command.handler);
  writer.bytes(3, command.parameter);
  writePairs(writer, 4, command.headers);
  writer.string(5, command.key);
  if (command.idempotencyKey !== undefined) writer.presentString(6, command.idempotencyKey);
  writer.uint32(10, command.invocationIdCompletionId);
  writer.uint32(11, command.completionId);
}

function writeOneWayCall(writer: ProtobufWriter, command: OneWayCallCommand): void {
  writer.string(1, command.service);
  writer.string(2, command.handler);
  writer.bytes(3, command.parameter);
  writer.uint64(4, command.invokeAt);
  writePairs(writer, 5, command.headers);
  writer.string(6, command.key);
  if (command.idempotencyKey !== undefined) writer.presentString(7, command.idempotencyKey);
  writer.uint32(10, command.invocationIdCompletionId);
}

function writeSendSignal(writer: ProtobufWriter, command: SendSignalCommand): void {
  writer.string(1, command.target);
  if (command.index !== undefined) writer.presentUint32(2, command.index);
  if (command.signalName !== undefined) writer.presentString(3, command.signalName);
  writeResult(writer, SIGNAL_RESULT, command.result);
}

function writeTarget(writer: ProtobufWriter, target: InvocationTarget): void {
  switch (target.kind) {
    case "invocation":
      return writer.presentString(1, target.id);
    case "idempotent": {
      const mark = writer.begin(3);
      writer.string(1, target.service);
      writer.string(2, target.key);
      writer.string(3, target.handler);
      writer.string(4, target.idempotencyKey);
      return writer.end(mark);
    }
    case "workflow": {
      const mark = writer.begin(4);
      writer.string(1, target.service);
      writer.string(2, target.key);
      return writer.end(mark);
    }
  }
}
