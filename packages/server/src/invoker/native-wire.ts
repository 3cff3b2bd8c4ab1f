/** The native wire to one deployment: dials it, keeps one connection, and puts every session on it. */
import type { JournalEntry } from "@holdfast/engine";
import type { StartMessage } from "@holdfast/protocol";

import type { ByteSocket } from "../byte-socket.ts";
import type { Clock } from "../clock.ts";
import type { ChannelSealer } from "./channel-sealer.ts";
import { NativeConnection } from "./native-connection.ts";
import type { Dial } from "./native-dial.ts";
import type { Session, SessionListener, Wire } from "./wire.ts";

export type NativeWireOptions = {
  readonly clock: Clock;
  readonly url: string;
  /** Sent with the upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly messageBytesMax: number;
  /** Sessions on one connection before it is replaced. */
  readonly sessionNumberMax?: number;
  /** See `NativeConnectionOptions`. */
  readonly creditBytes?: number;
  /** Makes the connection. */
  readonly dial: Dial;
};

type PendingSession = {
  readonly start: StartMessage;
  readonly journal: readonly JournalEntry[];
  readonly listener: SessionListener;
  session: Session | undefined;
  isAborted: boolean;
  /** What happened while the connection was being made. */
  readonly backlog: Array<(session: Session) => void>;
};

export class NativeWire implements Wire {
  readonly #options: NativeWireOptions;
  #connection: NativeConnection | undefined;
  /** Connections that take no new sessions and finish the ones they have. */
  readonly #draining = new Set<NativeConnection>();
  /** Sessions that wait for the connection being made; `undefined` when none is. */
  #pending: PendingSession[] | undefined;
  #cancelDial: (() => void) | undefined;
  #isReachable = true;
  #closed = false;

  constructor(options: NativeWireOptions) {
    this.#options = options;
  }

  get isReachable(): boolean {
    return this.#isReachable;
  }

  send(): void {
    this.#connection?.send();
  }

  open(start: StartMessage, journal: readonly JournalEntry[], listener: SessionListener): Session {
    if (this.#connection?.isUsedUp === true) this.#replace(this.#connection);
    if (this.#connection !== undefined) return this.#connection.open(start, journal, listener);
    const pending: PendingSession = {
      start,
      journal,
      listener,
      session: undefined,
      isAborted: false,
      backlog: [],
    };
    if (this.#pending === undefined) {
      this.#pending = [];
      this.#dial();
    }
    this.#pending.push(pending);
    return deferred(pending);
  }

  #dial(): void {
    let isSettled = false;
    // One of them is called, once, and never within this call.
    this.#cancelDial = this.#options.dial(this.#options, {
      opened: (socket, head, sealer) => {
        if (isSettled) socket.destroy();
        else this.#connected(socket, head, sealer);
        isSettled = true;
      },
      failed: (reason) => {
        if (!isSettled) this.#dialFailed(reason);
        isSettled = true;
      },
    });
  }

  #dialFailed(reason: string): void {
    this.#isReachable = false;
    const pending = this.#pending ?? [];
    this.#pending = undefined;
    for (const { listener, isAborted } of pending)
      if (!isAborted) listener.onLost("connection-lost", reason, false);
  }

  #connected(socket: ByteSocket, head: Uint8Array, sealer: ChannelSealer | undefined): void {
    const pending = this.#pending ?? [];
    this.#pending = undefined;
    if (this.#closed) {
      socket.destroy();
      return;
    }
    this.#isReachable = true;
    const connection = new NativeConnection({
      clock: this.#options.clock,
      socket,
      messageBytesMax: this.#options.messageBytesMax,
      ...(sealer === undefined ? {} : { seal: (bytes) => sealer.seal(bytes) }),
      ...(this.#options.sessionNumberMax === undefined
        ? {}
        : { sessionNumberMax: this.#options.sessionNumberMax }),
      ...(this.#options.creditBytes === undefined ? {} : { creditBytes: this.#options.creditBytes }),
      onGoAway: () => this.#drain(connection),
      onClosed: () => {
        this.#draining.delete(connection);
        if (this.#connection === connection) this.#connection = undefined;
      },
    });
    this.#connection = connection;
    for (const waiting of pending) {
      if (waiting.isAborted) continue;
      const session = connection.open(waiting.start, waiting.journal, waiting.listener);
      waiting.session = session;
      for (const call of waiting.backlog) call(session);
    }
    if (head.length > 0) connection.receive(head);
  }

  #drain(connection: NativeConnection): void {
    if (this.#connection === connection) this.#connection = undefined;
    this.#draining.add(connection);
  }

  #replace(connection: NativeConnection): void {
    this.#drain(connection);
    connection.closeWhenIdle();
  }

  close(): void {
    this.#closed = true;
    this.#cancelDial?.();
    this.#connection?.close("The engine is shutting down");
    for (const connection of this.#draining) connection.close("The engine is shutting down");
  }
}

/** Sealed where both sides take part: an endpoint that knows no engine's key answers without a share. */
/** A session whose connection is still being made. */
function deferred(pending: PendingSession): Session {
  const call = (action: (session: Session) => void): void => {
    if (pending.session !== undefined) action(pending.session);
    else pending.backlog.push(action);
  };
  return {
    deliver: (entry) => call((session) => session.deliver(entry)),
    ackRun: (completionId, entry) => call((session) => session.ackRun(completionId, entry)),
    requestSuspend: () => call((session) => session.requestSuspend()),
    consumed: (bytes) => call((session) => session.consumed(bytes)),
    abort: (reason) => {
      pending.isAborted = true;
      pending.session?.abort(reason);
    },
  };
}
