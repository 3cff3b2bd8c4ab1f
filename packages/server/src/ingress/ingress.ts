/** HTTP for callers: `/{service}/{handler}`, `/{service}/{key}/{handler}`, and what lies below `/restate/`. */
import { IngressHeader } from "@holdfast/protocol";

import { checkAccess, isOriginAllowed, type AccessRules } from "../http/access.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../http/exchange.ts";
import { readPath } from "../http/request-path.ts";
import { sendEmpty, sendError } from "../http/response.ts";
import { headerFilter } from "../http/stored-headers.ts";
import type { EngineAccess } from "../partition/engine-access.ts";
import { addressOfPath } from "./addressing.ts";
import { handleCall, hidesPrivate, type CallScope } from "./call.ts";
import type { IngressSettings } from "./ingress-settings.ts";
import { handleRestatePath, requireMethod } from "./restate-routes.ts";
import { WaitingRoom } from "./waiting.ts";

const EXPOSED_HEADERS = [
  IngressHeader.invocationId,
  IngressHeader.errorSource,
  IngressHeader.idempotencyExpires,
].join(", ");
const PREFLIGHT_MAX_AGE_S = "600";

/** `onDefect` hears of every error that is the server's own; its caller was told only that there was one. */
export function createIngress(
  engine: EngineAccess,
  settings: IngressSettings,
  onDefect: (error: unknown) => void = console.error,
): HttpHandler {
  const rules: AccessRules = {
    hosts: settings.hosts,
    refuseCrossSite: settings.refuseCrossSite,
    origins: settings.corsOrigins,
  };
  const scope: CallScope = {
    engine,
    settings,
    room: new WaitingRoom(engine, settings.waitingCallsMax),
    storedHeaders: headerFilter(settings.storedHeaders),
    onDefect,
    principal: undefined,
  };
  const { authenticate } = settings;
  return (req, res) => {
    const refuse = (error: unknown): void => {
      sendError(res, error, "ingress", onDefect);
    };
    try {
      checkAccess(rules, req);
      if (settings.corsOrigins.length > 0 && answerCors(rules, req, res)) return;
      if (authenticate === undefined) {
        route(scope, req, res);
        return;
      }
      // Before the path is looked at: whoever has no name learns nothing about what there is.
      const caller = authenticate(req);
      if (typeof caller === "string") route({ ...scope, principal: caller }, req, res);
      else caller.then((principal) => route({ ...scope, principal }, req, res)).catch(refuse);
    } catch (error) {
      refuse(error);
    }
  };
}

function route(scope: CallScope, req: HttpRequest, res: HttpResponse): void {
  const { segments, query } = readPath(req.url ?? "/");
  if (segments[0] === "restate") {
    handleRestatePath({ scope, req, res }, segments.slice(1), query);
    return;
  }
  requireMethod(req, "GET", "POST");
  handleCall(scope, req, res, addressOfPath(scope.engine.tables, segments, hidesPrivate(scope)), query);
}

/** Lets pages of the configured origins read what they get. True when the request was a preflight and is answered. */
function answerCors(rules: AccessRules, req: HttpRequest, res: HttpResponse): boolean {
  const { origin } = req.headers;
  if (origin === undefined || !isOriginAllowed(rules, origin)) return false;
  res.setHeader("access-control-allow-origin", origin);
  res.setHeader("vary", "origin");
  res.setHeader("access-control-expose-headers", EXPOSED_HEADERS);
  if (req.method !== "OPTIONS") return false;
  res.setHeader("access-control-allow-methods", "GET, POST");
  res.setHeader("access-control-allow-headers", req.headers["access-control-request-headers"] ?? "*");
  res.setHeader("access-control-max-age", PREFLIGHT_MAX_AGE_S);
  sendEmpty(res, 204);
  return true;
}
