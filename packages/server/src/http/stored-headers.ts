/**
 * Which headers of a call are kept in the journal and given to the handler. An allow-list, because the journal outlives the
 * request: what nobody asked to keep (credentials above all) must not be found in it.
 */
import type { IncomingHttpHeaders } from "node:http";

import { HoldfastError, type Header } from "@holdfast/protocol";

/** Decides by name; remembers what it decided. */
export type HeaderFilter = (headers: IncomingHttpHeaders) => Header[];

/** Never stored, whatever the configuration says. */
const SECRET = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
/** About the connection that they came on, and meaningless behind it (RFC 9110, 7.6.1). Never stored either. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
/** Headers of ours are for the server, whatever the configuration says; a handler must not mistake a caller's for the server's. */
const RESERVED_PREFIXES = ["x-restate-", "x-holdfast-"];
const NONE: readonly string[] = [];
/** Clients invent header names; beyond so many, decisions are made anew each time. */
const REMEMBERED_MAX = 1_000;

/**
 * Patterns: "name", "prefix*", "*", and "!name" or "!prefix*" for exceptions, which win wherever they stand. Throws
 * `config-invalid` for what is none.
 */
export function headerFilter(patterns: readonly string[]): HeaderFilter {
  for (const pattern of patterns) requirePattern(pattern);
  const wanted = patterns.filter((pattern) => !pattern.startsWith("!")).map(matcher);
  const unwanted = patterns
    .filter((pattern) => pattern.startsWith("!"))
    .map((pattern) => matcher(pattern.slice(1)));
  const decisions = new Map<string, boolean>();
  const decide = (name: string): boolean =>
    !SECRET.includes(name) &&
    !HOP_BY_HOP.includes(name) &&
    !RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix)) &&
    wanted.some((matches) => matches(name)) &&
    !unwanted.some((matches) => matches(name));
  return (headers) => {
    const stored: Header[] = [];
    const { connection = "keep-alive" } = headers;
    // A client may declare more headers to be about the connection only.
    const named = connection === "keep-alive" ? NONE : connection.toLowerCase().split(/[\s,]+/);
    for (const name in headers) {
      let isStored = decisions.get(name);
      if (isStored === undefined) {
        isStored = decide(name);
        if (decisions.size < REMEMBERED_MAX) decisions.set(name, isStored);
      }
      const value = headers[name];
      if (isStored && typeof value === "string" && !named.includes(name)) stored.push([name, value]);
    }
    return stored;
  };
}

function requirePattern(pattern: string): void {
  const name = pattern.replace(/^!/, "").toLowerCase();
  const problem = !/^(?:[a-z0-9-]+\*?|\*)$/.test(name)
    ? `"${pattern}" is neither a header name nor the beginning of one with a *`
    : !pattern.startsWith("!") && SECRET.includes(name)
      ? `"${name}" is a credential and never stored`
      : undefined;
  if (problem !== undefined)
    throw new HoldfastError("config-invalid", { key: "ingress.storedHeaders", reason: problem });
}

function matcher(pattern: string): (name: string) => boolean {
  const lower = pattern.toLowerCase();
  if (!lower.endsWith("*")) return (name) => name === lower;
  const prefix = lower.slice(0, -1);
  return (name) => name.startsWith(prefix);
}
