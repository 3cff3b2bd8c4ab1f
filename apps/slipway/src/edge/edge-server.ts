import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { Duplex } from "node:stream";

import { listen, listenNear } from "../listen.ts";
import type { Edge, EdgeAnswer } from "../ports/edge.ts";
import type { Region } from "../ports/region.ts";
import { PAGE_HEADERS, renderPage, type EdgePage } from "./edge-page.ts";
import { proxyRequest } from "./proxy-request.ts";
import { proxyUpgrade, refuseUpgrade } from "./proxy-upgrade.ts";
import { RouteTable } from "./route-table.ts";

/** The public side: one HTTP server in front of all applications, which it tells apart by their host name. */
export class EdgeServer implements Edge {
  readonly #table: RouteTable;
  /** The second one is for visitors whose "localhost" is IPv6. */
  readonly #servers = [createServer(), createServer()] as const;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #upgraded = new Set<Duplex>();
  readonly #listening = Promise.withResolvers<number>();

  constructor(regions: readonly Region[]) {
    this.#table = new RouteTable(regions);
    for (const server of this.#servers) {
      server.on("request", (request, response) => this.#onRequest(request, response));
      server.on("upgrade", (request, socket, head) => this.#onUpgrade(request, socket, head));
    }
  }

  /** Listens on loopback, on the wanted port or one of the next. Returns the port. */
  async listen(wantedPort: number): Promise<number> {
    const port = await listenNear(this.#servers[0], wantedPort);
    await listen(this.#servers[1], port, "::1").catch(() => undefined); // A machine without IPv6 has no such visitors.
    this.#listening.resolve(port);
    return port;
  }

  route(host: string, route: { readonly deployment: string | undefined; readonly version: number }): void {
    this.#table.set(host, route);
  }

  async visit(host: string, signal: AbortSignal): Promise<EdgeAnswer> {
    const port = await this.#listening.promise;
    return new Promise((resolve, reject) => {
      // Node's resolver does not know names below "localhost" everywhere, so the name is only in the header.
      const visit = httpRequest({
        host: "127.0.0.1",
        port,
        headers: { host: `${host}:${port}` },
        agent: false,
        signal,
      });
      visit.once("error", reject);
      visit.once("response", (response) => {
        response.on("error", () => undefined); // The status has arrived; the page does not matter.
        response.resume();
        const deployment = response.headers["x-slipway-deployment"];
        if (typeof deployment === "string") resolve({ status: response.statusCode ?? 0, deployment });
        else reject(new Error(`no instance answered for ${host} (${this.#table.describe(host)})`));
      });
      visit.end();
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#upgraded) socket.destroy();
    await Promise.all(
      this.#servers.map(async (server) => {
        const closed = new Promise((resolve) => server.close(resolve));
        server.closeAllConnections();
        await closed;
      }),
    );
    this.#agent.destroy();
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    const answer = (page: EdgePage): void => {
      const headers = { ...PAGE_HEADERS, "X-Slipway-Error": page.code };
      response.writeHead(page.status, headers).end(request.method === "HEAD" ? "" : renderPage(page));
    };
    const host = hostOf(request);
    const upstreams = this.#table.upstreams(host);
    if (upstreams.length === 0) answer(this.#emptyPage(host, request));
    else proxyRequest({ request, response, agent: this.#agent, answer }, upstreams);
  }

  #onUpgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    this.#upgraded.add(socket);
    socket.once("close", () => this.#upgraded.delete(socket));
    socket.on("error", () => socket.destroy());
    const host = hostOf(request);
    const [upstream] = this.#table.upstreams(host);
    if (upstream === undefined) refuseUpgrade(socket, this.#emptyPage(host, request));
    else proxyUpgrade(request, socket, head, upstream);
  }

  #emptyPage(host: string, request: IncomingMessage): EdgePage {
    const route = this.#table.route(host);
    if (route !== undefined) {
      return {
        status: 503,
        code: "no_healthy_instance",
        title: "No healthy instance",
        text: `${host} leads to ${route.deployment}, and no instance of it is healthy: ${this.#table.describe(host)}.`,
      };
    }
    const port = /:\d+$/.exec(request.headers.host ?? "")?.[0] ?? "";
    const links = this.#table.hosts().map((known) => `http://${known}${port}/`);
    if (isBare(host)) {
      const text = links.length === 0 ? "Nothing is deployed yet." : "What is deployed here:";
      return { status: 200, code: "index", title: "Slipway", text, links };
    }
    const text = `Nothing is deployed at ${host}. ${links.length === 0 ? "" : "What is deployed here:"}`;
    return { status: 404, code: "unknown_host", title: "Unknown host name", text, links };
  }
}

/** The name in the Host header, without the port. */
function hostOf(request: IncomingMessage): string {
  return (request.headers.host ?? "").replace(/:\d+$/, "").toLowerCase();
}

function isBare(host: string): boolean {
  return host === "localhost" || host === "127.0.0.1" || host === "[::1]" || host === "";
}
