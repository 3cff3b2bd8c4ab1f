/**
 * One established connection of the native wire, the engine's end. Frames of all sessions are gathered and written once a
 * turn; what a session may have under way is bounded by the credit its receiver granted.
 */
import type { Socket } from "node:net";

import type { JournalEntry } from "@holdfast/engine";
import {
  decodeCredit,
  decodeMessage,
  decodeReason,
  encodeMessage,
  FrameDecoder,
  FrameType,
  FrameWriter,
  INITIAL_SESSION_CREDIT_BYTES,
  MessageType,
  ProtocolError,
  type Frame,
  type SdkMessage,
  type StartMessage,
} from "@holdfast/protocol";

import type { Clock } from "../clock.ts";
import type { Session, SessionListener } from "./wire.ts";

const PING_INTERVAL_MS = 10_000;
/** Silence after which the peer counts as gone: three pings without an answer. */
const SILENCE_MS_MAX = 30_000;
/** Credit is granted back in portions, not with every message. */
const CREDIT_PORTION_BYTES: number = INITIAL_SESSION_CREDIT_BYTES / 2;

export type NativeConnectionOptions = {
  readonly clock: Clock;
  readonly socket: Socket;
  readonly messageBytesMax: number;
  readonly onGoAway: () => void;
  readonly onClosed: () => void;
};

type OpenSession = {
  readonly number: number;
  readonly listener: SessionListener;
  /** Bytes that may still be sent. May fall below zero by one message. */
  credit: number;
  /** Frames that wait for credit: type and body. */
  readonly queue: Array<{ readonly type: number; readonly body: Uint8Array }>;
  /** Bytes taken care of and not granted back yet. */
  consumed: number;
  isOver: boolean;
};

const NO_BODY = new Uint8Array(0);

export class NativeConnection {
  readonly #options: NativeConnectionOptions;
  readonly #decoder: FrameDecoder;
  readonly #writer: FrameWriter;
  readonly #sessions = new Map<number, OpenSession>();
  #nextSession = 1;
  #isWriteScheduled = false;
  #isBlocked = false;
  #isClosed = false;
  #lastHeard: number;
  #stopPinging: () => void;

  constructor(options: NativeConnectionOptions) {
    this.#options = options;
    this.#decoder = new FrameDecoder({ maxBodyBytes: options.messageBytesMax });
    this.#writer = new FrameWriter({ maxBodyBytes: options.messageBytesMax * 2 });
    this.#lastHeard = options.clock.now();
    const { socket } = options;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => this.receive(chunk));
    socket.on("drain", () => {
      this.#isBlocked = false;
      this.#scheduleWrite();
    });
    socket.on("error", () => {}); // "close" follows and tells why nothing more will come.
    socket.on("close", () => this.#lost("The connection to the handler's process was lost"));
    this.#stopPinging = options.clock.after(PING_INTERVAL_MS, () => this.#ping());
  }

  open(start: StartMessage, journal: readonly JournalEntry[], listener: SessionListener): Session {
    const number = this.#nextSession;
    this.#nextSession += 1;
    const session: OpenSession = {
      number,
      listener,
      credit: INITIAL_SESSION_CREDIT_BYTES,
      queue: [],
      consumed: 0,
      isOver: false,
    };
    this.#sessions.set(number, session);
    session.credit -= this.#writer.appendMessage(number, start);
    for (const entry of journal) this.#send(session, entry.type, entry.body);
    this.#scheduleWrite();
    return {
      deliver: (entry) => this.#send(session, entry.type, entry.body),
      ackRun: (completionId) => this.#sendAck(session, completionId),
      requestSuspend: () => this.#send(session, MessageType.SuspendRequest, NO_BODY),
      consumed: (bytes) => this.#consumed(session, bytes),
      abort: (reason) => {
        if (session.isOver) return;
        this.#end(session);
        this.#writer.appendCloseSession(number, reason);
        this.#scheduleWrite();
      },
    };
  }

  #send(session: OpenSession, type: number, body: Uint8Array): void {
    if (session.isOver || this.#isClosed) return;
    if (session.credit <= 0 || session.queue.length > 0) {
      session.queue.push({ type, body });
      return;
    }
    session.credit -= this.#writer.append(type, session.number, body);
    this.#scheduleWrite();
  }

