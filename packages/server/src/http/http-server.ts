/**
 * One listener: Node's HTTP/1.1 server with our limits, and with the problem document also for what its parser refuses
 * before there is a request. Connections begin as plain ones (plain-connection.ts), which know the usual requests and no
 * other, and become Node's with the first that is not.
 */
import { createServer, ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import { HoldfastError, type ErrorSource } from "@holdfast/protocol";

import { refusedConnections } from "./connection-limits.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "./exchange.ts";
import { PlainConnection } from "./plain-connection.ts";
import type { ReceiveBudget } from "./receive-budget.ts";
import { rawProblemResponse, RETRY_AFTER_S, sendError } from "./response.ts";

export type HttpServerOptions = {
  readonly handler: HttpHandler;
  readonly source: ErrorSource;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly headerBytesMax: number;
  readonly urlBytesMax: number;
  readonly headersMax: number;
  readonly connectionsMax: number;
  /** Larger ones are refused by the handler, as soon as they announce it. */
  readonly bodyBytesMax: number;
  readonly budget: ReceiveBudget;
  /** Time for headers and body to arrive. */
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Something the server itself did wrong. */
  readonly onDefect: (error: unknown) => void;
};

const TIMEOUT_CHECK_MS = 1_000;
/** A larger body comes in many chunks, and what its request costs beside them does not matter. */
const PLAIN_BODY_BYTES_MAX = 1024 * 1024;

export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  /** Connections that came when there were too many. */
  readonly #refused = new WeakSet<Socket>();
  readonly #plain = new Set<PlainConnection>();
  readonly #sweeper: NodeJS.Timeout;
  #connections = 0;
  /** No connection has come since one could not be accepted: said once. */
  #isAcceptFailing = false;

  private constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#server = createServer(
      {
        maxHeaderSize: options.headerBytesMax + options.urlBytesMax,
        requestTimeout: options.requestTimeoutMs,
        headersTimeout: options.requestTimeoutMs,
        keepAliveTimeout: options.idleTimeoutMs,
        connectionsCheckingInterval: TIMEOUT_CHECK_MS,
        // Both are answered by ourselves: with the problem document, and not by quietly taking the first of several.
        requireHostHeader: false,
        joinDuplicateHeaders: true,
      },
      (req, res) => {
        this.#handle(req, res, req.socket, req.rawHeaders.length / 2);
      },
    );
    // Node would drop what is beyond its own limit without a word; ours is checked on every request.
    this.#server.maxHeadersCount = 0;
    this.#server.maxConnections = options.connectionsMax + refusedConnections(options.connectionsMax);
    // The listener that Node's server has registered for itself is called with what is handed over.
    const [handOver] = this.#server.listeners("connection");
    if (handOver === undefined) throw new Error("Cannot listen: this Node's server takes no connections");
    this.#server.removeAllListeners("connection");
    this.#server.on("connection", (socket) => {
      this.#countConnection(socket);
      this.#servePlain(socket, (bytes) => {
        socket.unshift(bytes);
        handOver.call(this.#server, socket);
      });
    });
    this.#sweeper = setInterval(() => {
      this.#sweep();
    }, TIMEOUT_CHECK_MS).unref();
    this.#server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      answerClientError(error, socket, options);
    });
    this.#server.on("checkExpectation", (req: IncomingMessage, res: ServerResponse) => {
      const error = new HoldfastError("expectation-failed", { expect: req.headers.expect ?? "" });
      sendError(res, error, options.source, options.onDefect);
    });
    this.#server.on("connect", (_req: IncomingMessage, socket: Socket) => {
      const error = new HoldfastError("method-not-allowed", { method: "CONNECT" });
      socket.end(rawProblemResponse(error, options.source, "allow: GET, POST\r\n"));
    });
  }

  /** Rejects with Node's error when the address cannot be bound. */
  static async listen(options: HttpServerOptions): Promise<HttpServer> {
    const server = new HttpServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen(options.port, options.host, () => {
        server.#server.off("error", reject);
        server.#server.on("error", (error) => server.#onAcceptFailed(error));
        resolve();
      });
    });
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** An address that a client on this machine can use. */
  get url(): string {
    const { host } = this.#options;
    const name = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
    return `http://${name}:${this.port}`;
  }

  /** Takes no more requests, gives those under way `graceMs` to be answered, and drops what is left. */
  async close(graceMs = 0): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    this.#server.closeIdleConnections();
    for (const connection of this.#plain) connection.endSoon();
    const timer = setTimeout(() => {
      this.#server.closeAllConnections();
      for (const connection of this.#plain) connection.destroy();
    }, graceMs);
    await closed;
    // The server says that it is closed before the last sockets say so.
    for (const connection of this.#plain) connection.destroy();
    clearTimeout(timer);
    clearInterval(this.#sweeper);
  }

  /** For want of a file descriptor, as a rule. Whoever wanted to connect tries again; the server has others to serve. */
  #onAcceptFailed(error: Error): void {
    if (this.#isAcceptFailing) return;
    this.#isAcceptFailing = true;
    this.#options.onDefect(error);
  }

  #countConnection(socket: Socket): void {
    this.#isAcceptFailing = false;
    this.#connections += 1;
    if (this.#connections > this.#options.connectionsMax) this.#refused.add(socket);
    socket.once("close", () => {
      this.#connections -= 1;
    });
  }

  #servePlain(socket: Socket, handOver: (bytes: Uint8Array) => void): void {
    const { headerBytesMax, urlBytesMax, bodyBytesMax, idleTimeoutMs, budget, source } = this.#options;
    const connection = new PlainConnection({
      socket,
      limits: {
        headBytesMax: headerBytesMax + urlBytesMax,
        bodyBytesMax: Math.min(PLAIN_BODY_BYTES_MAX, bodyBytesMax),
      },
      keepAliveS: Math.floor(idleTimeoutMs / 1_000),
      now: Date.now,
      budget,
      noRoom: () => rawProblemResponse(budget.refusal(), source, `retry-after: ${RETRY_AFTER_S}\r\n`),
      handle: (req, res) => {
        this.#handle(req, res, socket, req.headerCount);
      },
      handOver,
      onEnd: () => {
        this.#plain.delete(connection);
      },
    });
    this.#plain.add(connection);
  }

  /** Node's server looks after its connections itself; this is the same for the plain ones. */
  #sweep(): void {
    const { requestTimeoutMs, idleTimeoutMs, source } = this.#options;
    for (const connection of this.#plain) {
      connection.sweep();
      const { owed } = connection;
      if (owed === undefined) continue;
      const waitedMs = owed.sweeps * TIMEOUT_CHECK_MS;
      if (owed.what === "next request") {
        if (waitedMs > idleTimeoutMs) connection.destroy();
      } else if (waitedMs > requestTimeoutMs) {
        connection.refuse(rawProblemResponse(new HoldfastError("request-timeout"), source));
      }
    }
  }

  #handle(req: HttpRequest, res: HttpResponse, socket: Socket, headerCount: number): void {
    const { source, handler, headersMax, urlBytesMax, onDefect } = this.#options;
    try {
      if (this.#connections > this.#options.connectionsMax && this.#refused.has(socket)) {
        res.shouldKeepAlive = false;
        throw tooManyConnections(this.#options);
      }
      // Node's parser also takes what says to be HTTP/0.9 or 2.0, where a message ends elsewhere.
      if (req.httpVersion !== "1.1" && req.httpVersion !== "1.0") {
        res.shouldKeepAlive = false;
        throw new HoldfastError("request-malformed", { reason: "it is neither HTTP/1.1 nor HTTP/1.0" });
      }
      if ((req.url ?? "").length > urlBytesMax)
        throw new HoldfastError("url-too-long", { limit: urlBytesMax, name: "ingress.urlBytesMax" });
      if (headerCount > headersMax) throw tooManyHeaders(headersMax);
      handler(req, res);
    } catch (error) {
      sendError(res, error, source, onDefect);
    }
  }
}

