/** Calls and sends: the hot path. One record is proposed, and the answer is written when it, or the invocation, is done. */
import { hashBytes, type Outcome, type OutcomeDetail, type RecordBody } from "@holdfast/engine";
import {
  encodeMessage,
  HoldfastError,
  IngressHeader,
  MessageType,
  parseDuration,
  type Result,
  type SendResponse,
} from "@holdfast/protocol";

import { TIME_MAX } from "../clock.ts";
import type { HttpRequest, HttpResponse } from "../http/exchange.ts";
import { readBody } from "../http/request-body.ts";
import { sendError, sendJson } from "../http/response.ts";
import type { HeaderFilter } from "../http/stored-headers.ts";
import type { EngineAccess } from "../partition/engine-access.ts";
import { requireKey, requirePublic, type CallAddress } from "./addressing.ts";
import type { IngressSettings } from "./ingress-settings.ts";
import { checkInput } from "./input-check.ts";
import { refusalOf, sendResult } from "./outcome.ts";
import { checkRule, outputTypeOf, type OutputType } from "./restate-rules.ts";
import { refuseLimitKey } from "./scopes.ts";
import type { WaitingRoom } from "./waiting.ts";

export type CallScope = {
  readonly engine: EngineAccess;
  readonly settings: IngressSettings;
  readonly room: WaitingRoom;
  readonly storedHeaders: HeaderFilter;
  readonly onDefect: (error: unknown) => void;
  /** Who calls; undefined: callers have no names. */
  readonly principal: string | undefined;
};

/** Callers with names are not told what there is beside what they may call. */
export function hidesPrivate({ principal }: CallScope): boolean {
  return principal !== undefined;
}

type InvokeRecord = Extract<RecordBody, { readonly kind: "invoke" }>;

/** What the handler learns about its caller, next to the headers that the caller chose. */
const PRINCIPAL_HEADER = "x-holdfast-principal";

/** Everything that can be refused without the body is refused before it is read. */
export function handleCall(
  scope: CallScope,
  req: HttpRequest,
  res: HttpResponse,
  address: CallAddress,
  query: string,
): void {
  const { engine, settings } = scope;
  const { service, handler, key, mode } = address;
  requirePublic(address.row, handler);
  if (handler.kind !== "plain") requireKey(service, key, settings.keyBytesMax);
  refuseLimitKey(req, query);
  const idempotencyKey = idempotencyKeyOf(req, address, settings.idempotencyKeyBytesMax);
  const startAt = query === "" ? 0 : startOf(query, mode, engine.now());
  if (mode === "call") scope.room.requirePlace();
  const refuse = (error: unknown): void => {
    sendError(res, error, "ingress", scope.onDefect);
  };
  const limit = { bytesMax: settings.bodyBytesMax, name: "ingress.bodyBytesMax", budget: settings.budget };
  const accept = (body: Uint8Array): void => {
    try {
      checkBody(body, req.headers["content-type"], address, settings.jsonDepthMax);
      const record = invokeRecord(scope, req, address, { idempotencyKey, startAt, body });
      if (mode === "call") call(scope, res, record, outputTypeOf(address.row, handler.name));
      else send(scope, res, record);
    } catch (error) {
      refuse(error);
    }
  };
  readBody(req, limit, accept, refuse);
}

function checkBody(
  body: Uint8Array,
  contentType: string | undefined,
  { row, service, handler }: CallAddress,
  jsonDepthMax: number,
): void {
  const what = { service, handler: handler.name };
  if (row.isRestates) checkRule(body, contentType, { what, rule: handler.inputRule });
  else checkInput(body, contentType, { what, schema: handler.inputSchema }, jsonDepthMax);
}

function invokeRecord(
  scope: CallScope,
  req: HttpRequest,
  address: CallAddress,
  rest: { readonly idempotencyKey: string | undefined; readonly startAt: number; readonly body: Uint8Array },
): InvokeRecord {
  const { principal } = scope;
  const { service, handler, key } = address;
  const { idempotencyKey, startAt, body } = rest;
  const target = { service, handler: handler.name, key, kind: handler.kind };
  const isRun = handler.kind === "run";
  const headers = scope.storedHeaders(req.headers);
  if (address.row.isRestates) headers.unshift([IngressHeader.ingressPath, req.url ?? ""]);
  if (principal !== undefined) headers.push([PRINCIPAL_HEADER, principal]);
  return {
    kind: "invoke",
    id: scope.engine.invocationIdFor({
      service,
      handler: handler.name,
      key,
      idempotencyKey,
      principal,
      isRun,
    }),
    target,
    input: encodeMessage({ type: MessageType.Input, headers, value: body }),
    inputHash: hashBytes(body),
    idempotencyKey,
    startAt,
    source: { kind: "ingress", id: principal ?? "" },
  };
}