  #sendAck(session: OpenSession, completionId: number): void {
    if (session.isOver || this.#isClosed) return;
    if (session.credit <= 0 || session.queue.length > 0) {
      // Behind what waits, so that notifications keep their order.
      this.#send(session, MessageType.RunAck, encodeMessage({ type: MessageType.RunAck, completionId }));
      return;
    }
    session.credit -= this.#writer.appendMessage(session.number, { type: MessageType.RunAck, completionId });
    this.#scheduleWrite();
  }

  #consumed(session: OpenSession, bytes: number): void {
    if (session.isOver || this.#isClosed) return;
    session.consumed += bytes;
    if (session.consumed < CREDIT_PORTION_BYTES) return;
    this.#writer.appendCredit(session.number, session.consumed);
    session.consumed = 0;
    this.#scheduleWrite();
  }

  #scheduleWrite(): void {
    if (this.#isWriteScheduled || this.#isBlocked || this.#isClosed) return;
    this.#isWriteScheduled = true;
    queueMicrotask(() => {
      this.#isWriteScheduled = false;
      if (this.#isClosed || this.#writer.length === 0) return;
      this.#isBlocked = !this.#options.socket.write(this.#writer.take());
    });
  }

  receive(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    this.#lastHeard = this.#options.clock.now();
    let frames: readonly Frame[];
    try {
      frames = this.#decoder.push(chunk);
    } catch (error) {
      // The place in the stream is lost, and with it every session on it.
      this.#lost(error instanceof ProtocolError ? error.message : String(error));
      return;
    }
    for (const frame of frames) this.#dispatch(frame);
  }

  #dispatch(frame: Frame): void {
    if (frame.session === 0) {
      if (frame.type === FrameType.Ping) {
        this.#writer.appendPong(frame.body);
        this.#scheduleWrite();
      } else if (frame.type === FrameType.GoAway) {
        this.#options.onGoAway();
      }
      return;
    }
    const session = this.#sessions.get(frame.session);
    // A session that is over: its last frames crossed the ending on their way.
    if (session === undefined) return;
    switch (frame.type) {
      case FrameType.CloseSession:
        this.#end(session);
        session.listener.onLost("connection-lost", this.#reason(frame.body), true);
        return;
      case FrameType.Credit:
        this.#granted(session, frame.body);
        return;
      default:
        this.#message(session, frame);
    }
  }

  #reason(body: Uint8Array): string {
    try {
      return decodeReason(body) || "The handler's side closed the session";
    } catch {
      // A reason that cannot be read is none.
      return "The handler's side closed the session";
    }
  }

  #granted(session: OpenSession, body: Uint8Array): void {
    try {
      session.credit += decodeCredit(body);
    } catch (error) {
      this.#violate(session, error);
      return;
    }
    const waiting = session.queue.splice(0);
    for (const { type, body: next } of waiting) this.#send(session, type, next);
  }

  #message(session: OpenSession, frame: Frame): void {
    let message: SdkMessage;
    // The chunk's memory would otherwise be kept as long as the journal entry.
    const body = frame.body.slice();
    try {
      message = decodeMessage(frame.type, body) as SdkMessage;
    } catch (error) {
      this.#violate(session, error);
      return;
    }
    if (
      message.type === MessageType.End ||
      message.type === MessageType.Suspension ||
      message.type === MessageType.Error
    ) {
      this.#end(session);
    }
    session.listener.onMessage(message, body);
  }

  #violate(session: OpenSession, error: unknown): void {
    this.#end(session);
    const reason = error instanceof Error ? error.message : String(error);
    this.#writer.appendCloseSession(session.number, reason);
    this.#scheduleWrite();
    session.listener.onLost("protocol-violation", reason, true);
  }

  #end(session: OpenSession): void {
    session.isOver = true;
    this.#sessions.delete(session.number);
  }

  #ping(): void {
    if (this.#isClosed) return;
    if (this.#options.clock.now() - this.#lastHeard > SILENCE_MS_MAX) {
      this.#lost(`The handler's process has been silent for ${SILENCE_MS_MAX} ms`);
      return;
    }
    this.#writer.appendPing();
    this.#scheduleWrite();
    this.#stopPinging = this.#options.clock.after(PING_INTERVAL_MS, () => this.#ping());
  }

  #lost(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopPinging();
    // What was written before may still go out.
    this.#options.socket.destroySoon();
    this.#options.onClosed();
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) {
      session.isOver = true;
      session.listener.onLost("connection-lost", reason, true);
    }
  }

  /** Ends the connection, and with it the sessions that are on it. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#writer.appendGoAway(reason);
    this.#options.socket.write(this.#writer.take());
    this.#lost(reason);
  }
}
