/** One HTTP/2 connection to an endpoint: how it comes about, how much it carries, how its death is noticed. */
import { connect as connectHttp2, type ClientHttp2Session, type Settings } from "node:http2";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

import type { EndpointAddresses } from "../endpoint-address.ts";
import { connectionTrouble } from "./connection-trouble.ts";
import type { TransportOptions } from "./http1-transport.ts";
import type { Http2Exchange } from "./http2-exchange.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const PING_INTERVAL_MS = 40_000;
const PING_TIMEOUT_MS = 20_000;
/** How long the other side may take to close a connection that carries nothing and takes nothing any more. */
const CLOSE_TIMEOUT_MS = 5_000;
/** What one stream, and what all together, may have on the way to us before we have read it. */
const STREAM_WINDOW_BYTES: number = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: number = 16 * 1024 * 1024;
/** Node refuses streams when a connection holds more, in megabytes. What waits to be written counts. */
const SESSION_MEMORY_MB = 256;
/** An endpoint that names no limit of concurrent streams gets no more on one connection. */
const STREAMS_MAX = 1_000;

export type ConnectionWatcher = {
  /** It takes streams from now on. */
  readonly opened: () => void;
  /** A stream has ended. */
  readonly freed: () => void;
  /** Once. `wasOpen`: it did take streams. */
  readonly closed: (reason: string, wasOpen: boolean) => void;
};

export class Http2Connection {
  readonly #options: TransportOptions;
  readonly #watcher: ConnectionWatcher;
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;
  #state: "connecting" | "open" | "closed" = "connecting";
  #streams = 0;
  /** No streams any more, but those that it has come to their end: after GOAWAY Node closes the session so. */
  #isLeaving = false;
  #streamsMax = STREAMS_MAX;
  #reason = "the connection was closed";
  /** A stream was open since the last look. */
  #wasUsed = true;
  #stopTimer: () => void;

  /** Throws when the address may not be dialled. */
  constructor(options: TransportOptions, watcher: ConnectionWatcher) {
    this.#options = options;
    this.#watcher = watcher;
    const socket = openSocket(options.base, options.addresses);
    this.#socket = socket;
    this.#session = connectHttp2(options.base.origin, {
      createConnection: () => socket,
      maxSessionMemory: SESSION_MEMORY_MB,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
    });
    const session = this.#session;
    // A session that was closed while it connected says that it has, all the same.
    session.on("connect", () => {
      if (!session.destroyed) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    });
    // Only now is it known how many streams it takes, and that it speaks HTTP/2 at all.
    session.on("remoteSettings", (settings: Settings) => {
      this.#streamsMax = Math.min(settings.maxConcurrentStreams ?? STREAMS_MAX, STREAMS_MAX);
      if (this.#state === "connecting") this.#opened();
      else this.#watcher.freed();
    });
    session.on("error", (error) => {
      this.#reason = connectionTrouble(error);
    });
    session.on("goaway", () => {
      this.#isLeaving = true;
      this.#leave();
    });
    session.on("close", () => this.#closed());
    // Whoever has work keeps the process alive; connections do not.
    socket.unref();
    this.#stopTimer = options.clock.after(CONNECT_TIMEOUT_MS, () =>
      this.close(`no HTTP/2 connection within ${CONNECT_TIMEOUT_MS} ms`),
    );
  }

  get isConnecting(): boolean {
    return this.#state === "connecting";
  }

  get hasRoom(): boolean {
    const isOpen = this.#state === "open" && !this.#isLeaving && !this.#session.destroyed;
    return isOpen && this.#streams < this.#streamsMax;
  }

  begin(exchange: Http2Exchange): void {
    this.#streams += 1;
    this.#wasUsed = true;
    exchange.begin(this.#session, () => {
      this.#streams -= 1;
      this.#leave();
      this.#watcher.freed();
    });
  }

  #opened(): void {
    this.#stopTimer();
    if (this.#streamsMax === 0) {
      this.close("the endpoint takes no streams (SETTINGS_MAX_CONCURRENT_STREAMS is 0)");
      return;
    }
    this.#state = "open";
    this.#stopTimer = this.#options.clock.after(PING_INTERVAL_MS, () => this.#look());
    this.#watcher.opened();
  }

  /** Lets go of a connection that nobody used, and asks the others whether they still live. */
  #look(): void {
    // After GOAWAY Node asks nobody any more: its streams end by themselves, or by their attempts' timeouts.
    if (this.#session.closed || this.#session.destroyed) return;
    if (this.#streams === 0 && !this.#wasUsed) {
      this.#isLeaving = true;
      this.#session.close();
      this.#leave();
      return;
    }
    this.#wasUsed = this.#streams > 0;
    this.#stopTimer = this.#options.clock.after(PING_TIMEOUT_MS, () =>
      this.close(`the endpoint did not answer a PING within ${PING_TIMEOUT_MS} ms`),
    );
    this.#session.ping((error) => {
      // A connection that broke meanwhile says so itself.
      if (error !== null || this.#state !== "open") return;
      this.#stopTimer();
      this.#stopTimer = this.#options.clock.after(PING_INTERVAL_MS, () => this.#look());
    });
  }

  /** Without streams, it waits for the other side to hang up. That may never happen. */
  #leave(): void {
    if (!this.#isLeaving || this.#streams > 0 || this.#state === "closed") return;
    this.#stopTimer();
    this.#stopTimer = this.#options.clock.after(CLOSE_TIMEOUT_MS, () => this.#socket.destroy());
  }

  close(reason: string): void {
    this.#reason = reason;
    this.#session.destroy(new Error(reason));
    // After the GOAWAY. A session that was closed before only ends its half of the connection.
    this.#options.clock.soon(() => this.#socket.destroy());
  }

  #closed(): void {
    if (this.#state === "closed") return;
    const wasOpen = this.#state === "open";
    this.#state = "closed";
    this.#stopTimer();
    this.#watcher.closed(this.#reason, wasOpen);
  }
}

function openSocket(base: URL, addresses: EndpointAddresses): Socket {
  const { hostname, port, lookup } = addresses.connectOptions(base);
  const isTls = base.protocol === "https:";
  const to = { host: hostname, port: Number(port || (isTls ? 443 : 80)), lookup };
  if (!isTls) return connectTcp({ ...to, noDelay: true });
  const socket = connectTls({
    ...to,
    // An address is no name that a server could be asked for by.
    ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
    ALPNProtocols: ["h2"],
  });
  socket.once("secureConnect", () => {
    if (socket.alpnProtocol !== "h2")
      socket.destroy(new Error("the endpoint does not speak HTTP/2 over TLS"));
  });
  return socket;
}
