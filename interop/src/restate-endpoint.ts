/** Handlers of the unmodified Restate SDK for TypeScript, behind a socket on this machine. */
import { createServer as createHttp1Server } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

import { createEndpointHandler, type EndpointOptions } from "@restatedev/restate-sdk";
import { createEndpointHandler as createLambdaHandler } from "@restatedev/restate-sdk/lambda";

export type ServedEndpoint = {
  readonly url: string;
  /** Ends every connection, as the death of the process would. */
  cut(): void;
  close(): Promise<void>;
};

/** Nothing of what a handler logs is of interest here. */
const quiet = { logger: () => {} };

/** HTTP/2 in clear text and nothing else: what `serve` of the SDK does. */
export async function serveOverHttp2(options: EndpointOptions): Promise<ServedEndpoint> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server(createEndpointHandler({ ...quiet, ...options }));
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    session.on("error", () => {}); // "close" follows.
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const cut = (): void => {
    for (const session of sessions) session.destroy();
  };
  return { url: urlOf(server), cut, close: () => closed(server, cut) };
}

/** HTTP/1.1, which the SDK speaks in request/response mode. */
export async function serveOverHttp1(options: EndpointOptions): Promise<ServedEndpoint> {
  const server = createHttp1Server(createEndpointHandler({ ...quiet, ...options, bidirectional: false }));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const cut = (): void => server.closeAllConnections();
  return { url: urlOf(server), cut, close: () => closed(server, cut) };
}

/** A function of AWS Lambda, called by whatever is posted to a URL, as a gateway would. */
export async function serveAsLambda(options: EndpointOptions): Promise<ServedEndpoint> {
  // What it takes is said by types of Amazon's, which are not here.
  const call = createLambdaHandler({ ...quiet, ...options }) as (
    event: unknown,
    context: { readonly awsRequestId: string },
  ) => Promise<unknown>;
  const server = createHttp1Server((request, response) => {
    const answer = async (): Promise<void> => {
      const result = await call(await json(request), { awsRequestId: "request-1" });
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
    };
    answer().catch((error: unknown) => response.writeHead(502).end(String(error)));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const cut = (): void => server.closeAllConnections();
  return { url: urlOf(server), cut, close: () => closed(server, cut) };
}

function urlOf(server: { address(): AddressInfo | string | null }): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closed(server: { close(done: () => void): unknown }, cut: () => void): Promise<void> {
  const done = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  cut();
  await done;
}
