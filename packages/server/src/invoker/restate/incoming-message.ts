/** Reading what an SDK of Restate sends, and refusing what it must not. */
import {
  asksForScope,
  decodeMessage,
  encodeMessage,
  ErrorBehavior,
  isCommandType,
  MessageType,
  messageTypeName,
  ProtocolError,
  readRestateSuspension,
  type SdkMessage,
} from "@holdfast/protocol";

import { hasFutures } from "./protocol-versions.ts";
import type { RestateFrame } from "./restate-frame.ts";

export type Incoming = { readonly message: SdkMessage; readonly body: Uint8Array };

/** What an SDK says it waits for, while it goes on. It is for people to see and changes nothing; it may come very often. */
const AWAITING_ON = 0x0006;
/** In the flags of a proposal: confirm it by a message of its own, instead of by the completion. */
export const WANTS_ACK = 0x8000;

export function isAdvisory({ type, flags }: RestateFrame, version: number): boolean {
  return type === AWAITING_ON && flags === 0 && hasFutures(version);
}

/** The message in a frame of an SDK. Throws a ProtocolError that says what is wrong with it. */
export function readIncoming({ type, flags, body }: RestateFrame, version: number): Incoming {
  if (!isSentBySdks(type)) {
    throw new ProtocolError("message-type-unknown", `An SDK may not send ${messageTypeName(type)}`);
  }
  if (flags !== 0 && !(flags === WANTS_ACK && mayWantAck(type, version))) {
    // An acknowledgement of a kind that this version does not have would be waited for in vain.
    throw new ProtocolError(
      "value-invalid",
      `${messageTypeName(type)} has the flags 0x${flags.toString(16)}, which this version of the protocol has no meaning for`,
    );
  }
  return hasFutures(version) ? readWithFutures(type, body) : readWithoutFutures(type, body);
}

function mayWantAck(type: number, version: number): boolean {
  return type === MessageType.ProposeRunCompletion && hasFutures(version);
}

function readWithoutFutures(type: number, body: Uint8Array): Incoming {
  const message = decodeMessage(type, body) as SdkMessage;
  if (message.type !== MessageType.Error) return { message, body };
  // What is to become of the attempt is for an SDK to say from version 7 on.
  const error = { ...message, behavior: ErrorBehavior.Retry };
  return { message: error, body: message.behavior === ErrorBehavior.Retry ? body : encodeMessage(error) };
}

/** What goes to the log has one form, whichever the version. */
function readWithFutures(type: number, body: Uint8Array): Incoming {
  if (type === MessageType.Suspension) {
    const message = readRestateSuspension(body);
    return { message, body: encodeMessage(message) };
  }
  if (asksForScope(type, body)) {
    // Left out, it would share with others what it wanted for itself.
    throw new ProtocolError(
      "value-invalid",
      `${messageTypeName(type)} asks for a scope or a limit key, and this server has none; call without`,
    );
  }
  return { message: decodeMessage(type, body) as SdkMessage, body };
}

function isSentBySdks(type: number): boolean {
  switch (type) {
    case MessageType.Suspension:
    case MessageType.Error:
    case MessageType.End:
    case MessageType.ProposeRunCompletion:
      return true;
    default:
      // An unknown command is found out by whoever reads it.
      return isCommandType(type) && type !== MessageType.Input && type !== MessageType.Reschedule;
  }
}

export function endsAttempt(message: SdkMessage): boolean {
  return (
    message.type === MessageType.End ||
    message.type === MessageType.Suspension ||
    message.type === MessageType.Error
  );
}
