/** One request to the admin API and what its route needs to answer it. */
import { closestName, HoldfastError } from "@holdfast/protocol";

import type { HttpRequest, HttpResponse } from "../http/exchange.ts";
import { invalid, parseBody } from "../http/json-request.ts";
import type { Params } from "../http/router.ts";
import type { EngineAccess } from "../partition/engine-access.ts";
import type { AdminSettings } from "./admin-settings.ts";
import type { BulkActions } from "./bulk-actions.ts";

export type AdminScope = {
  readonly engine: EngineAccess;
  readonly settings: AdminSettings;
  readonly bulk: BulkActions;
  readonly onDefect: (error: unknown) => void;
};

export type AdminExchange = AdminScope & {
  readonly req: HttpRequest;
  readonly res: HttpResponse;
  readonly params: Params;
  readonly query: string;
  readonly body: Uint8Array;
};

export type AdminAnswer = {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: string[];
};

/** Undefined: the route has written the response itself. */
export type AdminRoute = (
  exchange: AdminExchange,
) => AdminAnswer | undefined | Promise<AdminAnswer | undefined>;

/** The parsed body; undefined when there is none. */
export function jsonOf(exchange: AdminExchange): unknown {
  return parseBody(exchange.body, exchange.req.headers["content-type"]);
}

export function param(exchange: AdminExchange, name: string): string {
  const value = exchange.params[name];
  if (value === undefined) throw new Error(`The route has no parameter ${name}`);
  return value;
}

/** The query's values by name. Names that are not among `known`, and a name given twice, are refused. */
export function readQuery<Name extends string>(
  exchange: { readonly query: string },
  ...known: readonly Name[]
): Readonly<Partial<Record<Name, string>>> {
  const values: Partial<Record<Name, string>> = {};
  for (const [name, value] of new URLSearchParams(exchange.query)) {
    const expected = known.find((candidate) => candidate === name);
    if (expected === undefined) {
      const meant = closestName(name, known);
      const there = known.length === 0 ? "there are none" : `known are ${known.join(", ")}`;
      throw invalid(
        `"${name}" is not a query parameter here; ${meant === undefined ? there : `did you mean "${meant}"?`}`,
        { field: name },
      );
    }
    if (values[expected] !== undefined) throw invalid(`the query parameter "${name}" is given twice`);
    values[expected] = value;
  }
  return values;
}

export function queryBoolean(value: string | undefined, name: string): boolean {
  if (value === undefined || value === "false") return false;
  if (value === "true" || value === "") return true;
  throw invalid(`"${name}" must be true or false`, { field: name });
}

export function queryCount(value: string | undefined, name: string, fallback: number, max: number): number {
  if (value === undefined) return fallback;
  const count = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(count)) throw invalid(`"${name}" must be a whole number`, { field: name });
  if (count > max)
    throw new HoldfastError("limit-exceeded", { what: `"${name}"`, name: `${name} of a page`, limit: max });
  return count;
}
