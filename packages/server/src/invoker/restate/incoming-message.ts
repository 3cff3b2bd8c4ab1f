/** Reading what an SDK of Restate sends, and refusing what it must not. */
import {
  decodeMessage,
  encodeMessage,
  ErrorBehavior,
  isCommandType,
  MessageType,
  messageTypeName,
  ProtocolError,
  type SdkMessage,
  type SuspensionMessage,
} from "@holdfast/protocol";

import type { RestateFrame } from "./restate-frame.ts";

export type Incoming = { readonly message: SdkMessage; readonly body: Uint8Array };

/** The message in a frame of an SDK. Throws a ProtocolError that says what is wrong with it. */
export function readIncoming(frame: RestateFrame): Incoming {
  const { type, flags, body } = frame;
  if (!isSentBySdks(type)) {
    throw new ProtocolError("message-type-unknown", `An SDK may not send ${messageTypeName(type)}`);
  }
  if (flags !== 0) {
    // Bit 15 asks for an acknowledgement of a kind that versions 5 and 6 do not have: it would be waited for in vain.
    throw new ProtocolError(
      "value-invalid",
      `${messageTypeName(type)} has the flags 0x${flags.toString(16)}, which this version of the protocol has no meaning for`,
    );
  }
  const message = decodeMessage(type, body) as SdkMessage;
  if (message.type !== MessageType.Error) return { message, body };
  // What is to become of the attempt is for an SDK to say from version 7 on.
  const error = { ...message, behavior: ErrorBehavior.Retry };
  return { message: error, body: message.behavior === ErrorBehavior.Retry ? body : encodeMessage(error) };
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

/**
 * A suspension says by which names the handler waits for signals, and not which ones it has seen. An SDK suspends only when
 * it has read all that was sent to it, so it has seen exactly those: anything newer wakes it.
 */
export function withSeenSignals(
  suspension: SuspensionMessage,
  seen: ReadonlyMap<string, number>,
): SuspensionMessage {
  const { namedSignals } = suspension;
  if (namedSignals.length === 0) return suspension;
  return { ...suspension, namedSignals: namedSignals.map(([name]) => [name, seen.get(name) ?? 0]) };
}
