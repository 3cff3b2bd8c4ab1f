/** Puts what a handler computed with its own clock into the engine's time. */
import { encodeMessage, MessageType, type SdkMessage } from "@holdfast/protocol";

import type { Sent } from "./bounded-failure.ts";

/** Two readings of two clocks may differ by so much, ms. */
const ROUNDING_MS = 2;

/**
 * A handler says by its wall clock until when it sleeps and when what it sends begins. An engine whose time is ahead of the
 * wall clock (it was set back) would find that too early, or in the past.
 */
export function inEngineTime(sent: Sent, aheadOfWall: () => number): Sent {
  const { message } = sent;
  if (!namesTime(message)) return sent;
  const ahead = aheadOfWall();
  if (ahead <= ROUNDING_MS) return sent;
  const moved = movedBy(ahead, message);
  return { message: moved, body: encodeMessage(moved) };
}

type Timed = Extract<
  SdkMessage,
  { readonly type: typeof MessageType.Sleep | typeof MessageType.OneWayCall | typeof MessageType.Reschedule }
>;

function namesTime(message: SdkMessage): message is Timed {
  switch (message.type) {
    case MessageType.Sleep:
      return true;
    case MessageType.OneWayCall:
    case MessageType.Reschedule:
      // 0 is no time but "at once".
      return message.invokeAt !== 0;
    default:
      return false;
  }
}

function movedBy(ms: number, message: Timed): Timed {
  // The wire carries no later time; "for ever" stays that.
  const later = (time: number): number => Math.min(time + ms, Number.MAX_SAFE_INTEGER);
  return message.type === MessageType.Sleep
    ? { ...message, wakeUpAt: later(message.wakeUpAt) }
    : { ...message, invokeAt: later(message.invokeAt) };
}
