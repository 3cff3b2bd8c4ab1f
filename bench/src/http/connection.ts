/** One kept-alive HTTP/1.1 connection with one request under way at a time. */
import { connect, type Socket } from "node:net";

import { parseResponse, type Response } from "./response-parser.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Callbacks and not promises: a promise per request would be a good part of what the load generator does. */
export interface Exchange {
  onResponse(response: Response): void;
  onError(error: Error): void;
}

export class HttpConnection {
  readonly #socket: Socket;
  #pending: Buffer | undefined;
  #exchange: Exchange | undefined;
  #isClosed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
  }

  static open({ host, port }: Address): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new HttpConnection(socket));
      });
    });
  }

  /** False when the server has closed it, as servers do with connections that were idle for long. */
  get isOpen(): boolean {
    return !this.#isClosed;
  }

  /** Sends `request`, which is ASCII, and tells `exchange` once how it went. */
  send(request: string, exchange: Exchange): void {
    if (this.#isClosed) {
      queueMicrotask(() => exchange.onError(new Error("the server closed the connection before")));
      return;
    }
    this.#exchange = exchange;
    this.#socket.write(request, "latin1");
  }

  close(): void {
    this.#exchange = undefined;
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = undefined;
    let response: Response | undefined;
    try {
      response = parseResponse(bytes);
    } catch (error) {
      this.#socket.destroy();
      this.#fail(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (response === undefined) {
      this.#pending = bytes;
      return;
    }
    const exchange = this.#exchange;
    this.#exchange = undefined;
    if (exchange === undefined || response.length !== bytes.length) {
      this.#socket.destroy();
      exchange?.onError(new Error("the server sent more than one response to one request"));
      return;
    }
    exchange.onResponse(response);
  }

  #fail(error: Error): void {
    this.#isClosed = true;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.onError(error);
  }
}
