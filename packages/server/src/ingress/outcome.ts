/** How invocations and records ended, as HTTP. */
import type { Outcome } from "@holdfast/engine";
import {
  errorCatalogue,
  HoldfastError,
  IngressHeader,
  isErrorCode,
  type ErrorCode,
  type Failure,
  type Result,
} from "@holdfast/protocol";

import type { HttpResponse } from "../http/exchange.ts";
import { failureProblem, sendProblem, type RawHeaders } from "../http/response.ts";
import type { OutputType } from "./restate-rules.ts";

/** Metadata that the SDK needs and callers do not: it holds stack traces and encoded causes. */
const INTERNAL_PREFIX = "holdfast.";

/** The answer to a call or attach: the handler's output as it is, or its failure. */
export function sendResult(
  res: HttpResponse,
  id: string,
  result: Result,
  output: OutputType,
  headers: RawHeaders = [],
): void {
  if (res.headersSent || res.destroyed) return;
  headers.push(IngressHeader.invocationId, id);
  if (result.kind === "failure") {
    sendFailure(res, result.failure, headers);
    return;
  }
  const body = result.kind === "value" ? result.value : undefined;
  if (body === undefined || body.length === 0) {
    if (output.isToldWhenEmpty) pushType(headers, output);
    headers.push("content-length", "0");
    res.writeHead(200, headers);
    res.end();
    return;
  }
  pushType(headers, output);
  headers.push("content-length", String(body.length));
  res.writeHead(200, headers);
  res.end(body);
}

function pushType(headers: RawHeaders, { contentType }: OutputType): void {
  if (contentType !== undefined) headers.push("content-type", contentType);
  headers.push("x-content-type-options", "nosniff");
}

/** A record that was refused, as the error its proposer gets. */
export function refusalOf(
  outcome: Outcome & { readonly ok: false },
  details: Readonly<Record<string, unknown>> = {},
): HoldfastError {
  const code: ErrorCode = isErrorCode(outcome.code) ? outcome.code : "internal-error";
  return new HoldfastError(code, details, { message: outcome.message });
}

function sendFailure(res: HttpResponse, failure: Failure, headers: RawHeaders): void {
  // Its names come from handlers: as keys of an object that is assigned to, "__proto__" would be no name.
  const metadata = new Map<string, string>();
  const internal = new Map<string, string>();
  for (const [name, value] of failure.metadata ?? []) {
    if (name.startsWith(INTERNAL_PREFIX)) internal.set(name.slice(INTERNAL_PREFIX.length), value);
    else metadata.set(name, value);
  }
  const details = failureDetails(internal);
  sendProblem(
    res,
    failureProblem(httpStatusOf(failure), {
      error: internal.get("code") ?? plainCode(failure, internal.get("name")),
      message: failure.message,
      ...(Object.keys(details).length === 0 ? {} : { details }),
      ...(metadata.size === 0 ? {} : { metadata: Object.fromEntries(metadata) }),
    }),
    headers,
  );
}

/** The code of a failure when it is one that an error response can have. */
export function httpStatusOf(failure: Failure): number {
  return Number.isInteger(failure.code) && failure.code >= 400 && failure.code <= 599 ? failure.code : 500;
}

/** What the error was called and what it carried. The data is in its stored JSON form. */
function failureDetails(internal: ReadonlyMap<string, string>): Record<string, unknown> {
  const details: Record<string, unknown> = {};
  const name = internal.get("name");
  const data = internal.get("data");
  if (name !== undefined) details["name"] = name;
  if (data === undefined) return details;
  try {
    details["data"] = JSON.parse(data);
  } catch {
    details["data"] = data; // Not written by an SDK of ours: shown as it is.
  }
  return details;
}

/** Failures without a code of their own: those the engine makes, and a handler's plain ones. */
function plainCode(failure: Failure, name: string | undefined): string {
  const isEngines = failure.code === errorCatalogue.cancelled.status && name === undefined;
  if (isEngines && failure.message === "killed") return "killed";
  if (name === "CancelledError" || (isEngines && /^cancell?ed$/i.test(failure.message))) return "cancelled";
  return "invocation-failed";
}