function tooManyConnections({ connectionsMax, source }: HttpServerOptions): HoldfastError {
  const name = `${source}.connectionsMax`;
  const reason = `${connectionsMax} connections are open, the limit ${name}`;
  return new HoldfastError("overloaded", { reason, name, limit: connectionsMax });
}

function tooManyHeaders(limit: number): HoldfastError {
  return new HoldfastError(
    "header-too-large",
    { limit, name: "ingress.headersMax" },
    { message: `The request has more than ${limit} headers` },
  );
}

/** What the parser refused, or what did not arrive in time. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket, options: HttpServerOptions): void {
  if (error.code === "ECONNRESET" || !socket.writable || !mayAnswer(socket)) {
    socket.destroy();
    return;
  }
  const headers = error.code === "HPE_INVALID_METHOD" ? "allow: GET, POST\r\n" : "";
  socket.end(rawProblemResponse(clientErrorProblem(error, options), options.source, headers), () => {
    socket.destroy();
  });
}

/** Whether an answer written now would be taken for the answer to the bad request, and not for that of one before it. */
function mayAnswer(socket: Socket): boolean {
  const pending: unknown = Reflect.get(socket, "_httpMessage");
  if (!(pending instanceof ServerResponse)) return true;
  const { req } = pending as ServerResponse<IncomingMessage>;
  return !pending.headersSent && !req.complete;
}

function clientErrorProblem(error: NodeJS.ErrnoException, options: HttpServerOptions): HoldfastError {
  switch (error.code) {
    case "HPE_HEADER_OVERFLOW":
      return new HoldfastError("header-too-large", {
        limit: options.headerBytesMax + options.urlBytesMax,
        name: "ingress.headerBytesMax",
      });
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return new HoldfastError("request-malformed", { reason: "its chunk extensions are too long" });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new HoldfastError("request-timeout");
    case "HPE_INVALID_URL":
      return new HoldfastError(
        "request-malformed",
        { reason: parserReason(error) },
        { hint: "Percent-encode every character of the path that is not plain ASCII." },
      );
    case "HPE_INVALID_METHOD":
      return new HoldfastError("method-not-allowed", { method: "of this request" });
    default:
      return new HoldfastError("request-malformed", { reason: parserReason(error) });
  }
}

/** "Parse Error: Invalid header value char" without the prefix. */
function parserReason(error: NodeJS.ErrnoException): string {
  const reason = error.message.replace(/^Parse Error:?\s*/, "");
  return reason === "" ? "it cannot be parsed" : reason;
}
