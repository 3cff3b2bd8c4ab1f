/**
 * The order of notifications: one at a time, each only after everything the one before set in motion has run.
 *
 * What the journal held when the attempt began ("known") and what comes live pass through the same queue by the same
 * rule; that is the whole reason why a replay ends like the first time.
 */
import { CANCEL_SIGNAL, MessageType, type Notification, type RunAckMessage } from "@holdfast/protocol";

import type { Turns } from "./turns.ts";

/** What has a place in the order. The acknowledgement of a step's result stands where its completion will be on a replay. */
export type Incoming = Notification | RunAckMessage;

export interface InboxReader {
  deliver(message: Incoming): void;
  /** The last known one has been delivered, and what it set in motion has run. */
  knownDelivered(): void;
}

export class Inbox {
  readonly #turns: Turns;
  readonly #reader: InboxReader;
  /** Those that were delivered are let go of at once: a journal may hold a million. */
  readonly #queue: Array<Incoming | undefined> = [];
  #next = 0;
  #known = 0;
  #isOpen = false;
  #isClosed = false;
  #isScheduled = false;
  #round = 0;

  constructor(turns: Turns, reader: InboxReader) {
    this.#turns = turns;
    this.#reader = reader;
  }

  /** How many of those that the journal held have not been delivered. */
  get known(): number {
    return this.#known;
  }

  get isEmpty(): boolean {
    return this.#next === this.#queue.length;
  }

  /** Appends one of the journal. */
  load(message: Incoming): void {
    this.#queue.push(message);
    this.#known += 1;
  }

  /** Appends one that came live. Called by the engine, which must not be called back from here. */
  push(message: Incoming): void {
    if (this.#isClosed) return;
    this.#queue.push(message);
    if (!this.#isOpen || this.#isScheduled) return;
    if (this.#turns.isOver(this.#round) && !mayAnswer(message)) this.#deliverNext();
    else this.#schedule();
  }

  /** The handler's function has been called: from here on it can take notifications. */
  open(): void {
    this.#isOpen = true;
    this.#round = this.#turns.touch();
    if (!this.isEmpty) this.#schedule();
  }

  close(): void {
    this.#isClosed = true;
  }

  #schedule(): void {
    this.#isScheduled = true;
    this.#turns.whenQuiet(() => {
      this.#isScheduled = false;
      if (this.#isClosed || this.isEmpty) return;
      this.#deliverNext();
      if (!this.isEmpty) this.#schedule();
    });
  }

  #deliverNext(): void {
    const message = this.#queue[this.#next];
    if (message === undefined) return;
    this.#queue[this.#next] = undefined;
    this.#next += 1;
    if (this.#next === this.#queue.length) {
      this.#queue.length = 0;
      this.#next = 0;
    }
    this.#round = this.#turns.touch();
    this.#reader.deliver(message);
    if (this.#known === 0) return;
    this.#known -= 1;
    if (this.#known === 0) this.#turns.whenQuiet(() => this.#reader.knownDelivered());
  }
}

/** Whether taking it may make the session send something at once. */
function mayAnswer(message: Incoming): boolean {
  if (message.type === MessageType.Signal) return message.index === CANCEL_SIGNAL;
  return message.type === MessageType.CallInvocationIdCompletion;
}
