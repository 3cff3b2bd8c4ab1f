/** Naming an invocation by what it is: its id, its idempotency key, its workflow. */
import { HoldfastError, parseInvocationId } from "@holdfast/protocol";

import { invalid, oneOf, parseBody, readFields, required, text } from "../http/json-request.ts";
import { findHandler, findService, requireKey } from "./addressing.ts";
import { hidesPrivate, requireIdempotencyKey, type CallScope } from "./call.ts";
import { scopesUnsupported } from "./scopes.ts";

export type IdempotentTarget = {
  readonly service: string;
  readonly key: string | undefined;
  readonly handler: string;
  readonly idempotencyKey: string;
};

export function requireInvocationId(id: string): string {
  if (parseInvocationId(id) === undefined) {
    throw new HoldfastError("invocation-id-invalid", { invocationId: id.slice(0, 100) });
  }
  return id;
}

export function idOfIdempotent(scope: CallScope, target: IdempotentTarget): string {
  const row = findService(scope.engine.tables, target.service, hidesPrivate(scope));
  const handler = findHandler(row, target.handler, hidesPrivate(scope));
  if (handler.kind === "run")
    throw new HoldfastError("idempotency-key-not-allowed", { service: target.service });
  requireIdempotencyKey(target.idempotencyKey, scope.settings.idempotencyKeyBytesMax);
  const { service, key = "", idempotencyKey } = target;
  if (handler.kind !== "plain") requireKey(service, key, scope.settings.keyBytesMax);
  else if (key !== "") throw new HoldfastError("key-invalid", { service, reason: "it is a plain service" });
  const { principal } = scope;
  const address = { service, handler: handler.name, key, idempotencyKey, principal, isRun: false };
  return scope.engine.invocationIdFor(address);
}

export function idOfWorkflow(scope: CallScope, service: string, key: string): string {
  const row = findService(scope.engine.tables, service, hidesPrivate(scope));
  const run = row.manifest.handlers.find(({ kind }) => kind === "run");
  if (run === undefined) {
    throw invalid(`"${service}" is no workflow`, { service });
  }
  findHandler(row, run.name, hidesPrivate(scope));
  requireKey(service, key, scope.settings.keyBytesMax);
  return scope.engine.invocationIdFor({ service, handler: run.name, key, isRun: true });
}

/** The body of `POST /restate/attach`, `/output` and `/lookup`. */
export function idOfJsonTarget(scope: CallScope, body: Uint8Array, contentType: string | undefined): string {
  const value = parseBody(body, contentType ?? "application/json");
  const given = readFields(value, {
    target: oneOf("invocation", "idempotentInvocation", "workflow"),
    invocationId: text,
    service: text,
    key: text,
    handler: text,
    idempotencyKey: text,
    workflowName: text,
    workflowKey: text,
    scope: text,
  });
  if (given.scope !== undefined) throw scopesUnsupported('the field "scope"');
  const expectOnly = (...names: readonly string[]): void => {
    const other = Object.keys(given).find((name) => name !== "target" && !names.includes(name));
    if (other !== undefined) throw invalid(`"${other}" is not a field of the target "${given.target}"`);
  };
  switch (required(given.target, "target")) {
    case "invocation":
      expectOnly("invocationId");
      return requireInvocationId(required(given.invocationId, "invocationId"));
    case "workflow":
      expectOnly("workflowName", "workflowKey");
      return idOfWorkflow(
        scope,
        required(given.workflowName, "workflowName"),
        required(given.workflowKey, "workflowKey"),
      );
    case "idempotentInvocation":
      expectOnly("service", "key", "handler", "idempotencyKey");
      return idOfIdempotent(scope, {
        service: required(given.service, "service"),
        key: given.key,
        handler: required(given.handler, "handler"),
        idempotencyKey: required(given.idempotencyKey, "idempotencyKey"),
      });
  }
}
