/** Puts what a handler computed with its own clock into the engine's time. */
import { encodeMessage, MessageType } from "@holdfast/protocol";

import type { Sent } from "./bounded-failure.ts";

/** Two readings of two clocks may differ by so much, ms. */
const ROUNDING_MS = 2;

/**
 * A handler says until when it sleeps, by its wall clock. An engine whose time is ahead of the wall clock (it was set back)
 * would find that too early, or in the past.
 */
export function inEngineTime(sent: Sent, aheadOfWall: () => number): Sent {
  const { message } = sent;
  if (message.type !== MessageType.Sleep) return sent;
  const ahead = aheadOfWall();
  if (ahead <= ROUNDING_MS) return sent;
  const moved = { ...message, wakeUpAt: message.wakeUpAt + ahead };
  return { message: moved, body: encodeMessage(moved) };
}
