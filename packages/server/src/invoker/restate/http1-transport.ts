/** Exchanges over HTTP/1.1: each has a connection of its own. */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Socket } from "node:net";

import type { Clock } from "../../clock.ts";
import type { EndpointAddresses } from "../endpoint-address.ts";
import { connectionTrouble } from "./connection-trouble.ts";
import type { Exchange, ExchangeListener, ExchangeRequest, Transport } from "./exchange.ts";

const CONNECT_TIMEOUT_MS = 10_000;
/** Silence after which the operating system asks whether the other side is still there. */
const KEEP_ALIVE_MS = 40_000;

export type TransportOptions = {
  readonly clock: Clock;
  readonly base: URL;
  readonly addresses: EndpointAddresses;
};

export class Http1Transport implements Transport {
  readonly #options: TransportOptions;
  readonly #open = new Set<Http1Exchange>();
  #isReachable = true;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  get isReachable(): boolean {
    return this.#isReachable;
  }

  open(request: ExchangeRequest, listener: ExchangeListener): Exchange {
    const exchange = new Http1Exchange(this.#options, request, listener, {
      connected: () => {
        this.#isReachable = true;
      },
      ended: (hasConnected) => {
        if (!hasConnected) this.#isReachable = false;
        this.#open.delete(exchange);
      },
    });
    this.#open.add(exchange);
    exchange.begin();
    return exchange;
  }

  close(): void {
    for (const exchange of this.#open) exchange.fail("The engine is shutting down");
  }
}

type Watcher = { readonly connected: () => void; readonly ended: (hasConnected: boolean) => void };

class Http1Exchange implements Exchange {
  readonly #options: TransportOptions;
  readonly #asked: ExchangeRequest;
  readonly #listener: ExchangeListener;
  readonly #watcher: Watcher;
  #request: ClientRequest | undefined;
  #pause: ((isPaused: boolean) => void) | undefined;
  #hasConnected = false;
  #isOver = false;
  #stopWaiting: () => void = () => {};

  constructor(
    options: TransportOptions,
    asked: ExchangeRequest,
    listener: ExchangeListener,
    watcher: Watcher,
  ) {
    this.#options = options;
    this.#asked = asked;
    this.#listener = listener;
    this.#watcher = watcher;
  }

  begin(): void {
    let request: ClientRequest;
    try {
      request = this.#makeRequest();
    } catch (error) {
      // A header or an address that cannot be sent.
      queueMicrotask(() => this.fail(connectionTrouble(error)));
      return;
    }
    this.#request = request;
    this.#stopWaiting = this.#options.clock.after(CONNECT_TIMEOUT_MS, () =>
      this.fail(`no connection within ${CONNECT_TIMEOUT_MS} ms`),
    );
    request.on("socket", (socket) => this.#watch(socket));
    request.on("drain", () => this.#tell(() => this.#listener.onWritable()));
    request.on("error", (error) => this.fail(connectionTrouble(error)));
    let answer: IncomingMessage | undefined;
    // The rest of a complete response can still be waiting for `resume` then.
    request.on("close", () => {
      if (answer?.complete !== true) this.fail("the connection was closed");
    });
    request.on("response", (response) => {
      answer = response;
      this.#pause = (isPaused) => (isPaused ? response.pause() : response.resume());
      response.on("data", (chunk: Uint8Array) => this.#tell(() => this.#listener.onData(chunk)));
      response.on("error", (error) => this.fail(connectionTrouble(error)));
      response.on("end", () => {
        if (!response.complete || this.#isOver) return;
        this.#finish();
        // What the other side has not read of the request by now it will not read; the connection would wait for it.
        request.destroy();
        this.#listener.onEnd();
      });
      this.#tell(() => this.#listener.onHead(response.statusCode ?? 0, response.headers));
    });
    request.flushHeaders();
  }

  #makeRequest(): ClientRequest {
    const { base, addresses } = this.#options;
    return (base.protocol === "https:" ? httpsRequest : httpRequest)({
      ...addresses.connectOptions(base),
      method: this.#asked.method,
      path: this.#asked.path,
      headers: this.#asked.headers,
    });
  }

  #watch(socket: Socket): void {
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.once("connect", () => {
      this.#hasConnected = true;
      this.#stopWaiting();
      this.#watcher.connected();
      this.#tell(() => this.#listener.onWritable());
    });
  }

  #tell(event: () => void): void {
    if (!this.#isOver) event();
  }

  #finish(): void {
    this.#isOver = true;
    this.#stopWaiting();
    this.#watcher.ended(this.#hasConnected);
  }

  fail(reason: string): void {
    if (this.#isOver) return;
    this.#finish();
    this.#request?.destroy();
    this.#listener.onBroken(reason, this.#hasConnected);
  }

  write(bytes: Uint8Array): boolean {
    return this.#isOver || this.#request?.write(bytes) !== false;
  }

  end(): void {
    this.#request?.end();
  }

  pause(): void {
    this.#pause?.(true);
  }

  resume(): void {
    this.#pause?.(false);
  }

  cancel(): void {
    if (this.#isOver) return;
    // Given up, it says nothing about the endpoint.
    this.#isOver = true;
    this.#stopWaiting();
    this.#watcher.ended(true);
    this.#request?.destroy();
  }
}
