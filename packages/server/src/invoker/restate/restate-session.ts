/**
 * One attempt of a handler behind a Restate SDK: one request whose body is what the engine says, and whose response is what
 * the SDK says.
 *
 * What is half-closed cannot be told anything more. That is how an SDK is asked to suspend, and how one in request/response
 * mode is driven from the beginning; what is appended to the journal afterwards is found by the fold when the suspension
 * arrives.
 */
import type { IncomingHttpHeaders } from "node:http";

import type { JournalEntry } from "@holdfast/engine";
import {
  encodeMessage,
  encodeRestateStart,
  MessageType,
  ProtocolError,
  type StartMessage,
} from "@holdfast/protocol";

import type { Clock } from "../../clock.ts";
import type { Session, SessionListener } from "../wire.ts";
import type { Exchange, ExchangeListener, ExchangeRequest, Transport } from "./exchange.ts";
import { endsAttempt, isAdvisory, readIncoming, WANTS_ACK } from "./incoming-message.ts";
import { sentBody } from "./outgoing-journal.ts";
import { refusalOf } from "./refused-attempt.ts";
import {
  RESTATE_HEADER_BYTES,
  RestateFrameReader,
  writeRestateFrame,
  type RestateFrame,
} from "./restate-frame.ts";
import { ToldNotifications } from "./told-notifications.ts";

/** Small frames are put together up to this size. */
const CHUNK_BYTES = 64 * 1024;
/** Messages that the engine has not taken care of yet, in bytes: at more, nothing is read. */
const UNCONSUMED_BYTES_MAX: number = 1024 * 1024;
/** What a message costs beside its body, which can be empty. */
const MESSAGE_BYTES = 512;
/** An SDK ends its response once it has read the end of the request. One that does not is cut off. */
const DRAIN_TIMEOUT_MS = 5_000;

export type RestateSessionOptions = {
  readonly clock: Clock;
  readonly transport: Transport;
  readonly request: ExchangeRequest;
  /** Media type of the session. */
  readonly contentType: string;
  readonly protocolVersion: number;
  /** The request ends with the journal. */
  readonly isRequestResponse: boolean;
  readonly messageBytesMax: number;
};

export class RestateSession implements Session, ExchangeListener {
  readonly #options: RestateSessionOptions;
  readonly #listener: SessionListener;
  readonly #reader: RestateFrameReader;
  readonly #exchange: Exchange;
  /** What waits to be written, in order; `#sent` of them are. */
  #queue: Array<{ readonly type: number; readonly body: Uint8Array }> = [];
  #sent = 0;
  #isWritable = false;
  #isPumpScheduled = false;
  /** Nothing more is to be written behind the queue. */
  #isHalfClosed: boolean;
  #hasEnded = false;
  readonly #told: ToldNotifications;
  /** Completion ids of proposals that are to be confirmed by a message of their own. */
  readonly #wantAck = new Set<number>();
  #unconsumed = 0;
  #isPaused = false;
  #hasHead = false;
  /** The listener has heard the last of it. The exchange may still be draining. */
  #isOver = false;
  #stopDraining: (() => void) | undefined;

  constructor(
    options: RestateSessionOptions,
    start: StartMessage,
    journal: readonly JournalEntry[],
    listener: SessionListener,
  ) {
    this.#options = options;
    this.#listener = listener;
    this.#reader = new RestateFrameReader(options.messageBytesMax);
    this.#told = new ToldNotifications(options.protocolVersion);
    this.#queue.push({ type: MessageType.Start, body: encodeRestateStart(start, options.protocolVersion) });
    for (const entry of journal) this.#enqueue(entry);
    this.#isHalfClosed = options.isRequestResponse;
    this.#exchange = options.transport.open(options.request, this);
  }

  // -- what the engine says --

