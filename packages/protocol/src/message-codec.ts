/**
 * Bodies of messages as bytes: protobuf 3 with the field numbers of the Restate service protocol, extended with fields
 * from 100 on that only our own wire carries. A peer that does not know a field passes over it.
 *
 * Ownership: the bytes that `encodeMessage` returns belong to the caller. Byte fields of a decoded message are views into
 * the body they were decoded from; whoever keeps them longer than that body must copy them.
 */

import { readCommand } from "./command-decoder.ts";
import { writeCommand } from "./command-encoder.ts";
import { readControl, writeControl, writeRestateStart, type ControlMessage } from "./control-codec.ts";
import {
  MessageType,
  isCommandType,
  isNotificationType,
  type CompletionType,
  type JournalMessage,
  type Message,
  type StartMessage,
} from "./message.ts";
import { readNotification, writeNotification } from "./notification-codec.ts";
import { ProtobufReader } from "./protobuf-reader.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { ProtocolError } from "./protocol-error.ts";

const sharedWriter = new ProtobufWriter();
const sharedReader = new ProtobufReader();

/** The body of a message, without its type. Throws a RangeError for values that the field cannot hold. */
export function encodeMessage(message: Message): Uint8Array {
  sharedWriter.truncate(0);
  writeMessage(sharedWriter, message);
  return sharedWriter.finish();
}

/** The body of a Start for an SDK of that version of the Restate protocol. */
export function encodeRestateStart(start: StartMessage, version: number): Uint8Array {
  sharedWriter.truncate(0);
  writeRestateStart(sharedWriter, start, version);
  return sharedWriter.finish();
}

/** Appends the body of a message to what is in `writer`. */
export function writeMessage(writer: ProtobufWriter, message: Message): void {
  if (isJournalMessage(message)) {
    if (isCommand(message)) writeCommand(writer, message);
    else writeNotification(writer, message);
  } else {
    writeControl(writer, message);
  }
}

/** Reads a body. Unknown fields are passed over. Throws nothing but ProtocolError. */
export function decodeMessage(type: number, body: Uint8Array): Message {
  sharedReader.open(body);
  const message = isCommandType(type)
    ? readCommand(sharedReader, type)
    : isNotificationType(type)
      ? readNotification(sharedReader, type)
      : readControl(sharedReader, type);
  sharedReader.close();
  if (message === undefined) throw unknownType(type);
  return message;
}

/** As `decodeMessage`, for what may be in a journal: commands and notifications. */
export function decodeJournalMessage(type: number, body: Uint8Array): JournalMessage {
  const message = decodeMessage(type, body);
  if (!isJournalMessage(message))
    throw new ProtocolError("message-type-unknown", `Message type ${hex(type)} has no place in a journal`);
  return message;
}

/**
 * The completion id a message carries: the one a command will be completed under (of a call, that of its result), or the
 * one a completion, proposal or acknowledgement is for. Undefined for all others.
 */
export function completionIdOf(message: Message): number | undefined {
  if ("completionId" in message) return message.completionId;
  return message.type === MessageType.OneWayCall ? message.invocationIdCompletionId : undefined;
}

/** The type of the completion that answers a command under its completion id, or undefined when nothing does. */
export function completionTypeOf(commandType: number): CompletionType | undefined {
  switch (commandType) {
    case MessageType.GetLazyState:
      return MessageType.GetLazyStateCompletion;
    case MessageType.GetLazyStateKeys:
      return MessageType.GetLazyStateKeysCompletion;
    case MessageType.GetPromise:
      return MessageType.GetPromiseCompletion;
    case MessageType.PeekPromise:
      return MessageType.PeekPromiseCompletion;
    case MessageType.CompletePromise:
      return MessageType.CompletePromiseCompletion;
    case MessageType.Sleep:
      return MessageType.SleepCompletion;
    case MessageType.Call:
      return MessageType.CallCompletion;
    case MessageType.OneWayCall:
      return MessageType.CallInvocationIdCompletion;
    case MessageType.Run:
      return MessageType.RunCompletion;
    case MessageType.AttachInvocation:
      return MessageType.AttachInvocationCompletion;
    case MessageType.GetInvocationOutput:
      return MessageType.GetInvocationOutputCompletion;
    case MessageType.Reschedule:
      return MessageType.RescheduleCompletion;
    default:
      return undefined;
  }
}

const typeNames = new Map<number, string>(Object.entries(MessageType).map(([name, type]) => [type, name]));

/** The name of a message type for people, e.g. "Run"; the number in hexadecimal when it is unknown. */
export function messageTypeName(type: number): string {
  return typeNames.get(type) ?? hex(type);
}

function isJournalMessage(message: Message): message is JournalMessage {
  return message.type >= MessageType.Input;
}

function isCommand(
  message: JournalMessage,
): message is Exclude<JournalMessage, { readonly type: CompletionType | typeof MessageType.Signal }> {
  return isCommandType(message.type);
}

function unknownType(type: number): ProtocolError {
  return new ProtocolError("message-type-unknown", `Message type ${hex(type)} is unknown`);
}

function hex(type: number): string {
  return `0x${type.toString(16).padStart(4, "0")}`;
}

export type { ControlMessage };
