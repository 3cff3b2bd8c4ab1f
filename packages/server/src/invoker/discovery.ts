/**
 * Asking an endpoint what it serves, and believing nothing of it unchecked.
 *
 * Endpoints of our own SDK answer over HTTP/1.1. Those of Restate's SDKs often speak nothing but HTTP/2, in clear text
 * without any agreement beforehand; so whoever does not answer HTTP/1.1 as HTTP/1.1 is asked once more that way. So is every
 * endpoint of theirs: many of them hear notifications while they answer over HTTP/2, and only there.
 */
import { HoldfastError, MANIFEST_MEDIA_TYPE, type EndpointManifest } from "@holdfast/protocol";

import { excessReason } from "../http/strict-json.ts";
import { incompatible, unreachable } from "./discovery-errors.ts";
import { askOverHttp1, type DiscoveryAnswer, type DiscoveryRequest } from "./discovery-request.ts";
import type { EndpointAddresses } from "./endpoint-address.ts";
import { checkManifest } from "./manifest-check.ts";
import { askLambda, askOverHttp2 } from "./restate/discovery-exchange.ts";
import { PROTOCOL_VERSION_DEFAULT } from "./restate/protocol-versions.ts";
import {
  isRestateManifest,
  RESTATE_MANIFEST_TYPES,
  translateManifest,
  type RestateAnswer,
} from "./restate/restate-manifest.ts";

export { discoveryPath } from "./discovery-request.ts";
export { checkManifest } from "./manifest-check.ts";

/** Schemas are what nests: deeper than the values that they describe may, and no deeper than that. */
const MANIFEST_DEPTH_MAX = 256;
/** One of Restate's SDKs compares the elements as they are, so they carry no weights. */
const ACCEPT: string = [MANIFEST_MEDIA_TYPE, ...RESTATE_MANIFEST_TYPES].join(", ");
/** By which a server refuses that wants another version of HTTP, or of the request. Node says 403 to who did not agree on HTTP/2 over TLS. */
const ASK_OTHERWISE: ReadonlySet<number> = new Set([400, 403, 415, 426, 505]);

export type DiscoveryOptions = {
  /** Never speak HTTP/2 with this endpoint. */
  readonly http11Only?: boolean;
  /** It is a function: see `RestateEndpoint.lambda`. */
  readonly isLambda?: boolean;
  /** Newest version of Restate's protocol that may be agreed upon. */
  readonly restateVersionMax?: number;
};

/** The manifest of the endpoint at `url`. Every failure is a HoldfastError that names the endpoint and what is wrong. */
export async function discover(
  url: string,
  headers: Readonly<Record<string, string>>,
  addresses: EndpointAddresses,
  options: DiscoveryOptions = {},
): Promise<EndpointManifest> {
  const asked = { url, base: parseUrl(url), headers: { ...headers, accept: ACCEPT }, addresses };
  const read = (answer: DiscoveryAnswer): EndpointManifest => readAnswer(url, answer, options);
  if (options.isLambda === true) return read(await askLambda(asked));
  const first = await askOverHttp1(asked).catch((error: unknown) => {
    if (!mayNeedHttp2(error) || options.http11Only === true) throw error;
    return askAgain(asked, error as HoldfastError);
  });
  if (first.http === "2" || options.http11Only === true) return read(first);
  if (ASK_OTHERWISE.has(first.status)) return read(await askOverHttp2(asked).catch(() => first));
  const manifest = read(first);
  if (manifest.restate === undefined) return manifest;
  // It was asked a moment ago and has answered. An endpoint that does not speak HTTP/2 is as good without.
  const second = await askOverHttp2(asked).catch(() => undefined);
  return second?.status === 200 && isRestateManifest(second.type) ? read(second) : manifest;
}

/** What HTTP/1.1 makes of an answer in HTTP/2, and how a server ends a connection that does not begin as it must. */
function mayNeedHttp2(error: unknown): boolean {
  const code = error instanceof HoldfastError ? error.cause : undefined;
  if (typeof code !== "string") return false;
  return /^(HPE_|ERR_SSL_)/.test(code) || code === "ECONNRESET" || code === "EPIPE" || code === "EPROTO";
}

async function askAgain(asked: DiscoveryRequest, first: HoldfastError): Promise<DiscoveryAnswer> {
  try {
    return await askOverHttp2(asked);
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code !== "deployment-unreachable") throw error;
    const over1 = String(first.details["reason"]);
    throw unreachable(asked.url, `over HTTP/1.1: ${over1}; over HTTP/2: ${String(error.details["reason"])}`);
  }
}

function readAnswer(url: string, answer: DiscoveryAnswer, options: DiscoveryOptions): EndpointManifest {
  const { status, type, text } = answer;
  // What a foreign server answers is never passed on: its status is enough to find the mistake.
  if (status !== 200) {
    throw incompatible(url, `GET /discover answered ${status}; is this the address of an SDK's endpoint?`);
  }
  if (type === MANIFEST_MEDIA_TYPE) return parseManifest(url, text);
  if (isRestateManifest(type)) {
    const { restateVersionMax: versionMax = PROTOCOL_VERSION_DEFAULT, isLambda = false } = options;
    return parseRestateManifest(url, text, { ...answer, versionMax, isLambda });
  }
  throw incompatible(url, `GET /discover answered with ${shownType(type)}, expected ${MANIFEST_MEDIA_TYPE}`);
}

/** The manifest that an endpoint's answer holds. */
export function parseManifest(url: string, text: string): EndpointManifest {
  const manifest = checkManifest(url, parseJson(url, text));
  // How an endpoint of Restate's is driven was found out by asking it, and is not for a manifest of ours to claim.
  if (manifest.restate !== undefined) throw incompatible(url, 'its manifest has the unknown field "restate"');
  return manifest;
}

/** As `parseManifest`, of an endpoint of Restate's. */
export function parseRestateManifest(url: string, text: string, answer: RestateAnswer): EndpointManifest {
  return checkManifest(url, translateManifest(url, parseJson(url, text), answer));
}

function parseJson(url: string, text: string): unknown {
  // Deep enough, it would exhaust the stack of whoever writes it to the log.
  const excess = excessReason(text, MANIFEST_DEPTH_MAX);
  if (excess !== undefined) throw incompatible(url, `its manifest ${excess}`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw incompatible(url, "its answer to GET /discover is not JSON", cause);
  }
}

function parseUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null) throw unreachable(url, "this is not a URL");
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw unreachable(url, `the scheme "${parsed.protocol}" is not supported, only http: and https:`);
  }
  if (parsed.username !== "" || parsed.password !== "")
    throw unreachable(url, "a URL with credentials is not accepted; use headers");
  return parsed;
}

/** A header can carry anything, so only the two words of a media type are repeated. */
function shownType(type: string): string {
  const name = /^[a-z]{1,20}\/[a-z0-9.+-]{1,60}(?=\s*(?:;|$))/i.exec(type)?.[0];
  return name === undefined ? "no content type" : `content type ${name}`;
}
