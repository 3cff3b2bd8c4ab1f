/** Results of invocations that were started before: waiting for them, or asking whether they are there. */
import type { Invocation } from "@holdfast/engine";
import { HoldfastError, IngressHeader } from "@holdfast/protocol";

import type { HttpResponse } from "../http/exchange.ts";
import { sendError } from "../http/response.ts";
import { expiryHeader, type CallScope } from "./call.ts";
import { sendResult } from "./outcome.ts";
import { mayRead } from "./ownership.ts";
import { outputTypeOf, type OutputType } from "./restate-rules.ts";

/** Answers when the invocation has its outcome. */
export function attach(scope: CallScope, res: HttpResponse, id: string): void {
  const row = readable(scope, id);
  if (row === undefined) {
    sendNotFound(scope, res, id);
    return;
  }
  if (row.status === "completed") {
    sendStored(scope, res, row);
    return;
  }
  scope.room.requirePlace();
  const type = outputOf(scope, row);
  scope.room.wait(res, id, (result) => {
    sendResult(res, id, result, type);
  });
}

/** Answers at once: with the outcome, or that there is none yet. */
export function output(scope: CallScope, res: HttpResponse, id: string): void {
  const row = readable(scope, id);
  if (row === undefined) {
    sendNotFound(scope, res, id);
    return;
  }
  if (row.status === "completed") {
    sendStored(scope, res, row);
    return;
  }
  const error = new HoldfastError("output-not-ready", { invocationId: id, status: row.status });
  sendError(res, error, "ingress", scope.onDefect, [IngressHeader.invocationId, id]);
}

function sendStored(scope: CallScope, res: HttpResponse, row: Readonly<Invocation>): void {
  const { engine } = scope;
  const { id, result } = row;
  const failed = (error: HoldfastError): void => {
    sendError(res, error, "ingress", scope.onDefect);
  };
  // Only results that a repetition would get again have a time until which it does.
  const isRepeatable = row.idempotencyKey !== undefined || row.target.kind === "run";
  const headers = isRepeatable ? expiryHeader(engine, id) : [];
  const type = outputOf(scope, row);
  if (result === undefined) throw notFound(id);
  engine.whenDurable(() => {
    sendResult(res, id, result, type, headers);
  }, failed);
}

function outputOf({ engine }: CallScope, { target }: Readonly<Invocation>): OutputType {
  return outputTypeOf(engine.tables.service(target.service), target.handler);
}

/** Undefined also for what is another's: that it exists is none of the caller's business either. */
function readable({ engine, principal }: CallScope, id: string): Readonly<Invocation> | undefined {
  const row = engine.tables.invocations.get(id);
  return row === undefined || !mayRead(engine.tables, row, principal) ? undefined : row;
}

/** When that is durable: an end that keeps nothing removes the invocation, and a crash may still take the end back. */
function sendNotFound({ engine, onDefect }: CallScope, res: HttpResponse, id: string): void {
  const refuse = (error: HoldfastError): void => {
    sendError(res, error, "ingress", onDefect);
  };
  engine.whenDurable(() => refuse(notFound(id)), refuse);
}

function notFound(id: string): HoldfastError {
  return new HoldfastError("invocation-not-found", { invocationId: id });
}
