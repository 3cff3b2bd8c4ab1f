/** Handlers as an HTTP server on Node: discovery, health, and the native wire by upgrade on the same port. */
import {
  createServer,
  STATUS_CODES,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

import {
  CHANNEL_HEADER,
  FRAME_BODY_BYTES_MAX,
  MANIFEST_MEDIA_TYPE,
  NATIVE_WIRE_PATH,
  NATIVE_WIRE_PROTOCOL,
  shownLine,
  SIGNATURE_HEADER,
  type Duration,
  type EndpointManifest,
  type Servable,
} from "@holdfast/protocol";

import { definitionsIn } from "../definition/definition.ts";
import { milliseconds } from "../definition/options.ts";
import { endpointManifest } from "../endpoint/manifest.ts";
import { NativeConnection } from "../endpoint/native-connection.ts";
import { ProgramTable } from "../endpoint/program-table.ts";
import { systemEnvironment, type SessionOptions } from "../replay/environment.ts";
import type { ChannelOpener } from "./channel-opener.ts";
import { EngineIdentity, openChannel, type Verdict } from "./engine-identity.ts";

export interface ServeOptions extends SessionOptions {
  /** What service(), object() and workflow() returned. */
  readonly services: readonly Servable[];
  /** Default 9080. 0 takes any free port. */
  readonly port?: number;
  /** Address to listen on. Default "127.0.0.1": whoever can reach this port can run every handler. */
  readonly host?: string;
  /** Path in front of everything, for several endpoints behind one address. Default "". */
  readonly basePath?: string;
  /** Attempts at the same time, per engine. Default 10,000. */
  readonly sessionsMax?: number;
  /** Largest message, in bytes. Default 32 MiB. */
  readonly frameBytesMax?: number;
  /**
   * Public keys of the engines that may run handlers here, as `holdfast version --server` shows them. Whatever is not
   * signed with one of them is refused, except for /health. Two while a key is being replaced. Default: anybody who reaches
   * the port may run handlers.
   */
  readonly identityKeys?: readonly string[];
  /**
   * With `identityKeys`: by which "host:port" engines may call this endpoint. Then a request that was signed for another
   * endpoint is refused even if somebody passes it on with its Host header. Default: whatever Host says.
   */
  readonly identityAuthorities?: readonly string[];
  /** How long `close` waits for steps that run. Default "10s". */
  readonly drainTimeout?: Duration;
}

export interface ServedEndpoint {
  readonly port: number;
  /** What to register: `holdfast deployments register <url>`. */
  readonly url: string;
  /** Takes no new attempts, lets those that run finish or suspend, and stops listening. */
  close(): Promise<void>;
}

const PORT = 9080;
const HOST = "127.0.0.1";
const SESSIONS_MAX = 10_000;
const DRAIN_TIMEOUT: Duration = "10s";
const NODE_MAJOR_MIN = 22;
/** The engine pings every ten seconds. */
const SILENCE_MS_MAX = 60_000;

/**
 * Serves handlers to a Holdfast engine.
 *
 * @throws Error when Node is too old, when a definition or an option is malformed, and when the port is taken.
 * @example
 * const endpoint = await serve({ services: [deploy, cleanup], port: 9080 });
 * console.log(`register ${endpoint.url}`);
 */
export async function serve(options: ServeOptions): Promise<ServedEndpoint> {
  requireNode(process.versions.node);
  const endpoint = new NodeEndpoint(options);
  await endpoint.listen();
  return endpoint;
}

/** Throws on a Node that lacks what the SDK builds on. */
export function requireNode(version: string): void {
  if (Number.parseInt(version, 10) >= NODE_MAJOR_MIN) return;
  throw new Error(
    `@holdfast/sdk needs Node ${NODE_MAJOR_MIN} or newer to serve handlers, and this is Node ${version}. ` +
      "Install a current Node (https://nodejs.org) and start again.",
  );
}

class NodeEndpoint implements ServedEndpoint {
  readonly #options: ServeOptions;
  readonly #manifest: EndpointManifest;
  readonly #programs: ProgramTable;
  readonly #environment;
  readonly #server: Server;
  readonly #identity: EngineIdentity | undefined;
  readonly #connections = new Map<NativeConnection, Duplex>();
  readonly #drainMs: number;
  #isClosing = false;

  constructor(options: ServeOptions) {
    const definitions = definitionsIn(options.services);
    this.#options = options;
    this.#manifest = endpointManifest(definitions, ["native"]);
    this.#programs = new ProgramTable(definitions);
    this.#environment = systemEnvironment(options);
    this.#drainMs = milliseconds(options.drainTimeout ?? DRAIN_TIMEOUT, "drainTimeout");
    this.#identity =
      options.identityKeys === undefined
        ? undefined
        : new EngineIdentity(options.identityKeys, options.identityAuthorities, Date.now);
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    const host = this.#options.host ?? HOST;
    const shown = host === "0.0.0.0" || host === "::" ? "localhost" : host.includes(":") ? `[${host}]` : host;
    return `http://${shown}:${this.port}${this.#options.basePath ?? ""}`;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.port ?? PORT, this.#options.host ?? HOST, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    const drained = Promise.all(
      [...this.#connections.keys()].map((connection) => connection.drain("shutting down")),
    );
    await withinMs(drained, this.#drainMs);
    for (const connection of this.#connections.keys()) connection.close("shutting down");
    this.#server.closeAllConnections();
    for (const socket of this.#connections.values())
      setTimeout(() => socket.destroy(), SOCKET_END_MS_MAX).unref();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = pathOf(request, this.#options.basePath ?? "");
    if (request.method !== "GET" && request.method !== "HEAD") {
      sendJson(response, 405, "application/json", {
        message: "this endpoint is read with GET, and driven over the native wire",
      });
    } else if (path === "/discover") {
      const verdict = this.#identity?.verify(requestOf(request), signatureOf(request));
      if (verdict?.ok === false) sendJson(response, 401, "application/json", refusalOf(verdict.reason));
      else sendJson(response, 200, MANIFEST_MEDIA_TYPE, this.#manifest);
    } else if (path === "/health") {
      sendJson(response, this.#isClosing ? 503 : 200, "application/json", {
        status: this.#isClosing ? "closing" : "ok",
      });
    } else {
      const message = `nothing is here. This is a Holdfast endpoint: see /discover and /health, and upgrade at ${NATIVE_WIRE_PATH}`;
      sendJson(response, 404, "application/json", { message });
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    socket.on("error", () => {}); // "close" follows.
    const path = pathOf(request, this.#options.basePath ?? "");
    const protocol = String(request.headers.upgrade ?? "").toLowerCase();
    if (path !== NATIVE_WIRE_PATH) refuse(socket, 404, `the native wire is at ${NATIVE_WIRE_PATH}`);
    else if (protocol !== NATIVE_WIRE_PROTOCOL)
      refuse(socket, 426, `this endpoint speaks ${NATIVE_WIRE_PROTOCOL}, not ${protocol}`);
    else if (this.#isClosing) refuse(socket, 503, "shutting down");
    else if (this.#identity === undefined) this.#connect(socket, head, {});
    else
      this.#connectIfTrusted(this.#identity.verify(requestOf(request), signatureOf(request)), socket, head);
  }

  #connectIfTrusted(verdict: Verdict, socket: Duplex, head: Uint8Array): void {
    const channel = verdict.ok ? openChannel(verdict) : undefined;
    if (!verdict.ok) refuse(socket, 401, refusalOf(verdict.reason).message);
    else if (channel === undefined) refuse(socket, 401, refusalOf("it opens no channel").message);
    else {
      const { deployment } = verdict.claims;
      this.#connect(socket, head, { deployment, share: channel.share, opener: channel.opener });
    }
  }

  #connect(socket: Duplex, head: Uint8Array, trust: Trust): void {
    const connection = new NativeConnection({
      pipe: {
        write: (bytes) => socket.write(bytes),
        end: () => socket.end(),
        destroy: () => socket.destroy(),
      },
      programs: this.#programs,
      environment: this.#environment,
      frameBytesMax: this.#options.frameBytesMax ?? FRAME_BODY_BYTES_MAX,
      sessionsMax: this.#options.sessionsMax ?? SESSIONS_MAX,
      ...(trust.deployment === undefined ? {} : { deployment: trust.deployment }),
      onProblem: warnOfConnection,
    });
    this.#connections.set(connection, socket);
    socket.write(
      `HTTP/1.1 101 ${STATUS_CODES[101]}\r\nConnection: Upgrade\r\nUpgrade: ${NATIVE_WIRE_PROTOCOL}\r\n` +
        `${trust.share === undefined ? "" : `${CHANNEL_HEADER}: ${trust.share}\r\n`}\r\n`,
    );
    const receive = (chunk: Uint8Array): void => {
      if (trust.opener === undefined) connection.receive(chunk);
      else receiveSealed(connection, trust.opener, chunk, socket);
    };
    if (hasTimeout(socket)) {
      socket.setNoDelay(true);
      socket.setTimeout(SILENCE_MS_MAX, () => socket.destroy());
    }
    socket.on("data", receive);
    socket.on("drain", () => connection.resume());
    // HTTP sockets stay half open by default. An engine that has ended its side is gone.
    socket.on("end", () => socket.destroy());
    socket.on("close", () => {
      this.#connections.delete(connection);
      connection.lost("the connection to the engine was lost");
    });
    if (head.length > 0) receive(head);
  }
}

/** What a verified upgrade brought. Empty where no engine's key is known. */
interface Trust {
  readonly deployment?: string;
  readonly share?: string;
  readonly opener?: ChannelOpener;
}

function receiveSealed(
  connection: NativeConnection,
  opener: ChannelOpener,
  chunk: Uint8Array,
  socket: Duplex,
): void {
  let payloads: readonly Uint8Array[];
  try {
    payloads = opener.push(chunk);
  } catch (error) {
    warnOfConnection(error instanceof Error ? error.message : String(error));
    connection.lost("somebody interfered with the connection to the engine");
    socket.destroy();
    return;
  }
  for (const payload of payloads) connection.receive(payload);
}

function warnOfConnection(message: string): void {
  console.warn(`holdfast: a connection was given up: ${shownLine(message)}`);
}

function requestOf({ method, headers, url }: IncomingMessage): {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
} {
  return { method: method ?? "", authority: headers.host ?? "", path: url ?? "" };
}

function signatureOf({ headers }: IncomingMessage): string | undefined {
  const value = headers[SIGNATURE_HEADER];
  return typeof value === "string" ? value : undefined;
}

function refusalOf(reason: string): { readonly message: string } {
  return {
    message: `this endpoint runs handlers only for engines whose key is among its identityKeys: ${reason}`,
  };
}

/** How long a socket may take to end by itself before it is cut off. */
const SOCKET_END_MS_MAX = 1_000;

interface NetworkSocket {
  setNoDelay(on: boolean): void;
  setTimeout(ms: number, callback: () => void): void;
}

function hasTimeout(socket: object): socket is NetworkSocket {
  return "setNoDelay" in socket && "setTimeout" in socket;
}

function pathOf(request: IncomingMessage, basePath: string): string | undefined {
  const path = (request.url ?? "").split("?")[0] ?? "";
  return path.startsWith(basePath) ? path.slice(basePath.length) : undefined;
}

function sendJson(response: ServerResponse, status: number, mediaType: string, body: object): void {
  response.writeHead(status, { "content-type": mediaType, "x-content-type-options": "nosniff" });
  response.end(JSON.stringify(body));
}

function refuse(socket: Duplex, status: number, message: string): void {
  const body = JSON.stringify({ message });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      "X-Content-Type-Options: nosniff\r\n" +
      `Content-Length: ${new TextEncoder().encode(body).length}\r\n\r\n${body}`,
  );
}

async function withinMs(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
