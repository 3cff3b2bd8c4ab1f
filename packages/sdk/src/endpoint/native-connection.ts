/**
 * The native wire, the SDK's end: all sessions of one engine on one connection, independent of what carries the bytes.
 *
 * What is sent in one round of the event loop goes out as one write. Credit bounds what a session may have under way in
 * either direction, so that a slow reader holds up that session and not the memory of the process.
 */
import {
  decodeCredit,
  decodeMessage,
  decodeReason,
  ErrorBehavior,
  FrameDecoder,
  FrameType,
  FrameWriter,
  INITIAL_SESSION_CREDIT_BYTES,
  MessageType,
  type EngineMessage,
  type Frame,
  type SdkEnd,
  type SdkMessage,
} from "@holdfast/protocol";

import type { Environment } from "../replay/environment.ts";
import type { ProgramTable } from "./program-table.ts";

/** What carries the bytes. */
export interface BytePipe {
  /** False: hold back until `resume` of the connection is called. */
  write(bytes: Uint8Array): boolean;
  /** Sends what was written and ends. */
  end(): void;
  /** Ends at once. */
  destroy(): void;
}

export interface NativeConnectionOptions {
  readonly pipe: BytePipe;
  readonly programs: ProgramTable;
  readonly environment: Environment;
  /** Largest body of a frame, in bytes. A peer that announces a larger one loses the connection. */
  readonly frameBytesMax: number;
  /** Sessions at the same time. More are refused, and tried again by the engine. */
  readonly sessionsMax: number;
  /** The deployment that the engine signed the connection for. Attempts of another are refused on it. */
  readonly deployment?: string;
  /** What a session may have under way in either direction, bytes. The same at both ends; less only where it is to run out. */
  readonly creditBytes?: number;
  /** Receives why a connection was given up. */
  readonly onProblem: (message: string) => void;
}

interface OpenSession {
  readonly number: number;
  sdk: SdkEnd | undefined;
  /** Journal messages that still belong to the start. Kept for as long as the session, so copied out of the chunk. */
  entriesMissing: number;
  /** Bytes of bodies that may still be sent. May fall below zero by one message. */
  credit: number;
  /** What waits for credit. */
  readonly waiting: SdkMessage[];
  /** Bytes received and not granted back yet. */
  received: number;
  /** The SDK's side has said its last word. */
  hasEnded: boolean;
}

/** Credit is granted back in portions, not with every message. */
const CREDIT_PORTION = 1 / 2;
/**
 * Sessions that may be opened while the engine takes nothing from the pipe. Credit bounds what each has to say, but not how
 * many there are: each leaves at least a refusal behind, which waits in memory. An engine that works reads in between.
 */
const OPENED_UNREAD_MAX = 10_000;
const USER_ERROR = 500;

export class NativeConnection {
  readonly #options: NativeConnectionOptions;
  readonly #decoder: FrameDecoder;
  readonly #writer: FrameWriter;
  readonly #creditBytes: number;
  readonly #sessions = new Map<number, OpenSession>();
  /** What the newest ping carried that is not answered yet. One for all: pings cost whoever answers them no memory. */
  #owedPong: Uint8Array | undefined = undefined;
  #isWriteScheduled = false;
  #isHeldBack = false;
  /** Sessions opened since the pipe last took bytes. */
  #openedUnread = 0;
  #isClosed = false;
  #isDraining = false;
  #whenDrained: (() => void) | undefined = undefined;

