/** The native wire to one deployment: dials it, keeps one connection, and puts every session on it. */
import { request as httpRequest, type ClientRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";

import type { JournalEntry } from "@holdfast/engine";
import { NATIVE_WIRE_PATH, NATIVE_WIRE_PROTOCOL, type StartMessage } from "@holdfast/protocol";

import type { Clock } from "../clock.ts";
import { NativeConnection } from "./native-connection.ts";
import type { Session, SessionListener, Wire } from "./wire.ts";

const CONNECT_TIMEOUT_MS = 10_000;

export type NativeWireOptions = {
  readonly clock: Clock;
  readonly url: string;
  /** Sent with the upgrade request. */
  readonly headers: Readonly<Record<string, string>>;
  readonly messageBytesMax: number;
  /** Sessions on one connection before it is replaced. */
  readonly sessionNumberMax?: number;
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
    const { url } = this.#options;
    let request: ClientRequest;
    try {
      request = this.#upgradeRequest();
    } catch (error) {
      // A header or an address that cannot be sent. Whoever opens a session is not told within the call.
      const reason = error instanceof Error ? error.message : String(error);
      queueMicrotask(() => this.#dialFailed(`${url} cannot be reached: ${reason}`));
      return;
    }
    this.#cancelDial = () => request.destroy();
    let isSettled = false;
    const fail = (reason: string): void => {
      if (isSettled) return;
      isSettled = true;
      request.destroy();
      this.#dialFailed(reason);
    };
    request.on("upgrade", (_response, socket, head) => {
      if (isSettled) {
        socket.destroy();
        return;
      }
      isSettled = true;
      // Over HTTP/1.1 and TLS it is always a socket.
      this.#connected(socket as Socket, head);
    });
    request.on("response", (response) =>
      fail(`${url} answered ${response.statusCode} instead of opening the native wire`),
    );
    request.on("timeout", () => fail(`${url} did not answer within ${CONNECT_TIMEOUT_MS} ms`));
    request.on("error", (error: NodeJS.ErrnoException) =>
      fail(`${url} cannot be reached: ${error.code ?? error.message}`),
    );
    request.end();
  }

  #upgradeRequest(): ClientRequest {
    const base = new URL(this.#options.url);
    return (base.protocol === "https:" ? httpsRequest : httpRequest)({
      hostname: base.hostname.replace(/^\[|\]$/g, ""),
      port: base.port,
      path: base.pathname.replace(/\/$/, "") + NATIVE_WIRE_PATH + base.search,
      method: "GET",
      headers: { ...this.#options.headers, connection: "Upgrade", upgrade: NATIVE_WIRE_PROTOCOL },
      timeout: CONNECT_TIMEOUT_MS,
      agent: false,
    });
  }

  #dialFailed(reason: string): void {
    this.#isReachable = false;
    const pending = this.#pending ?? [];
    this.#pending = undefined;
    for (const { listener, isAborted } of pending)
      if (!isAborted) listener.onLost("connection-lost", reason, false);
  }

  #connected(socket: Socket, head: Uint8Array): void {
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
      ...(this.#options.sessionNumberMax === undefined
        ? {}
        : { sessionNumberMax: this.#options.sessionNumberMax }),
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

/** A session whose connection is still being made. */
function deferred(pending: PendingSession): Session {
  const call = (action: (session: Session) => void): void => {
    if (pending.session !== undefined) action(pending.session);
    else pending.backlog.push(action);
  };
  return {
    deliver: (entry) => call((session) => session.deliver(entry)),
    ackRun: (completionId) => call((session) => session.ackRun(completionId)),
    requestSuspend: () => call((session) => session.requestSuspend()),
    consumed: (bytes) => call((session) => session.consumed(bytes)),
    abort: (reason) => {
      pending.isAborted = true;
      pending.session?.abort(reason);
    },
  };
}
