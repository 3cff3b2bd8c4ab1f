/**
 * Exchanges over HTTP/2: streams on as few connections as the endpoint's limit of concurrent streams allows. In clear text
 * the connection begins as HTTP/2 ("prior knowledge"); over TLS the two sides agree on it.
 *
 * An exchange begins once a connection with room is there. It is never left to queue inside a connection: the stream it
 * would wait for may belong to a handler that waits for this one.
 */
import { connectionTrouble } from "./connection-trouble.ts";
import type { Exchange, ExchangeListener, ExchangeRequest, Transport } from "./exchange.ts";
import type { TransportOptions } from "./http1-transport.ts";
import { Http2Connection } from "./http2-connection.ts";
import { Http2Exchange } from "./http2-exchange.ts";

/** An endpoint that takes one stream per connection must not cost the engine all its sockets. */
const CONNECTIONS_MAX = 256;

export class Http2Transport implements Transport {
  readonly #options: TransportOptions;
  readonly #connections = new Set<Http2Connection>();
  /** Exchanges without a connection, oldest first. */
  readonly #waiting = new Set<Http2Exchange>();
  #isReachable = true;
  #isClosed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  get isReachable(): boolean {
    return this.#isReachable;
  }

  open(request: ExchangeRequest, listener: ExchangeListener): Exchange {
    const exchange = new Http2Exchange(request, listener, () => this.#waiting.delete(exchange));
    this.#waiting.add(exchange);
    // Not within this call: a place may be there at once.
    queueMicrotask(() => this.#place());
    return exchange;
  }

  #place(): void {
    for (const exchange of this.#waiting) {
      const connection = this.#withRoom();
      if (connection === undefined) break;
      this.#waiting.delete(exchange);
      connection.begin(exchange);
    }
    if (this.#waiting.size > 0) this.#connect();
  }

  #withRoom(): Http2Connection | undefined {
    for (const connection of this.#connections) if (connection.hasRoom) return connection;
    return undefined;
  }

  #connect(): void {
    if (this.#isClosed) {
      this.#refuseWaiting("The engine is shutting down");
      return;
    }
    for (const { isConnecting } of this.#connections) if (isConnecting) return;
    // The next place is that of an exchange which ends.
    if (this.#connections.size >= CONNECTIONS_MAX) return;
    try {
      const connection = new Http2Connection(this.#options, {
        opened: () => {
          this.#isReachable = true;
          this.#place();
        },
        freed: () => this.#place(),
        closed: (reason, wasOpen) => {
          this.#connections.delete(connection);
          if (!wasOpen) this.#failed(reason);
          else this.#place();
        },
      });
      this.#connections.add(connection);
    } catch (error) {
      // An address that may not be dialled.
      this.#failed(connectionTrouble(error));
    }
  }

  #failed(reason: string): void {
    this.#isReachable = false;
    this.#refuseWaiting(reason);
  }

  #refuseWaiting(reason: string): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const exchange of waiting) exchange.fail(reason, false);
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.close("The engine is shutting down");
    this.#refuseWaiting("The engine is shutting down");
  }
}