  constructor(options: NativeConnectionOptions) {
    this.#options = options;
    this.#creditBytes = options.creditBytes ?? INITIAL_SESSION_CREDIT_BYTES;
    this.#decoder = new FrameDecoder({ maxBodyBytes: options.frameBytesMax });
    this.#writer = new FrameWriter({ maxBodyBytes: options.frameBytesMax });
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Bytes from the engine. */
  receive(chunk: Uint8Array): void {
    if (this.#isClosed) return;
    let frames: readonly Frame[];
    try {
      frames = this.#decoder.push(chunk);
    } catch (error) {
      // The place in the stream is lost, and with it every session on it.
      const problem = error instanceof Error ? error.message : String(error);
      this.#giveUp(problem, "the connection carries something that is not the native wire");
      return;
    }
    for (const frame of frames) {
      this.#take(frame);
      if (this.#isClosed) return;
    }
  }

  #giveUp(problem: string, reason: string): void {
    this.#options.onProblem(problem);
    this.lost(reason);
    this.#options.pipe.destroy();
  }

  /** The pipe takes bytes again. */
  resume(): void {
    this.#isHeldBack = false;
    this.#openedUnread = 0;
    this.#scheduleWrite();
  }

  /** The pipe is gone. Attempts that run are over; the engine begins new ones. */
  lost(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const session of this.#sessions.values()) session.sdk?.abort(reason);
    this.#sessions.clear();
    this.#whenDrained?.();
  }

  /** Takes no new sessions, has those that only wait suspend, and resolves when none is left. */
  drain(reason: string): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isDraining = true;
    this.#writer.appendGoAway(reason);
    this.#scheduleWrite();
    if (this.#sessions.size === 0) return Promise.resolve();
    for (const { sdk } of this.#sessions.values()) sdk?.receive({ type: MessageType.SuspendRequest });
    return new Promise((resolve) => {
      this.#whenDrained = resolve;
    });
  }

  /** Gives up what still runs, and ends the pipe. */
  close(reason: string): void {
    if (this.#isClosed) return;
    for (const { number } of this.#sessions.values()) this.#writer.appendCloseSession(number, reason);
    if (this.#writer.length > 0) this.#options.pipe.write(this.#writer.take());
    this.lost(reason);
    this.#options.pipe.end();
  }

  #take(frame: Frame): void {
    if (frame.session === 0) {
      if (frame.type !== FrameType.Ping) return;
      this.#owedPong = frame.body.slice();
      this.#scheduleWrite();
      return;
    }
    if (frame.type === MessageType.Start) {
      this.#open(frame);
      return;
    }
    const session = this.#sessions.get(frame.session);
    if (session === undefined) return; // It is over: this frame crossed its end on the way.
    try {
      this.#dispatch(session, frame);
    } catch (error) {
      this.#breakOff(session, error instanceof Error ? error.message : String(error));
    }
  }

  #dispatch(session: OpenSession, frame: Frame): void {
    if (frame.type === FrameType.CloseSession) {
      this.#sessions.delete(session.number);
      session.sdk?.abort(decodeReason(frame.body));
      this.#noteEnd();
    } else if (frame.type === FrameType.Credit) {
      session.credit += decodeCredit(frame.body);
      this.#sendWaiting(session);
    } else {
      this.#noteReceived(session, frame.body.length);
      if (session.entriesMissing > 0) session.entriesMissing -= 1;
      session.sdk?.receive(decodeMessage(frame.type, frame.body) as EngineMessage);
    }
  }

  #open(frame: Frame): void {
    const number = frame.session;
    if (this.#sessions.has(number)) return;
    if (this.#isHeldBack) this.#openedUnread += 1;
    if (this.#openedUnread > OPENED_UNREAD_MAX) {
      const problem = `The engine opened more than ${OPENED_UNREAD_MAX} sessions in a row without reading what it is sent`;
      this.#giveUp(problem, "the engine does not read");
      return;
    }
    const refusal = this.#isDraining
      ? "this process is shutting down"
      : this.#sessions.size >= this.#options.sessionsMax
        ? `this process runs ${this.#sessions.size} attempts, and sessionsMax allows no more`
        : undefined;
    if (refusal !== undefined) {
      this.#writer.appendCloseSession(number, refusal);
      this.#scheduleWrite();
      return;
    }
    const session: OpenSession = {
      number,
      sdk: undefined,
      entriesMissing: 0,
      credit: this.#creditBytes,
      waiting: [],
      received: 0,
      hasEnded: false,
    };
    this.#sessions.set(number, session);
    try {
      const start = decodeMessage(frame.type, frame.body.slice());
      if (start.type !== MessageType.Start) return;
      const { deployment } = this.#options;
      if (deployment !== undefined && start.deployment !== deployment) {
        this.#breakOff(session, `this connection is for deployment ${deployment}, not ${start.deployment}`);
        return;
      }
      session.entriesMissing = start.knownEntries;
      this.#noteReceived(session, frame.body.length);
      const engine = {
        receive: (message: SdkMessage) => this.#send(session, message),
        closed: (reason: string) => this.#breakOff(session, reason),
      };
      session.sdk = this.#options.programs.open(start, engine, this.#options.environment);
    } catch (error) {
      this.#breakOff(session, error instanceof Error ? error.message : String(error));
    }
  }

  #send(session: OpenSession, message: SdkMessage): void {
    if (this.#isClosed || session.hasEnded) return;
    if (isLast(message)) session.hasEnded = true;
    session.waiting.push(message);
    this.#sendWaiting(session);
  }

  #sendWaiting(session: OpenSession): void {
    const { waiting } = session;
    let sent = 0;
    for (; sent < waiting.length && session.credit > 0; sent++) {
      const message = waiting[sent];
      if (message !== undefined) this.#write(session, message);
    }
    if (sent === waiting.length) waiting.length = 0;
    else waiting.splice(0, sent);
    if (sent > 0) this.#scheduleWrite();
    if (!session.hasEnded || waiting.length > 0) return;
    this.#sessions.delete(session.number);
    this.#noteEnd();
  }

  #write(session: OpenSession, message: SdkMessage): void {
    try {
      session.credit -= this.#writer.appendMessage(session.number, message);
    } catch (error) {
      this.#failTooLarge(session, error);
    }
  }

  /** One value fits, but the message around it does not: trying again would not help. */
  #failTooLarge(session: OpenSession, error: unknown): void {
    session.hasEnded = true;
    session.waiting.length = 0;
    session.sdk?.abort("a message was too large");
    this.#writer.appendMessage(session.number, {
      type: MessageType.Error,
      code: USER_ERROR,
      message: `MessageTooLargeError: ${error instanceof Error ? error.message : String(error)}`,
      stacktrace: "",
      behavior: ErrorBehavior.Pause,
    });
  }

