/** Bodies of notifications. All share one shape: an id in field 1, 2 or 3, a result in one of 4, 5, 6, 16 and 17. */

import { readKeys } from "./command-decoder.ts";
import { SIGNAL_RESULT, writeKeys } from "./command-encoder.ts";
import {
  MessageType,
  type CompletionNotification,
  type CompletionType,
  type Notification,
  type NotificationResult,
  type SignalNotification,
} from "./message.ts";
import type { ProtobufReader } from "./protobuf-reader.ts";
import type { ProtobufWriter } from "./protobuf-writer.ts";
import { ProtocolError } from "./protocol-error.ts";
import { readResult, requireCompletionId, writeResult } from "./result-codec.ts";

export function writeNotification(writer: ProtobufWriter, notification: Notification): void {
  if (notification.type === MessageType.Signal) {
    if (notification.index !== undefined) writer.presentUint32(2, notification.index);
    if (notification.signalName !== undefined) writer.presentString(3, notification.signalName);
  } else {
    writer.uint32(1, notification.completionId);
  }
  const { result } = notification;
  if (result.kind === "invocation-id") writer.presentString(16, result.id);
  else if (result.kind === "state-keys") writeKeys(writer, 17, result.keys);
  else writeResult(writer, SIGNAL_RESULT, result);
}

export function isCompletionType(type: number): type is CompletionType {
  switch (type) {
    case MessageType.GetLazyStateCompletion:
    case MessageType.GetLazyStateKeysCompletion:
    case MessageType.GetPromiseCompletion:
    case MessageType.PeekPromiseCompletion:
    case MessageType.CompletePromiseCompletion:
    case MessageType.SleepCompletion:
    case MessageType.CallCompletion:
    case MessageType.CallInvocationIdCompletion:
    case MessageType.RunCompletion:
    case MessageType.AttachInvocationCompletion:
    case MessageType.GetInvocationOutputCompletion:
    case MessageType.RescheduleCompletion:
      return true;
    default:
      return false;
  }
}

/** The notification of that type, or undefined when there is no such notification. */
export function readNotification(reader: ProtobufReader, type: number): Notification | undefined {
  if (type === MessageType.Signal) return readSignal(reader);
  return isCompletionType(type) ? readCompletion(reader, type) : undefined;
}

function readCompletion(reader: ProtobufReader, type: CompletionType): CompletionNotification {
  let completionId = 0;
  let result: NotificationResult | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) completionId = reader.uint32();
    else if (field === 16) result = { kind: "invocation-id", id: reader.string() };
    else if (field === 17) result = { kind: "state-keys", keys: readKeys(reader) };
    else {
      const read = readResult(reader, SIGNAL_RESULT, field);
      if (read === undefined) reader.skip();
      else result = read;
    }
  }
  requireCompletionId(completionId, "The completion");
  if (result === undefined) throw resultMissing();
  return { type, completionId, result };
}

function readSignal(reader: ProtobufReader): SignalNotification {
  let index: number | undefined;
  let signalName: string | undefined;
  let result: SignalNotification["result"] | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) {
      index = reader.uint32();
      signalName = undefined;
    } else if (field === 3) {
      signalName = reader.string();
      index = undefined;
    } else {
      const read = readResult(reader, SIGNAL_RESULT, field);
      if (read === undefined) reader.skip();
      else result = read;
    }
  }
  if (result === undefined) throw resultMissing();
  if (index !== undefined) return { type: MessageType.Signal, index, result };
  if (signalName !== undefined) return { type: MessageType.Signal, signalName, result };
  throw new ProtocolError("field-missing", "The signal has neither index nor name");
}

function resultMissing(): ProtocolError {
  return new ProtocolError("field-missing", "The notification has no result");
}
