/**
 * Which headers of a call are kept in the journal and given to the handler. An allow-list, because the journal outlives the
 * request: what nobody asked to keep (credentials above all) must not be found in it.
 */
import type { IncomingHttpHeaders } from "node:http";

import type { Header } from "@holdfast/protocol";

/** Decides by name; remembers what it decided. */
export type HeaderFilter = (headers: IncomingHttpHeaders) => Header[];

/** Never stored, whatever the configuration says. */
const SECRET = ["authorization", "proxy-authorization", "cookie", "set-cookie"];
/** Clients invent header names; beyond so many, decisions are made anew each time. */
const REMEMBERED_MAX = 1_000;

/** Patterns: "name", "prefix*", and "!name" or "!prefix*" for exceptions, which win wherever they stand. */
export function headerFilter(patterns: readonly string[]): HeaderFilter {
  const wanted = patterns.filter((pattern) => !pattern.startsWith("!")).map(matcher);
  const unwanted = patterns
    .filter((pattern) => pattern.startsWith("!"))
    .map((pattern) => matcher(pattern.slice(1)));
  const decisions = new Map<string, boolean>();
  const decide = (name: string): boolean =>
    !SECRET.includes(name) &&
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

/** Why a pattern cannot be used, or undefined. */
export function headerPatternProblem(pattern: string): string | undefined {
  const name = pattern.replace(/^!/, "").toLowerCase();
  if (!/^[a-z0-9-]+\*?$/.test(name))
    return `"${pattern}" is neither a header name nor the beginning of one with a *`;
  if (!pattern.startsWith("!") && SECRET.includes(name)) return `"${name}" is never stored`;
  return undefined;
}

function matcher(pattern: string): (name: string) => boolean {
  const lower = pattern.toLowerCase();
  if (!lower.endsWith("*")) return (name) => name === lower;
  const prefix = lower.slice(0, -1);
  return (name) => name.startsWith(prefix);
}