  #noteReceived(session: OpenSession, bytes: number): void {
    session.received += bytes;
    if (session.received < this.#creditBytes * CREDIT_PORTION) return;
    this.#writer.appendCredit(session.number, session.received);
    session.received = 0;
    this.#scheduleWrite();
  }

  /** Ends a session that cannot go on, without a word of its own. */
  #breakOff(session: OpenSession, reason: string): void {
    if (!this.#sessions.delete(session.number)) return;
    session.hasEnded = true;
    session.sdk?.abort(reason);
    this.#writer.appendCloseSession(session.number, reason);
    this.#scheduleWrite();
    this.#noteEnd();
  }

  #noteEnd(): void {
    if (this.#sessions.size === 0) this.#whenDrained?.();
  }

  #scheduleWrite(): void {
    if (this.#isWriteScheduled || this.#isHeldBack || this.#isClosed) return;
    this.#isWriteScheduled = true;
    this.#options.environment.turns.whenQuiet(() => {
      this.#isWriteScheduled = false;
      if (this.#isClosed || this.#isHeldBack) return;
      if (this.#owedPong !== undefined) this.#writer.appendPong(this.#owedPong);
      this.#owedPong = undefined;
      if (this.#writer.length === 0) return;
      this.#isHeldBack = !this.#options.pipe.write(this.#writer.take());
    });
  }
}

function isLast(message: SdkMessage): boolean {
  return (
    message.type === MessageType.End ||
    message.type === MessageType.Error ||
    message.type === MessageType.Suspension
  );
}
