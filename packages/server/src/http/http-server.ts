/**
 * One listener: Node's HTTP/1.1 server with our limits, and with the problem document also for what its parser refuses
 * before there is a request.
 */
import { createServer, ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";

import { HoldfastError, type ErrorSource } from "@holdfast/protocol";

import { rawProblemResponse, sendError } from "./response.ts";

export type HttpHandler = (req: IncomingMessage, res: ServerResponse) => void;

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
  /** Time for headers and body to arrive. */
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Something the server itself did wrong. */
  readonly onDefect: (error: unknown) => void;
};

/** Connections beyond the limit that are still told why, before the kernel's queue has to do. */
const REFUSED_CONNECTIONS = 64;
const TIMEOUT_CHECK_MS = 1_000;

export class HttpServer {
  readonly #server: Server;
  readonly #options: HttpServerOptions;
  /** Connections that came when there were too many. */
  readonly #refused = new WeakSet<Socket>();
  #connections = 0;

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
        this.#handle(req, res);
      },
    );
    // Node would drop what is beyond its own limit without a word; ours is checked on every request.
    this.#server.maxHeadersCount = 0;
    this.#server.maxConnections = options.connectionsMax + REFUSED_CONNECTIONS;
    this.#server.on("connection", (socket) => {
      this.#countConnection(socket);
    });
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
    const timer = setTimeout(() => {
      this.#server.closeAllConnections();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }

  #countConnection(socket: Socket): void {
    this.#connections += 1;
    if (this.#connections > this.#options.connectionsMax) this.#refused.add(socket);
    socket.once("close", () => {
      this.#connections -= 1;
    });
  }

  #handle(req: IncomingMessage, res: ServerResponse): void {
    const { source, handler, headersMax, urlBytesMax, onDefect } = this.#options;
    try {
      if (this.#connections > this.#options.connectionsMax && this.#refused.has(req.socket)) {
        res.shouldKeepAlive = false;
        throw tooManyConnections(this.#options);
      }
      if ((req.url ?? "").length > urlBytesMax)
        throw new HoldfastError("url-too-long", { limit: urlBytesMax, name: "ingress.urlBytesMax" });
      if (req.rawHeaders.length > 2 * headersMax) throw tooManyHeaders(headersMax);
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
