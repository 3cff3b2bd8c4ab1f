/** `GET /discover` over what carries attempts: HTTP/2, and requests to functions. */
import { systemClock } from "../../clock.ts";
import { unreachable } from "../discovery-errors.ts";
import {
  DISCOVERY_TIMEOUT_MS,
  discoveryPath,
  MANIFEST_BYTES_MAX,
  tooLarge,
  type DiscoveryAnswer,
  type DiscoveryRequest,
} from "../discovery-request.ts";
import { authorityOf } from "../request-signer.ts";
import type { ExchangeRequest, Transport } from "./exchange.ts";
import { Http2Transport } from "./http2-transport.ts";
import { LambdaTransport } from "./lambda-transport.ts";
import { askWhole, NoAnswer } from "./whole-answer.ts";

/** Rejects with a HoldfastError when there is no answer. Leaves no connection behind. */
export function askOverHttp2(asked: DiscoveryRequest): Promise<DiscoveryAnswer> {
  const { base, addresses, headers } = asked;
  const transport = new Http2Transport({ clock: systemClock, base, addresses });
  const request: ExchangeRequest = {
    method: "GET",
    path: discoveryPath(base),
    headers: { ...headers, host: authorityOf(base, headers) },
  };
  return askOver(transport, request, asked.url, "2");
}

/** As `askOverHttp2`, of a function behind the URL. */
export function askLambda({ url, base, addresses, headers }: DiscoveryRequest): Promise<DiscoveryAnswer> {
  const transport = new LambdaTransport({
    clock: systemClock,
    base,
    addresses,
    headers: { ...headers, host: authorityOf(base, headers) },
    compresses: false,
  });
  return askOver(transport, { method: "GET", path: "/discover", headers }, url, "1.1");
}

/** Closes the transport. */
async function askOver(
  transport: Transport,
  request: ExchangeRequest,
  url: string,
  http: DiscoveryAnswer["http"],
): Promise<DiscoveryAnswer> {
  const limits = { clock: systemClock, timeoutMs: DISCOVERY_TIMEOUT_MS, bytesMax: MANIFEST_BYTES_MAX };
  try {
    const { status, headers, body } = await askWhole(transport, request, undefined, limits);
    const { "content-type": type = "", "x-restate-server": server } = headers;
    const text = Buffer.from(body).toString("utf8");
    return { status, type, server: typeof server === "string" ? server : "", text, http };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    throw error.isTooLarge ? tooLarge(url) : unreachable(url, error.message);
  } finally {
    transport.close();
  }
}
