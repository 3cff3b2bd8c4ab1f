/**
 * The port between the invoker and the wires: how one attempt is driven, whatever carries its messages.
 */
import type { JournalEntry } from "@holdfast/engine";
import type { StartMessage } from "@holdfast/protocol";
import type { SdkMessage } from "@holdfast/protocol";

/** The engine's half of a session: what the SDK's messages are told to. */
export interface SessionListener {
  /**
   * In the order they were sent. `body` is the encoded message; it may be kept. `bytes`: what it counts for until it is
   * `consumed`; default: its body.
   */
  onMessage(message: SdkMessage, body: Uint8Array, bytes?: number): void;
  /**
   * The session ended without Suspension, Error or End: `reached` says whether the handler's side ever got to it. Called
   * at most once, and not after `abort`.
   */
  onLost(code: LossCode, reason: string, reached: boolean, next?: NextTry): void;
}

export type LossCode =
  | "connection-lost"
  | "protocol-violation"
  | "message-too-large"
  | "future-too-deep"
  | "endpoint-refused";

/** What becomes of a lost attempt, where the wire knows better than the rules that hold for all. */
export type NextTry = {
  /** Whether it uses up one of the retry policy's attempts, which also ends in a pause at last. */
  readonly isCounted: boolean;
  /** Instead of the policy's delay. */
  readonly delayMs?: number;
};

/** The SDK's half of a session, as the engine drives it. None of these throws; none calls the listener synchronously. */
export interface Session {
  deliver(entry: JournalEntry): void;
  /** A step's proposed result is durable: `entry` is its completion as recorded. In its place among the notifications. */
  ackRun(completionId: number, entry: JournalEntry): void;
  /** Finish what is executing, then suspend. */
  requestSuspend(): void;
  /** The attempt is over for the engine; the listener hears nothing more. */
  abort(reason: string): void;
  /** What messages count for that the engine has taken care of: lets the sender go on. */
  consumed(bytes: number): void;
}

/** The way to one deployment. */
export interface Wire {
  /**
   * Opens a session: `start`, then `journal` (exactly `start.knownEntries` entries). `restateVersion` is that of Restate's
   * protocol which the invocation is pinned to, for the wire that speaks it.
   */
  open(
    start: StartMessage,
    journal: readonly JournalEntry[],
    listener: SessionListener,
    restateVersion: number,
  ): Session;
  /** Sends now what would otherwise be gathered until the end of the turn. */
  send(): void;
  /** False while the deployment is known not to answer. */
  readonly isReachable: boolean;
  close(): void;
}

/** Why there is no way to a deployment. */
export type NoWire = {
  /** It is not registered any more. Otherwise it may yet come back. */
  readonly isGone: boolean;
  readonly reason: string;
};