function call(scope: CallScope, res: HttpResponse, record: InvokeRecord, output: OutputType): void {
  const { id } = record;
  // The result is told only to a call that was accepted: with an idempotency key it may be the result of another body's.
  let isAccepted = false;
  let result: Result | undefined;
  const stopWaiting = scope.room.wait(res, id, (completed) => {
    result = completed;
    if (isAccepted) sendResult(res, id, completed, output);
  });
  const told = (outcome: Outcome): void => {
    const refusal = refusalOfCall(outcome, record);
    if (refusal !== undefined) {
      stopWaiting();
      sendError(res, refusal, "ingress", scope.onDefect, headersOfRefusal(outcome, id));
      return;
    }
    isAccepted = true;
    const stored = outcome.ok ? outcome.detail?.result : undefined;
    if (stored !== undefined) {
      stopWaiting();
      sendResult(res, id, stored, output, expiryHeader(scope.engine, id));
    } else if (result !== undefined) sendResult(res, id, result, output);
  };
  // It waits for the result: whether it stands in the queue durably a moment sooner or later makes no difference to it.
  scope.engine.submit(record, told, "patient");
}

function send(scope: CallScope, res: HttpResponse, record: InvokeRecord): void {
  const { id } = record;
  scope.engine.submit(record, (outcome) => {
    if (!outcome.ok) {
      sendError(res, refusalFor(outcome, record), "ingress", scope.onDefect, headersOfRefusal(outcome, id));
      return;
    }
    sendJson(res, 202, sendResponse(scope.engine, record, outcome.detail), [IngressHeader.invocationId, id]);
  });
}

function sendResponse(
  engine: EngineAccess,
  record: InvokeRecord,
  detail: OutcomeDetail | undefined,
): SendResponse {
  const existed = detail?.existed === true;
  const known = existed ? engine.tables.invocations.get(record.id) : undefined;
  const startAt = known === undefined ? record.startAt : known.status === "scheduled" ? known.scheduledAt : 0;
  return {
    invocationId: record.id,
    status: existed ? "PreviouslyAccepted" : "Accepted",
    ...(startAt === 0 ? {} : { executionTime: new Date(startAt).toISOString() }),
  };
}

/** A workflow runs once: whoever calls `run` a second time is told so, and attaches if the result is what they want. */
function refusalOfCall(outcome: Outcome, record: InvokeRecord): HoldfastError | undefined {
  if (!outcome.ok) return refusalFor(outcome, record);
  if (record.target.kind !== "run" || outcome.detail?.existed !== true) return undefined;
  const { service, key } = record.target;
  return new HoldfastError("workflow-already-started", { service, key, invocationId: record.id });
}

function refusalFor(outcome: Outcome & { readonly ok: false }, record: InvokeRecord): HoldfastError {
  const { service, handler, key } = record.target;
  if (outcome.code !== "idempotency-conflict") return refusalOf(outcome, { service, handler, key });
  return new HoldfastError("idempotency-conflict", {
    idempotencyKey: record.idempotencyKey,
    invocationId: record.id,
  });
}

/** These two are about an invocation that exists. */
function headersOfRefusal(outcome: Outcome, id: string): string[] {
  return outcome.ok || outcome.code === "idempotency-conflict" ? [IngressHeader.invocationId, id] : [];
}

export function expiryHeader(engine: EngineAccess, id: string): string[] {
  const keptUntil = engine.tables.invocations.get(id)?.keptUntil ?? 0;
  if (keptUntil === 0) return [];
  return [IngressHeader.idempotencyExpires, new Date(Math.min(keptUntil, TIME_MAX)).toISOString()];
}

function idempotencyKeyOf(req: HttpRequest, address: CallAddress, bytesMax: number): string | undefined {
  const key = req.headers[IngressHeader.idempotencyKey];
  if (typeof key !== "string") return undefined;
  if (address.handler.kind === "run") {
    throw new HoldfastError("idempotency-key-not-allowed", { service: address.service });
  }
  requireIdempotencyKey(key, bytesMax);
  return key;
}

export function requireIdempotencyKey(key: string, bytesMax: number): void {
  if (key === "") throw new HoldfastError("idempotency-key-invalid", { reason: "it is empty" });
  if (Buffer.byteLength(key) <= bytesMax) return;
  const name = "ingress.idempotencyKeyBytesMax";
  const reason = `it is longer than ${bytesMax} bytes, the limit ${name}`;
  throw new HoldfastError("idempotency-key-invalid", { reason, name, limit: bytesMax });
}

/** When a call with this query starts; 0: now. */
function startOf(query: string, mode: "call" | "send", now: number): number {
  const delay = new URLSearchParams(query).get("delay");
  if (delay === null) return 0;
  if (mode === "call") {
    throw new HoldfastError("delay-not-allowed", { reason: "a call waits for its result" });
  }
  const ms = parseDuration(delay);
  if (ms === undefined || now + ms > TIME_MAX)
    throw new HoldfastError("delay-invalid", { delay: delay.slice(0, 100) });
  return ms === 0 ? 0 : now + ms;
}
