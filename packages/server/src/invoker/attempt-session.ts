import type { RecordBody, SessionMessage } from "@holdfast/engine";
/**
 * One attempt under way: gathers what its handler sends into records, and watches its timeouts.
 *
 * Messages are handed over once a turn, so that many small ones become one record. How the attempt ends is decided by the
 * fold; this object only makes sure that nothing is proposed after the message that ended it.
 */
import { MessageType, type SdkMessage } from "@holdfast/protocol";

import type { Sent } from "./bounded-failure.ts";
import type { Session } from "./wire.ts";

export type AttemptTimeouts = { readonly inactivityTimeoutMs: number; readonly abortTimeoutMs: number };

export type TimeoutAction = "none" | "request-suspend" | "abort";

/** All times here are those of `Clock.elapsed`: a wall clock that jumps cuts nobody off. */
export class AttemptSession {
  readonly id: string;
  readonly attempt: number;
  /** Set as soon as the wire has opened it. */
  session: Session | undefined;
  readonly #timeouts: AttemptTimeouts;
  #messages: SessionMessage[] = [];
  #childIds: string[] = [];
  #bytes = 0;
  #isOver = false;
  /** Time of the last message in either direction. */
  #lastActivity: number;
  #suspendRequestedAt: number | undefined;

  constructor(id: string, attempt: number, timeouts: AttemptTimeouts, now: number) {
    this.id = id;
    this.attempt = attempt;
    this.#timeouts = timeouts;
    this.#lastActivity = now;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Nothing that arrives from here on counts. */
  end(): void {
    this.#isOver = true;
  }

  /**
   * Takes a message that counts for so many bytes. Returns whether there was nothing to hand over before, so that the caller
   * asks for a flush.
   */
  add({ message, body }: Sent, bytes: number, childId: string | undefined, now: number): boolean {
    const isFirst = this.#messages.length === 0;
    this.#messages.push({ type: message.type, body, message });
    if (childId !== undefined) this.#childIds.push(childId);
    this.#bytes += bytes;
    this.#lastActivity = now;
    if (isEnding(message)) this.#isOver = true;
    return isFirst;
  }

  noteActivity(now: number): void {
    this.#lastActivity = now;
  }

  /** The record of what was sent since the last call, and for how many bytes its messages count. */
  take(): { readonly record: RecordBody; readonly bytes: number } | undefined {
    if (this.#messages.length === 0) return undefined;
    const taken = {
      record: {
        kind: "attempt-messages",
        id: this.id,
        attempt: this.attempt,
        messages: this.#messages,
        childIds: this.#childIds,
      } as const,
      bytes: this.#bytes,
    };
    this.#messages = [];
    this.#childIds = [];
    this.#bytes = 0;
    return taken;
  }

  /** Silence for the inactivity timeout: ask for suspension. Silence for the abort timeout after that: cut it off. */
  checkTimeouts(now: number): TimeoutAction {
    if (this.#isOver) return "none";
    if (this.#suspendRequestedAt === undefined) {
      if (now - this.#lastActivity < this.#timeouts.inactivityTimeoutMs) return "none";
      this.#suspendRequestedAt = now;
      return "request-suspend";
    }
    const since = Math.max(this.#suspendRequestedAt, this.#lastActivity);
    return now - since < this.#timeouts.abortTimeoutMs ? "none" : "abort";
  }

  get timeouts(): AttemptTimeouts {
    return this.#timeouts;
  }
}

function isEnding(message: SdkMessage): boolean {
  return (
    message.type === MessageType.End ||
    message.type === MessageType.Suspension ||
    message.type === MessageType.Error
  );
}