  deliver(entry: JournalEntry): void {
    if (this.#isHalfClosed || this.#isOver) return;
    this.#enqueue(entry);
    this.#schedulePump();
  }

  /** By the step's completion, unless the SDK asked for less: it knows the result already. */
  ackRun(completionId: number, entry: JournalEntry): void {
    if (!this.#wantAck.delete(completionId)) {
      this.deliver(entry);
      return;
    }
    if (this.#isHalfClosed || this.#isOver) return;
    this.#told.noteCompletion(completionId);
    const ack = { type: MessageType.RunAck, completionId } as const;
    this.#queue.push({ type: ack.type, body: encodeMessage(ack) });
    this.#schedulePump();
  }

  requestSuspend(): void {
    if (this.#isHalfClosed || this.#isOver) return;
    this.#isHalfClosed = true;
    this.#schedulePump();
  }

  abort(_reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#exchange.cancel();
  }

  consumed(bytes: number): void {
    this.#unconsumed -= bytes;
    if (!this.#isPaused || this.#unconsumed > UNCONSUMED_BYTES_MAX / 2) return;
    this.#isPaused = false;
    this.#exchange.resume();
  }

  #enqueue(entry: JournalEntry): void {
    this.#told.note(entry);
    this.#queue.push({ type: entry.type, body: sentBody(entry) });
  }

  /** What is said in one turn goes out together. */
  #schedulePump(): void {
    if (this.#isPumpScheduled) return;
    this.#isPumpScheduled = true;
    queueMicrotask(() => {
      this.#isPumpScheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#isWritable && this.#sent < this.#queue.length) {
      this.#isWritable = this.#exchange.write(this.#nextChunk());
    }
    if (this.#sent < this.#queue.length) return;
    this.#queue = [];
    this.#sent = 0;
    if (!this.#isHalfClosed || this.#hasEnded || !this.#isWritable) return;
    this.#hasEnded = true;
    this.#exchange.end();
  }

  /** The next frames, as many as fit into a chunk, at least one. */
  #nextChunk(): Uint8Array {
    let bytes = 0;
    let end = this.#sent;
    for (; end < this.#queue.length; end++) {
      const more = RESTATE_HEADER_BYTES + (this.#queue[end]?.body.length ?? 0);
      if (bytes > 0 && bytes + more > CHUNK_BYTES) break;
      bytes += more;
    }
    const chunk = new Uint8Array(bytes);
    let at = 0;
    for (const { type, body } of this.#queue.slice(this.#sent, end)) {
      at = writeRestateFrame(chunk, at, type, body);
    }
    this.#sent = end;
    return chunk;
  }

  // -- what the SDK says --

  onWritable(): void {
    this.#isWritable = true;
    this.#pump();
  }

  onHead(status: number, headers: IncomingHttpHeaders): void {
    this.#hasHead = true;
    if (this.#isOver) return;
    const { contentType, clock } = this.#options;
    const refusal = refusalOf(status, headers, contentType, clock.now());
    if (refusal === undefined) return;
    this.#isOver = true;
    this.#exchange.cancel();
    this.#listener.onLost(refusal.code, refusal.reason, true, refusal.next);
  }

  onData(chunk: Uint8Array): void {
    // Behind its last message an SDK has nothing to say; it is read so that the response can end.
    if (this.#isOver) return;
    try {
      this.#reader.push(chunk, (frame) => this.#take(frame));
    } catch (error) {
      this.#violated(error);
    }
    if (this.#isOver || this.#isPaused || this.#unconsumed <= UNCONSUMED_BYTES_MAX) return;
    this.#isPaused = true;
    this.#exchange.pause();
  }

  #take(frame: RestateFrame): void {
    if (this.#isOver) return;
    const { protocolVersion } = this.#options;
    if (isAdvisory(frame, protocolVersion)) return;
    let { message, body } = readIncoming(frame, protocolVersion);
    if (message.type === MessageType.Suspension) {
      message = this.#told.withoutTold(message, this.#hasEnded);
      body = encodeMessage(message);
    } else if (message.type === MessageType.ProposeRunCompletion && frame.flags === WANTS_ACK) {
      this.#wantAck.add(message.completionId);
    }
    const bytes = MESSAGE_BYTES + body.length;
    this.#unconsumed += bytes;
    if (endsAttempt(message)) this.#drain();
    this.#listener.onMessage(message, body, bytes);
  }

  /** The SDK reads on until the request ends, and ends its response only then. */
  #drain(): void {
    this.#isOver = true;
    this.#isHalfClosed = true;
    this.#queue = [];
    this.#sent = 0;
    if (!this.#hasEnded) {
      this.#hasEnded = true;
      this.#exchange.end();
    }
    if (this.#isPaused) this.#exchange.resume();
    this.#stopDraining = this.#options.clock.after(DRAIN_TIMEOUT_MS, () => this.#exchange.cancel());
  }

  #violated(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#exchange.cancel();
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof ProtocolError && error.reason === "frame-too-large") {
      // The same code would send the same again.
      this.#listener.onLost("message-too-large", reason, true);
    } else if (error instanceof ProtocolError && error.reason === "nested-too-deep") {
      this.#listener.onLost("future-too-deep", reason, true);
    } else {
      this.#listener.onLost("protocol-violation", reason, true, { isCounted: true });
    }
  }

  onEnd(): void {
    this.#stopDraining?.();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#exchange.cancel();
    const where = this.#reader.isBetweenFrames ? "without saying how the attempt ended" : "within a message";
    this.#listener.onLost("connection-lost", `The endpoint ended its response ${where}`, true);
  }

  onBroken(reason: string, isReached: boolean): void {
    this.#stopDraining?.();
    if (this.#isOver) return;
    this.#isOver = true;
    const what = this.#hasHead ? "The session was cut off" : "The endpoint cannot be reached";
    this.#listener.onLost("connection-lost", `${what}: ${reason}`, isReached);
  }
}
