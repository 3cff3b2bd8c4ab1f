/** Everything below `/restate/`: what is not simply a call. */
import { HoldfastError, IngressHeader, type IngressHealth, type LookupResponse } from "@holdfast/protocol";

import type { HttpRequest, HttpResponse } from "../http/exchange.ts";
import { readBody } from "../http/request-body.ts";
import { pathNotFound } from "../http/request-path.ts";
import { sendError, sendJson } from "../http/response.ts";
import { addressOfParts, hasPublicHandler } from "./addressing.ts";
import { attach, output } from "./attach.ts";
import { completeAwakeable, requireAwakeable, type Verb } from "./awakeables.ts";
import { handleCall, hidesPrivate, type CallScope } from "./call.ts";
import { peekPromise, requirePromise, settlePromise, type PromiseScope } from "./promises.ts";
import { scopesUnsupported } from "./scopes.ts";
import { idOfIdempotent, idOfJsonTarget, idOfWorkflow, requireInvocationId } from "./targets.ts";

type Exchange = {
  readonly scope: CallScope;
  readonly req: HttpRequest;
  readonly res: HttpResponse;
};

/** `path` is what follows `/restate`. */
export function handleRestatePath(exchange: Exchange, path: readonly string[], query: string): void {
  const { scope, req, res } = exchange;
  const [area, ...rest] = path;
  switch (area) {
    case "call":
    case "send":
      requireMethod(req, "GET", "POST");
      handleCall(
        scope,
        req,
        res,
        addressOfParts(scope.engine.tables, rest, area, hidesPrivate(scope)),
        query,
      );
      return;
    case "scope":
      throw scopesUnsupported("the path /restate/scope/…");
    case "attach":
    case "output":
    case "lookup":
      handleResult(exchange, area, path);
      return;
    case "invocation":
      handleInvocation(exchange, path);
      return;
    case "workflow":
      if (rest.length !== 3) break;
      requireMethod(req, "GET");
      answerResult(exchange, rest[2], path, () => idOfWorkflow(scope, rest[0] ?? "", rest[1] ?? ""));
      return;
    case "awakeables":
    case "a":
      if (rest.length !== 2) break;
      handleAwakeable(exchange, rest[0] ?? "", requireVerb(rest[1], path));
      return;
    case "promises":
      handlePromise(exchange, path);
      return;
    case "health":
      if (rest.length > 0) break;
      requireMethod(req, "GET");
      handleHealth(scope, res);
      return;
    default:
  }
  throw notFound(path);
}

/** Throws `method-not-allowed` unless it is one of these. `sendRefusal` turns `details.allow` into the header. */
export function requireMethod(req: HttpRequest, ...allowed: readonly string[]): void {
  const { method = "" } = req;
  if (!allowed.includes(method)) {
    throw new HoldfastError("method-not-allowed", { method, allow: allowed });
  }
}

function handleResult(
  exchange: Exchange,
  area: "attach" | "output" | "lookup",
  path: readonly string[],
): void {
  const { scope, req, res } = exchange;
  if (path.length === 2 && area !== "lookup") {
    requireMethod(req, "GET");
    answerResult(exchange, area, path, () => requireInvocationId(path[1] ?? ""));
    return;
  }
  if (path.length !== 1) throw notFound(path);
  requireMethod(req, "POST");
  withBody(exchange, (body) => {
    const id = idOfJsonTarget(scope, body, req.headers["content-type"]);
    if (area !== "lookup") {
      answerResult(exchange, area, path, () => id);
      return;
    }
    const response: LookupResponse = { invocationId: id };
    sendJson(res, 200, response, [IngressHeader.invocationId, id]);
  });
}

/** `/invocation/{id}/…` and `/invocation/{service}[/{key}]/{handler}/{idempotencyKey}/…` */
function handleInvocation(exchange: Exchange, path: readonly string[]): void {
  const { scope, req } = exchange;
  const address = path.slice(1, -1);
  requireMethod(req, "GET");
  answerResult(exchange, path.at(-1), path, () => {
    const [first = "", second = "", third = "", fourth = ""] = address;
    switch (address.length) {
      case 1:
        return requireInvocationId(first);
      case 3:
        return idOfIdempotent(scope, {
          service: first,
          key: undefined,
          handler: second,
          idempotencyKey: third,
        });
      case 4:
        return idOfIdempotent(scope, { service: first, key: second, handler: third, idempotencyKey: fourth });
      default:
        throw notFound(path);
    }
  });
}

function answerResult(
  exchange: Exchange,
  verb: string | undefined,
  path: readonly string[],
  idOf: () => string,
): void {
  if (verb === "attach") attach(exchange.scope, exchange.res, idOf());
  else if (verb === "output") output(exchange.scope, exchange.res, idOf());
  else throw notFound(path);
}

function handleAwakeable(exchange: Exchange, text: string, verb: Verb): void {
  const { scope, req, res } = exchange;
  requireMethod(req, "POST");
  const id = requireAwakeable(text);
  withBody(exchange, (body) => {
    completeAwakeable(scope, req, res, { text, id, verb }, body);
  });
}

/** `/promises/{workflow}/{key}/{name}` with nothing behind it, `/resolve` or `/reject`. */
function handlePromise(exchange: Exchange, path: readonly string[]): void {
  const { req, res } = exchange;
  const [, service = "", key = "", name = "", verb] = path;
  if (path.length < 4 || path.length > 5) throw notFound(path);
  const scope: PromiseScope = { ...exchange.scope, source: "ingress" };
  const address = { service, key, name };
  const access = hidesPrivate(exchange.scope) ? "hides-private" : "public";
  if (verb === undefined) {
    requireMethod(req, "GET");
    requirePromise(scope, address, access);
    peekPromise(scope, res, address);
    return;
  }
  const settling = requireVerb(verb, path);
  requireMethod(req, "POST");
  const schema = requirePromise(scope, address, access);
  withBody(exchange, (body) => {
    settlePromise(scope, req, res, { address, schema, verb: settling }, body);
  });
}

function handleHealth(scope: CallScope, res: HttpResponse): void {
  const { status, reason } = scope.engine.health();
  if (status === "failed") {
    throw new HoldfastError(
      "shutting-down",
      {},
      { message: `The server has failed: ${reason ?? "no reason given"}` },
    );
  }
  const { tables } = scope.engine;
  const services = [...tables.services.keys()].filter(
    (name) => !hidesPrivate(scope) || hasPublicHandler(tables.service(name)),
  );
  const response: IngressHealth = { services: services.toSorted() };
  sendJson(res, 200, response);
}

/** Reads the body and goes on; what that throws is answered. */
function withBody({ scope, req, res }: Exchange, then: (body: Uint8Array) => void): void {
  const refuse = (error: unknown): void => {
    sendError(res, error, "ingress", scope.onDefect);
  };
  const { bodyBytesMax: bytesMax, budget } = scope.settings;
  const limit = { bytesMax, name: "ingress.bodyBytesMax", budget };
  readBody(
    req,
    limit,
    (body) => {
      try {
        then(body);
      } catch (error) {
        refuse(error);
      }
    },
    refuse,
  );
}

function requireVerb(verb: string | undefined, path: readonly string[]): Verb {
  if (verb === "resolve" || verb === "reject") return verb;
  throw notFound(path);
}

function notFound(path: readonly string[]): HoldfastError {
  return pathNotFound(["restate", ...path]);
}
