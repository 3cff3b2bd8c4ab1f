/**
 * One established connection of the native wire, the engine's end. Frames of all sessions are gathered and written once a
 * turn; what a session may have under way is bounded by the credit its receiver granted.
 */
import type { JournalEntry } from "@holdfast/engine";
import {
  decodeCredit,
  decodeMessage,
  decodeReason,
  encodeMessage,
  FRAME_BODY_BYTES_MAX,
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

import type { ByteSocket } from "../byte-socket.ts";
import type { Clock } from "../clock.ts";
import type { Session, SessionListener } from "./wire.ts";

const PING_INTERVAL_MS = 10_000;
/** Silence after which the peer counts as gone: three pings without an answer. */
const SILENCE_MS_MAX = 30_000;
/** Credit is granted back in portions, not with every message. */
const CREDIT_PORTION = 1 / 2;

export type NativeConnectionOptions = {
  readonly clock: Clock;
  readonly socket: ByteSocket;
  readonly messageBytesMax: number;
  /** Makes what is written recognisable as ours, where the endpoint asks for that. */
  readonly seal?: (bytes: Uint8Array) => Uint8Array;
  /** Sessions that can be opened on one connection before it has to be replaced. Default: all numbers there are. */
  readonly sessionNumberMax?: number;
  /** What a session may have under way in either direction, bytes. The same at both ends; less only where it is to run out. */
  readonly creditBytes?: number;
  readonly onGoAway: () => void;
  readonly onClosed: () => void;
};

/** Session numbers have 32 bits, and none is used twice. */
const SESSION_NUMBER_MAX: number = 2 ** 32 - 1;
/** Frame types from here on concern the connection. One that is not known belongs to a later version, and is passed over. */
const FIRST_CONNECTION_TYPE = 0xfc00;

type OpenSession = {
  readonly number: number;
  readonly listener: SessionListener;
  /** Bytes that may still be sent. May fall below zero by one message. */
  credit: number;
  /** Frames that wait for credit: type and body. */
  readonly queue: Array<{ readonly type: number; readonly body: Uint8Array }>;
  /** Bytes that the peer may still send. May fall below zero by one message. */
  allowance: number;
  /** Bytes taken care of and not granted back yet. */
  consumed: number;
  /** The peer has sent something. */
  hasAnswered: boolean;
  isOver: boolean;
};

const NO_BODY = new Uint8Array(0);

export class NativeConnection {
  readonly #options: NativeConnectionOptions;
  readonly #decoder: FrameDecoder;
  readonly #writer: FrameWriter;
  readonly #creditBytes: number;
  readonly #sessions = new Map<number, OpenSession>();
  #nextSession = 1;
  /** What the newest ping carried that is not answered yet. One for all: pings cost whoever answers them no memory. */
  #owedPong: Uint8Array | undefined;
  #isWriteScheduled = false;
  #isBlocked = false;
  #isClosed = false;
  #closesWhenIdle = false;
  /** By the clock that only goes forward: no jump of the wall clock makes a peer silent. */
  #lastHeard: number;
  #stopPinging: () => void;

  constructor(options: NativeConnectionOptions) {
    this.#options = options;
    this.#creditBytes = options.creditBytes ?? INITIAL_SESSION_CREDIT_BYTES;
    this.#decoder = new FrameDecoder({ maxBodyBytes: options.messageBytesMax, tooLarge: "skip" });
    this.#writer = new FrameWriter({ maxBodyBytes: Math.max(options.messageBytesMax, FRAME_BODY_BYTES_MAX) });
    this.#lastHeard = options.clock.elapsed();
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
      credit: this.#creditBytes,
      queue: [],
      allowance: this.#creditBytes,
      consumed: 0,
      hasAnswered: false,
      isOver: false,
    };
    this.#sessions.set(number, session);
    this.#begin(session, this.#withinMessage(start));
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

  /** State that does not fit into a message beside everything else is left for the handler to fetch. */
  #withinMessage(start: StartMessage): StartMessage {
    let bytes = 0;
    for (const [key, value] of start.state) bytes += key.length + value.length;
    return bytes <= this.#options.messageBytesMax / 2 ? start : { ...start, state: [], partialState: true };
  }

  #begin(session: OpenSession, start: StartMessage): void {
    try {
      session.credit -= this.#writer.appendMessage(session.number, start);
    } catch (error) {
      this.#refuse(session, error);
    }
  }

  #send(session: OpenSession, type: number, body: Uint8Array): void {
    if (session.isOver || this.#isClosed) return;
    // What waits keeps its place: notifications arrive in the order of the journal.
    if (session.credit <= 0 || session.queue.length > 0) session.queue.push({ type, body });
    else this.#write(session, type, body);
  }

  #write(session: OpenSession, type: number, body: Uint8Array): void {
    try {
      session.credit -= this.#writer.append(type, session.number, body);
      this.#scheduleWrite();
    } catch (error) {
      this.#refuse(session, error);
    }
  }

  /** What cannot be sent: a journal may hold what is too large for today's limits. No other attempt would fare better. */
  #refuse(session: OpenSession, error: unknown): void {
    const reason = reasonOf(error);
    const isTooLarge = error instanceof ProtocolError && error.reason === "frame-too-large";
    this.#end(session);
    this.#writer.appendCloseSession(session.number, reason);
    this.#scheduleWrite();
    const code = isTooLarge ? "message-too-large" : "protocol-violation";
    // Whoever sends is not told within the call.
    queueMicrotask(() => session.listener.onLost(code, reason, true));
  }

  #sendAck(session: OpenSession, completionId: number): void {
    if (session.isOver || this.#isClosed) return;
    if (session.credit <= 0 || session.queue.length > 0) {
      this.#send(session, MessageType.RunAck, encodeMessage({ type: MessageType.RunAck, completionId }));
      return;
    }
    session.credit -= this.#writer.appendMessage(session.number, { type: MessageType.RunAck, completionId });
    this.#scheduleWrite();
  }

  #consumed(session: OpenSession, bytes: number): void {
    if (session.isOver || this.#isClosed) return;
    session.consumed += bytes;
    if (session.consumed < this.#creditBytes * CREDIT_PORTION) return;
    this.#writer.appendCredit(session.number, session.consumed);
    session.allowance += session.consumed;
    session.consumed = 0;
    this.#scheduleWrite();
  }

  #scheduleWrite(): void {
    if (this.#isWriteScheduled || this.#isBlocked || this.#isClosed) return;
    this.#isWriteScheduled = true;
    queueMicrotask(() => {
      this.#isWriteScheduled = false;
      this.send();
    });
  }

  send(): void {
    if (this.#isClosed || this.#isBlocked) return;
    if (this.#owedPong !== undefined) this.#writer.appendPong(this.#owedPong);
    this.#owedPong = undefined;
    if (this.#writer.length === 0) return;
    this.#isBlocked = !this.#writeOut();
  }

  #writeOut(): boolean {
    const { socket, seal } = this.#options;
    const bytes = this.#writer.take();
    return socket.write(seal === undefined ? bytes : seal(bytes));
  }

  receive(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    this.#lastHeard = this.#options.clock.elapsed();
    let frames: readonly Frame[];
    try {
      frames = this.#decoder.push(chunk);
    } catch (error) {
      // The place in the stream is lost, and with it every session on it.
      this.#lost(reasonOf(error));
      return;
    }
    for (const frame of frames) this.#dispatch(frame);
  }

  #dispatch(frame: Frame): void {
    if (frame.session === 0) {
      if (frame.type === FrameType.Ping) {
        this.#owedPong = frame.body.slice();
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
        // One that never answered was turned away at the door: too many attempts there, or shutting down.
        session.listener.onLost("connection-lost", this.#reason(frame.body), session.hasAnswered);
        return;
      case FrameType.Credit:
        this.#granted(session, frame.body);
        return;
      default:
        if (frame.type < FIRST_CONNECTION_TYPE) this.#message(session, frame);
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
    const { queue } = session;
    let sent = 0;
    for (; sent < queue.length && session.credit > 0 && !session.isOver; sent++) {
      const next = queue[sent];
      if (next !== undefined) this.#write(session, next.type, next.body);
    }
    queue.splice(0, sent);
  }

  #message(session: OpenSession, frame: Frame): void {
    if (frame.skippedBytes !== undefined) {
      const limit = `session.messageBytesMax (${this.#options.messageBytesMax})`;
      this.#abandon(
        session,
        "message-too-large",
        `A message of ${frame.skippedBytes} bytes is larger than the limit ${limit}`,
      );
      return;
    }
    if (session.allowance <= 0) {
      this.#violate(session, new Error("More was sent than the credit that was granted allows"));
      return;
    }
    session.hasAnswered = true;
    session.allowance -= frame.body.length;
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
    this.#abandon(session, "protocol-violation", reasonOf(error));
  }

  #abandon(session: OpenSession, code: "protocol-violation" | "message-too-large", reason: string): void {
    this.#writer.appendCloseSession(session.number, reason);
    this.#scheduleWrite();
    this.#end(session);
    session.listener.onLost(code, reason, true);
  }

  #end(session: OpenSession): void {
    session.isOver = true;
    session.queue.length = 0;
    this.#sessions.delete(session.number);
    if (this.#closesWhenIdle) this.#closeIfIdle();
  }

  /** No number is left for another session. */
  get isUsedUp(): boolean {
    return this.#nextSession > (this.#options.sessionNumberMax ?? SESSION_NUMBER_MAX);
  }

  /** Opens no more sessions, and ends with the last one. */
  closeWhenIdle(): void {
    this.#closesWhenIdle = true;
    this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    if (this.#sessions.size > 0 || this.#isClosed) return;
    queueMicrotask(() => this.close("This connection is replaced by another"));
  }

  #ping(): void {
    if (this.#isClosed) return;
    if (this.#options.clock.elapsed() - this.#lastHeard > SILENCE_MS_MAX) {
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
    this.#writeOut();
    this.#lost(reason);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
