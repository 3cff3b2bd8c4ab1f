/**
 * Who may talk to a listener. A server on a loopback address is reached by every web page that its user opens: by requests
 * to it directly, and under a name that an attacker's DNS points to it ("rebinding"). So the name in Host must be one of
 * ours, and browsers must not be acting for another page.
 */
import { HoldfastError } from "@holdfast/protocol";

import type { HttpRequest } from "./exchange.ts";
import { isJsonType } from "./json-request.ts";

export type AccessRules = {
  /** The names that Host may hold, with any port, or "name:port" for this one only; empty: any name. */
  readonly hosts: readonly string[];
  /** Refuse requests that a browser makes for a page of another origin. */
  readonly refuseCrossSite: boolean;
  /** Origins whose pages may use the server all the same; "*" for all. */
  readonly origins: readonly string[];
};

/** A name or an address, and a port or none. */
const AUTHORITY = /^([\w.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/;
const SHOWN_LENGTH = 200;
const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

export function isLoopbackAddress(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The hosts to allow on a listener: its own names when it is bound to a loopback address, and any when it is not. */
export function allowedHosts(bind: string, configured: readonly string[]): readonly string[] {
  if (!isLoopbackAddress(bind)) return configured.map((name) => name.toLowerCase());
  const own = bind.includes(":") && !bind.startsWith("[") ? `[${bind}]` : bind;
  return [...new Set([...LOOPBACK_HOSTS, own, ...configured].map((name) => name.toLowerCase()))];
}

/** Throws `host-not-allowed`, `request-malformed` or `origin-not-allowed`. */
export function checkAccess(rules: AccessRules, req: HttpRequest): void {
  const { host } = req.headers;
  if (host === undefined ? req.httpVersion !== "1.0" : host.includes(",")) {
    throw new HoldfastError("request-malformed", { reason: "it needs exactly one Host header" });
  }
  const authority = AUTHORITY.exec(host ?? "");
  if (authority === null && host !== undefined && rules.hosts.length === 0) {
    throw new HoldfastError("request-malformed", { reason: "its Host is no name with or without a port" });
  }
  if (rules.hosts.length > 0 && !isOneOf(rules.hosts, authority)) {
    throw new HoldfastError("host-not-allowed", { host: (host ?? "").slice(0, SHOWN_LENGTH) });
  }
  if (rules.refuseCrossSite) checkOrigin(rules, req);
}

export function isOriginAllowed(rules: AccessRules, origin: string): boolean {
  return rules.origins.includes(origin) || rules.origins.includes("*");
}

function checkOrigin(rules: AccessRules, req: HttpRequest): void {
  const { origin, host } = req.headers;
  const site = req.headers["sec-fetch-site"];
  const isOtherPage = site === "cross-site" || site === "same-site";
  const isOtherOrigin = origin !== undefined && !isOwnOrigin(origin, host ?? "");
  if (!isOtherPage && !isOtherOrigin) return;
  if (origin !== undefined && isOriginAllowed(rules, origin)) return;
  throw new HoldfastError("origin-not-allowed", { origin: origin ?? `another site (${site})` });
}

/** With either scheme: a proxy in front may speak TLS. */
function isOwnOrigin(origin: string, host: string): boolean {
  return origin.replace(/^https?:\/\//, "").toLowerCase() === host.toLowerCase();
}

function isOneOf(hosts: readonly string[], authority: RegExpExecArray | null): boolean {
  if (authority === null) return false;
  const [whole, name = ""] = authority;
  return hosts.includes(name.toLowerCase()) || hosts.includes(whole.toLowerCase());
}

/**
 * Refuses a POST that a web page can have sent without the browser asking this server first: one with the content types
 * of forms, or none. Browsers say where such a request comes from, and `checkAccess` looks at that; this holds where they
 * do not. Throws `media-type-unsupported`.
 */
export function refuseSimplePost(req: HttpRequest): void {
  if (req.method !== "POST" || isJsonType(req.headers["content-type"] ?? "")) return;
  // Basic would not do: browsers send it by themselves.
  if (/^bearer /i.test(req.headers.authorization ?? "")) return;
  const contentType = req.headers["content-type"] ?? "";
  throw new HoldfastError(
    "media-type-unsupported",
    { contentType: contentType.slice(0, SHOWN_LENGTH) },
    { hint: "Send content-type: application/json, also without a body: no web page can do that unasked." },
  );
}
