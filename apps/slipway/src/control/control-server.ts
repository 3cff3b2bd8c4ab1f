/** Commands from other processes on this machine, as JSON over HTTP on loopback. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import { properties } from "../durable/schema.ts";
import { describeFailure } from "../failure.ts";
import { listenNear } from "../listen.ts";

const BODY_CHARACTERS_MAX = 64 * 1024;

export interface ControlHandlers {
  readonly status: () => Promise<unknown>;
  readonly deploy: (directory: string | undefined) => Promise<unknown>;
  readonly rollBack: (app: string | undefined) => Promise<unknown>;
}

/** What the request asks for cannot be done, and why. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export class ControlServer {
  readonly #server: Server;
  #port = 0;

  constructor(handlers: ControlHandlers) {
    this.#server = createServer((request, response) => {
      // `answer` ends every request itself, failures included.
      void this.#answer(request, response, handlers);
    });
  }

  /** Listens on the wanted port or one of the next. Returns its address. */
  async listen(wantedPort: number): Promise<string> {
    this.#port = await listenNear(this.#server, wantedPort);
    return `http://127.0.0.1:${this.#port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    handlers: ControlHandlers,
  ): Promise<void> {
    try {
      this.#refuseStrangers(request);
      send(response, 200, await route(request, handlers));
    } catch (error) {
      const status = error instanceof ControlError ? error.status : 422;
      const { message, lines } = describeFailure(error);
      send(response, status, { error: message, ...(lines.length > 0 ? { lastLines: lines } : {}) });
    }
  }

  /** A web page in the user's browser can reach loopback too. It cannot hide where it comes from. */
  #refuseStrangers({ headers }: IncomingMessage): void {
    const isUs = headers.host === `127.0.0.1:${this.#port}` || headers.host === `localhost:${this.#port}`;
    if (!isUs || headers.origin !== undefined) {
      throw new ControlError(403, "This endpoint is for programs on this machine, not for web pages.");
    }
  }
}

async function route(request: IncomingMessage, handlers: ControlHandlers): Promise<unknown> {
  const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
  switch (`${request.method} ${pathname}`) {
    case "GET /status":
      return handlers.status();
    case "POST /deploy":
      return handlers.deploy(text((await readBody(request))["directory"], "directory"));
    case "POST /rollback":
      return handlers.rollBack(text((await readBody(request))["app"], "app"));
    default:
      throw new ControlError(404, "There are: GET /status, POST /deploy {directory}, POST /rollback {app}.");
  }
}

async function readBody(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  let body = "";
  request.setEncoding("utf8");
  for await (const chunk of request as AsyncIterable<string>) {
    body += chunk;
    if (body.length > BODY_CHARACTERS_MAX) throw new ControlError(413, "The body is too large.");
  }
  if (body === "") return {};
  try {
    return properties(JSON.parse(body));
  } catch {
    throw new ControlError(400, "The body is not valid JSON.");
  }
}

function text(value: unknown, name: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new ControlError(400, `"${name}" has to be a text.`);
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { "Content-Type": "application/json", "X-Content-Type-Options": "nosniff" })
    .end(`${JSON.stringify(body, null, 2)}\n`);
}
