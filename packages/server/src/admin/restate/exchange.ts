/** One request to the admin API in the form that clients of Restate send it, and how it is answered in theirs. */
import { sendBytes, sendEmpty, sendJson } from "../../http/response.ts";
import type { AdminExchange, AdminRoute } from "../exchange.ts";
import { sendRefusal } from "./refusal.ts";

/** The versions of Restate's admin API that are spoken. Without one in the path it is the newest. */
export const API_VERSIONS = [2, 3, 4] as const;
export type ApiVersion = (typeof API_VERSIONS)[number];
export const NEWEST_API_VERSION: ApiVersion = 4;

export type RestateExchange = AdminExchange & { readonly apiVersion: ApiVersion };

export type RestateAnswer =
  | {
      readonly status?: number;
      /** Undefined: nothing is said. */
      readonly body?: unknown;
      readonly headers?: string[];
    }
  | { readonly bytes: Uint8Array; readonly contentType: string };

export type RestateRoute = (exchange: RestateExchange) => RestateAnswer | Promise<RestateAnswer>;

/** The route as one of ours: it answers by itself, also when it refuses. */
export function asAdminRoute(route: RestateRoute, apiVersion: ApiVersion = NEWEST_API_VERSION): AdminRoute {
  return async (exchange) => {
    const { res, onDefect } = exchange;
    try {
      const answer = await route({ ...exchange, apiVersion });
      if ("bytes" in answer) {
        sendBytes(res, 200, answer.contentType, [answer.bytes]);
        return undefined;
      }
      const { status = 200, body, headers = [] } = answer;
      headers.push("cache-control", "no-store");
      if (body === undefined) sendEmpty(res, status, headers);
      else sendJson(res, status, body, headers);
    } catch (error) {
      sendRefusal(res, error, onDefect);
    }
    return undefined;
  };
}

/** "/v3/services" is "/services" of version 3. Undefined: the path says nothing of a version. */
export function versionedPath(
  segments: readonly string[],
): { readonly apiVersion: ApiVersion | undefined; readonly segments: readonly string[] } | undefined {
  const [first = "", ...rest] = segments;
  const [, digits] = /^v(\d{1,3})$/.exec(first) ?? [];
  if (digits === undefined) return undefined;
  return { apiVersion: API_VERSIONS.find((version) => version === Number(digits)), segments: rest };
}
