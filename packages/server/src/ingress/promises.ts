/** Durable promises of workflows, over HTTP: peek, resolve, reject. */
import { isDeepStrictEqual } from "node:util";

import { objectKey, type Tables } from "@holdfast/engine";
import {
  HoldfastError,
  type ErrorSource,
  type PromiseState,
  type Result,
  type SettlePromiseResponse,
} from "@holdfast/protocol";

import type { HttpRequest, HttpResponse } from "../http/exchange.ts";
import { sendError, sendJson } from "../http/response.ts";
import { decodeUtf8 } from "../http/strict-json.ts";
import type { EngineAccess } from "../partition/engine-access.ts";
import { findHandler, findService, requireKey, requirePublic } from "./addressing.ts";
import type { Verb } from "./awakeables.ts";
import { checkInput } from "./input-check.ts";
import { refusalOf } from "./outcome.ts";
import { readRejection } from "./rejection.ts";

export type PromiseAddress = { readonly service: string; readonly key: string; readonly name: string };

export type PromiseScope = {
  readonly engine: EngineAccess;
  readonly settings: { readonly keyBytesMax: number; readonly jsonDepthMax: number };
  readonly source: ErrorSource;
  readonly onDefect: (error: unknown) => void;
};

/** Which workflows: every one, or public ones, where a private one is refused or as if it were not there. */
export type PromiseReach = "all" | "public" | "hides-private";

/** Throws when there can be no such promise. Returns the JSON Schema of its payload, `true` for anything. */
export function requirePromise(
  scope: PromiseScope,
  { service, key, name }: PromiseAddress,
  reach: PromiseReach,
): unknown {
  const row = findService(scope.engine.tables, service, reach === "hides-private");
  const { manifest } = row;
  const run = manifest.handlers.find(({ kind }) => kind === "run");
  if (manifest.kind !== "workflow" || run === undefined) {
    throw new HoldfastError(
      "promise-not-found",
      { service, promise: name },
      { message: `"${service}" is no workflow and has no promises` },
    );
  }
  if (reach === "hides-private") findHandler(row, run.name, true);
  else if (reach === "public") requirePublic(row, run);
  requireKey(service, key, scope.settings.keyBytesMax);
  // Handlers of other SDKs do not declare their promises; then any name goes.
  if (run.promises === undefined) return true;
  if (!Object.hasOwn(run.promises, name)) {
    throw new HoldfastError("promise-not-found", {
      service,
      promise: name,
      promises: Object.keys(run.promises),
    });
  }
  return run.promises[name];
}

export function peekPromise(scope: PromiseScope, res: HttpResponse, address: PromiseAddress): void {
  const { service, key, name } = address;
  const object = scope.engine.tables.objects.get(objectKey(service, key));
  if (object?.runId === undefined) throw workflowNotFound(address);
  const result = object.promises.get(name)?.result;
  scope.engine.whenDurable(
    () => {
      sendJson(res, 200, promiseState(result));
    },
    (error) => {
      sendError(res, error, scope.source, scope.onDefect);
    },
  );
}

export function settlePromise(
  scope: PromiseScope,
  req: HttpRequest,
  res: HttpResponse,
  promise: { readonly address: PromiseAddress; readonly schema: unknown; readonly verb: Verb },
  body: Uint8Array,
): void {
  const { address, schema, verb } = promise;
  const contentType = req.headers["content-type"];
  const what = { service: address.service, handler: address.name };
  if (verb === "resolve") checkInput(body, contentType, { what, schema }, scope.settings.jsonDepthMax);
  const result: Result =
    verb === "resolve"
      ? { kind: "value", value: body }
      : { kind: "failure", failure: readRejection(body, contentType) };
  scope.engine.submit({ kind: "complete-promise", ...address, result }, (outcome) => {
    const present = outcome.ok ? (outcome.detail?.result ?? result) : undefined;
    if (present === undefined || !outcome.ok) {
      const error = isStarted(scope.engine.tables, address)
        ? refusalOf(outcome as typeof outcome & { ok: false }, { ...address })
        : workflowNotFound(address);
      sendError(res, error, scope.source, scope.onDefect);
      return;
    }
    if (outcome.detail?.existed === true && !isSameResult(present, result)) {
      const error = alreadyCompleted(address, present);
      sendError(res, error, scope.source, scope.onDefect);
      return;
    }
    const settled = outcome.detail?.existed === true ? "already" : "now";
    const response: SettlePromiseResponse = { settled, ...promiseState(present) };
    sendJson(res, 200, response);
  });
}

export function promiseState(result: Result | undefined): PromiseState {
  if (result === undefined) return { status: "pending" };
  if (result.kind === "failure") {
    const { code, message } = result.failure;
    return { status: "rejected", failure: { code, message } };
  }
  const value = result.kind === "value" ? jsonOf(result.value) : undefined;
  return { status: "resolved", ...(value === undefined ? {} : { value }) };
}

function isStarted(tables: Tables, { service, key }: PromiseAddress): boolean {
  return tables.objects.get(objectKey(service, key))?.runId !== undefined;
}

function alreadyCompleted(address: PromiseAddress, present: Result): HoldfastError {
  return new HoldfastError("promise-already-completed", {
    service: address.service,
    key: address.key,
    promise: address.name,
    existing: promiseState(present),
  });
}

function workflowNotFound({ service, key }: PromiseAddress): HoldfastError {
  return new HoldfastError("workflow-not-found", { service, key });
}

function isSameResult(a: Result, b: Result): boolean {
  return isDeepStrictEqual(promiseState(a), promiseState(b));
}

/** The value as JSON, or as text where it is none. */
function jsonOf(bytes: Uint8Array): unknown {
  const text = decodeUtf8(bytes) ?? "";
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
