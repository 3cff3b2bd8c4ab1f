/** HTTP for operators. Every route is a function from an exchange to an answer; this file knows them all. */
import { createHash, timingSafeEqual } from "node:crypto";

import { HoldfastError } from "@holdfast/protocol";

import { checkAccess, refuseSimplePost, type AccessRules } from "../http/access.ts";
import type { HttpHandler } from "../http/exchange.ts";
import { readBody } from "../http/request-body.ts";
import { readPath } from "../http/request-path.ts";
import { sendError, sendJson } from "../http/response.ts";
import { refusalOfPath, Router, type Params } from "../http/router.ts";
import type { EngineAccess } from "../partition/engine-access.ts";
import { answerQuery } from "../query/query-route.ts";
import type { AdminSettings } from "./admin-settings.ts";
import { BulkActions } from "./bulk-actions.ts";
import { getDeployment, listDeployments, removeDeployment } from "./deployments.ts";
import type { AdminExchange, AdminRoute, AdminScope } from "./exchange.ts";
import {
  actOnInvocation,
  getBulk,
  getInvocation,
  getJournal,
  listBulk,
  listInvocations,
  startBulk,
  stopBulk,
} from "./invocations.ts";
import { completePromise, getPromise, listPromises } from "./promises.ts";
import { registerInEitherForm } from "./restate/either-form.ts";
import { asAdminRoute, API_VERSIONS, versionedPath } from "./restate/exchange.ts";
import { patchesInvocation } from "./restate/invocations.ts";
import { RestateRefusal, sendRefusal } from "./restate/refusal.ts";
import { restateRoutes } from "./restate/routes.ts";
import { getConfig, getHealth, getLimits, getVersion } from "./server-info.ts";
import { getService, listServices } from "./services.ts";
import { clearState, getState, listState, patchState, putState } from "./state.ts";

export const adminRoutes: Router<AdminRoute> = new Router<AdminRoute>()
  .on("GET", "/health", getHealth)
  .on("GET", "/version", getVersion)
  .on("GET", "/limits", getLimits)
  .on("POST", "/query", answerQuery)
  .on("POST", "/v2/query", answerQuery)
  .on("POST", "/v3/query", answerQuery)
  .on("POST", "/v4/query", answerQuery)
  .on("GET", "/config", getConfig)
  .on("GET", "/deployments", listDeployments)
  .on("POST", "/deployments", registerInEitherForm)
  .on("GET", "/deployments/:id", getDeployment)
  .on("DELETE", "/deployments/:id", removeDeployment)
  .on("GET", "/services", listServices)
  .on("GET", "/services/:service", getService)
  .on("GET", "/invocations", listInvocations)
  .on("GET", "/invocations/bulk", listBulk)
  .on("POST", "/invocations/bulk", startBulk)
  .on("GET", "/invocations/bulk/:id", getBulk)
  .on("DELETE", "/invocations/bulk/:id", stopBulk)
  .on("GET", "/invocations/:id", getInvocation)
  .on("GET", "/invocations/:id/journal", getJournal)
  .on("PATCH", "/invocations/:id/purge-journal", asAdminRoute(patchesInvocation("purge-journal")))
  .on("PATCH", "/invocations/:id/restart-as-new", asAdminRoute(patchesInvocation("restart-as-new")))
  .on("POST PATCH", "/invocations/:id/:action", actOnInvocation)
  .on("GET", "/services/:service/state", listState)
  .on("GET", "/services/:service/state/:key", getState)
  .on("PUT", "/services/:service/state/:key", putState)
  .on("PATCH", "/services/:service/state/:key", patchState)
  .on("DELETE", "/services/:service/state/:key", clearState)
  .on("GET", "/services/:service/promises/:key", listPromises)
  .on("GET", "/services/:service/promises/:key/:name", getPromise)
  .on("POST", "/services/:service/promises/:key/:name/:verb", completePromise);

/** `onDefect` hears of every error that is the server's own. */
export function createAdmin(
  engine: EngineAccess,
  settings: AdminSettings,
  onDefect: (error: unknown) => void = console.error,
): HttpHandler {
  const rules: AccessRules = { hosts: settings.hosts, refuseCrossSite: true, origins: [] };
  const scope: AdminScope = { engine, settings, bulk: new BulkActions(engine, onDefect), onDefect };
  const isAuthorized = authorizer(settings.token);
  return (req, res) => {
    let form: Form = "ours";
    const refuse = (error: unknown): void => {
      if (form === "ours") sendError(res, error, "admin", onDefect);
      else sendRefusal(res, error, onDefect);
    };
    try {
      checkAccess(rules, req);
      if (!isAuthorized(req.headers.authorization)) throw new HoldfastError("unauthorized");
      refuseSimplePost(req);
      const { segments, query } = readPath(req.url ?? "/");
      if (versionedPath(segments) !== undefined) form = "restate";
      const found = findRoute(req.method ?? "GET", segments);
      const { handler, params } = found;
      form = found.form;
      const limit = { bytesMax: settings.bodyBytesMax, name: "admin.bodyBytesMax", budget: settings.budget };
      const withBody = (body: Uint8Array): void => {
        answer(handler, { ...scope, req, res, params, query, body }).catch(refuse);
      };
      readBody(req, limit, withBody, refuse);
    } catch (error) {
      refuse(error);
    }
  };
}

/** Whose requests and answers a route understands. */
type Form = "ours" | "restate";
type FoundRoute = { readonly form: Form; readonly handler: AdminRoute; readonly params: Params };

/** What both APIs have is ours, and what only Restate's has is Restate's; that one has all of its routes below a version too. */
function findRoute(method: string, segments: readonly string[]): FoundRoute {
  const ours = adminRoutes.peek(method, segments);
  if (ours !== undefined) return { ...ours, form: "ours" };
  const versioned = versionedPath(segments);
  if (versioned !== undefined) {
    if (versioned.apiVersion === undefined) throw unknownVersion(segments[0]);
    const found = restateRoutes.find(method, versioned.segments);
    return { ...found, form: "restate", handler: asAdminRoute(found.handler, versioned.apiVersion) };
  }
  const restates = restateRoutes.peek(method, segments);
  if (restates !== undefined)
    return { ...restates, form: "restate", handler: asAdminRoute(restates.handler) };
  throw refusalOfPath(method, segments, [
    ...adminRoutes.methodsOf(segments),
    ...restateRoutes.methodsOf(segments),
  ]);
}

function unknownVersion(version: string | undefined): RestateRefusal {
  const known = API_VERSIONS.map((number) => `v${number}`).join(", ");
  return new RestateRefusal(400, `There is no version ${version} of the admin API; there are ${known}`);
}

async function answer(route: AdminRoute, exchange: AdminExchange): Promise<void> {
  const answered = await route(exchange);
  if (answered === undefined) return;
  const { status = 200, body, headers = [] } = answered;
  sendJson(exchange.res, status, body, ["cache-control", "no-store", ...headers]);
}

/** Compares digests, so that neither content nor length of the token can be found out by timing. */
function authorizer(token: string | undefined): (authorization: string | undefined) => boolean {
  if (token === undefined) return () => true;
  const expected = digest(`Bearer ${token}`);
  return (authorization) => authorization !== undefined && timingSafeEqual(digest(authorization), expected);
}

function digest(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
