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
/** Headers of ours are for the server, whatever the configuration says; a handler must not mistake a caller's for the server's. */
const RESERVED_PREFIXES = ["x-restate-", "x-holdfast-"];
/** Clients invent header names; beyond so many, decisions are made anew each time. */
const REMEMBERED_MAX = 1_000;

/**
 * Patterns: "name", "prefix*", and "!name" or "!prefix*" for exceptions, which win wherever they stand. Throws
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
    !RESERVED_PREFIXES.some((prefix) => name.startsWith(prefix)) &&
    wanted.some((matches) => matches(name)) &&
    !unwanted.some((matches) => matches(name));
  return (headers) => {
    const stored: Header[] = [];
    for (const name in headers) {
      let isStored = decisions.get(name);
      if (isStored === undefined) {
        isStored = decide(name);
        if (decisions.size < REMEMBERED_MAX) decisions.set(name, isStored);
      }
      const value = headers[name];
      if (isStored && typeof value === "string") stored.push([name, value]);
    }
    return stored;
  };
}

function requirePattern(pattern: string): void {
  const name = pattern.replace(/^!/, "").toLowerCase();
  const problem = !/^[a-z0-9-]+\*?$/.test(name)
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
