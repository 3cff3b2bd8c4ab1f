/**
 * Who may talk to a listener. A server on a loopback address is reached by every web page that its user opens: by requests
 * to it directly, and under a name that an attacker's DNS points to it ("rebinding"). So the name in Host must be one of
 * ours, and browsers must not be acting for another page.
 */
import { HoldfastError } from "@holdfast/protocol";

import type { HttpRequest } from "./exchange.ts";

export type AccessRules = {
  /** The names that Host may hold; empty: any. Ports are not compared: what an attacker controls is the name. */
  readonly hosts: readonly string[];
  /** Refuse requests that a browser makes for a page of another origin. */
  readonly refuseCrossSite: boolean;
  /** Origins whose pages may use the server all the same; "*" for all. */
  readonly origins: readonly string[];
};

const LOOPBACK_HOSTS = ["localhost", "127.0.0.1", "[::1]"];

export function isLoopbackAddress(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The hosts to allow on a listener: its own names when it is bound to a loopback address, and any when it is not. */
export function allowedHosts(bind: string, configured: readonly string[]): readonly string[] {
  if (!isLoopbackAddress(bind)) return configured;
  const own = bind.includes(":") && !bind.startsWith("[") ? `[${bind}]` : bind;
  return [...new Set([...LOOPBACK_HOSTS, own, ...configured])];
}

/** Throws `host-not-allowed`, `request-malformed` or `origin-not-allowed`. */
export function checkAccess(rules: AccessRules, req: HttpRequest): void {
  const { host } = req.headers;
  if (host === undefined ? req.httpVersion !== "1.0" : host.includes(",")) {
    throw new HoldfastError("request-malformed", { reason: "it needs exactly one Host header" });
  }
  if (rules.hosts.length > 0 && !rules.hosts.includes(hostName(host ?? ""))) {
    throw new HoldfastError("host-not-allowed", { host: host ?? "" });
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

/** "localhost" of "localhost:8080", "[::1]" of "[::1]:8080". */
function hostName(host: string): string {
  const end = host.startsWith("[") ? host.indexOf("]") + 1 : host.indexOf(":");
  return (end <= 0 ? host : host.slice(0, end)).toLowerCase();
}
