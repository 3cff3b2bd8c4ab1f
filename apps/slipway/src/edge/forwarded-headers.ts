import type { IncomingMessage } from "node:http";

/** They are about one connection, not about the request, and the edge has two connections. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** What the edge says itself. Nobody outside may say it for us. Expectations it answers itself. */
const OWN = new Set(["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "expect"]);

/** Headers for the instance, as a flat list of names and values. */
export function requestHeaders(request: IncomingMessage): string[] {
  return [
    ...withoutHeaders(request.rawHeaders, (name) => HOP_BY_HOP.has(name) || OWN.has(name)),
    "X-Forwarded-For",
    request.socket.remoteAddress ?? "",
    "X-Forwarded-Host",
    request.headers.host ?? "",
    "X-Forwarded-Proto",
    "http",
  ];
}

/** The same for a request that asks for another protocol: the request for it has to arrive. */
export function upgradeHeaders(request: IncomingMessage): string[] {
  const protocol = request.headers.upgrade ?? "";
  return [...requestHeaders(request), "Connection", "Upgrade", "Upgrade", protocol];
}

/** Headers for the visitor. */
export function responseHeaders(
  response: IncomingMessage,
  additions: Readonly<Record<string, string>>,
): string[] {
  const added = Object.entries(additions).flat();
  return [...withoutHeaders(response.rawHeaders, (name) => HOP_BY_HOP.has(name)), ...added];
}

function withoutHeaders(raw: readonly string[], isLeftOut: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (!isLeftOut(name.toLowerCase())) kept.push(name, raw[index + 1] ?? "");
  }
  return kept;
}
