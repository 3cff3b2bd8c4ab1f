/** `GET /discover` over HTTP/1.1: what an endpoint answers, before anything of it is believed. */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";

import { HoldfastError } from "@holdfast/protocol";

import { incompatible, unreachable } from "./discovery-errors.ts";
import type { EndpointAddresses } from "./endpoint-address.ts";

export const DISCOVERY_TIMEOUT_MS = 10_000;
export const MANIFEST_BYTES_MAX: number = 1024 * 1024;

export type DiscoveryRequest = {
  /** As it was given, for messages. */
  readonly url: string;
  readonly base: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly addresses: EndpointAddresses;
};

export type DiscoveryAnswer = {
  readonly status: number;
  /** Content type as it was sent; "" for none. */
  readonly type: string;
  /** What the SDK calls itself in `x-restate-server`; "" when it does not say. */
  readonly server: string;
  readonly text: string;
  readonly http: "1.1" | "2";
};

/** Where the manifest of the endpoint at `base` is. */
export function discoveryPath(base: URL): string {
  return `${base.pathname.replace(/\/$/, "")}/discover${base.search}`;
}

function send({ base, url, headers, addresses }: DiscoveryRequest): ClientRequest {
  const to = addresses.connectOptions(base);
  try {
    return (base.protocol === "https:" ? httpsRequest : httpRequest)({
      ...to,
      path: discoveryPath(base),
      method: "GET",
      headers,
      signal: AbortSignal.timeout(DISCOVERY_TIMEOUT_MS),
    });
  } catch (error) {
    // Names and values of headers come from whoever registers, and not every text can be one.
    throw unreachable(url, error instanceof Error ? error.message : String(error));
  }
}

/** Rejects with a HoldfastError when there is no answer. What it holds is for the caller to judge. */
export function askOverHttp1(asked: DiscoveryRequest): Promise<DiscoveryAnswer> {
  const { url } = asked;
  return new Promise((resolve, reject) => {
    const request = send(asked);
    request.on("response", (response) => readAnswer(url, response, resolve, reject));
    request.on("error", (error: NodeJS.ErrnoException) => {
      if (error instanceof HoldfastError) {
        reject(error);
        return;
      }
      const isTimeout = error.name === "TimeoutError" || error.code === "ABORT_ERR";
      const reason = isTimeout
        ? `no answer within ${DISCOVERY_TIMEOUT_MS} ms`
        : (error.code ?? error.message);
      reject(unreachable(url, reason, error.code));
    });
    request.end();
  });
}

function readAnswer(
  url: string,
  response: IncomingMessage,
  resolve: (answer: DiscoveryAnswer) => void,
  reject: (reason: Error) => void,
): void {
  const { "content-type": type = "", "x-restate-server": server } = response.headers;
  const chunks: Uint8Array[] = [];
  let size = 0;
  response.on("data", (chunk: Uint8Array) => {
    size += chunk.length;
    chunks.push(chunk);
    if (size > MANIFEST_BYTES_MAX) {
      response.destroy();
      reject(tooLarge(url));
    }
  });
  response.on("end", () =>
    resolve({
      status: response.statusCode ?? 0,
      type,
      server: typeof server === "string" ? server : "",
      text: Buffer.concat(chunks).toString("utf8"),
      http: "1.1",
    }),
  );
  response.on("error", (error) =>
    reject(unreachable(url, `the connection broke during GET /discover: ${error.message}`)),
  );
}

export function tooLarge(url: string): HoldfastError {
  return incompatible(url, `its manifest is larger than ${MANIFEST_BYTES_MAX} bytes`);
}
