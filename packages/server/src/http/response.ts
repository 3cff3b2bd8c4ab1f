/** The only places that write answers. Whatever goes wrong, the body is the problem document of the error catalogue. */
import {
  errorDocument,
  HoldfastError,
  IngressHeader,
  problemJson,
  type ErrorSource,
  type ProblemJson,
} from "@holdfast/protocol";

import type { HttpResponse } from "./exchange.ts";

/** Names and values in turn, as `writeHead` takes them without building an object. */
export type RawHeaders = string[];

const JSON_TYPE = "application/json";
export const RETRY_AFTER_S = "1";
/** What passes by itself. */
const LATER = new Set(["overloaded", "shutting-down", "rate-limited", "authentication-unavailable"]);

export function sendJson(res: HttpResponse, status: number, value: unknown, headers: RawHeaders = []): void {
  sendText(res, status, JSON.stringify(value), headers);
}

/** A body that came in pieces. */
export function sendBytes(
  res: HttpResponse,
  status: number,
  contentType: string,
  pieces: readonly Uint8Array[],
): void {
  if (isGone(res)) return;
  const body = Buffer.concat(pieces);
  const headers = [
    "content-type",
    contentType,
    "x-content-type-options",
    "nosniff",
    "cache-control",
    "no-store",
  ];
  res.writeHead(status, [...headers, "content-length", String(body.length)]);
  res.end(body);
}

export function sendEmpty(res: HttpResponse, status: number, headers: RawHeaders = []): void {
  if (isGone(res)) return;
  if (status !== 204) headers.push("content-length", "0");
  res.writeHead(status, headers);
  res.end();
}

/** Answers with whatever was thrown. What is no HoldfastError is a defect of the server: `onDefect` hears of it. */
export function sendError(
  res: HttpResponse,
  error: unknown,
  source: ErrorSource,
  onDefect: (error: unknown) => void,
  headers: RawHeaders = [],
): void {
  if (error instanceof HoldfastError) {
    const { allow } = error.details;
    if (Array.isArray(allow)) headers.push("allow", allow.join(", "));
    sendProblem(res, problemJson(error, source), headers);
    return;
  }
  onDefect(error);
  sendProblem(res, problemJson(new HoldfastError("internal-error"), source), headers);
}

export function sendProblem(res: HttpResponse, problem: ProblemJson, headers: RawHeaders = []): void {
  if (problem.source !== "admin") headers.push(IngressHeader.errorSource, problem.source);
  if (LATER.has(problem.error)) {
    headers.push("retry-after", RETRY_AFTER_S);
  }
  if (problem.error === "unauthorized") headers.push("www-authenticate", "Bearer");
  sendText(res, problem.code, JSON.stringify(problem), headers);
}

/** The problem as a complete HTTP/1.1 response, for a connection on which there is no request to answer. */
export function rawProblemResponse(error: HoldfastError, source: ErrorSource, headers = ""): string {
  const body = JSON.stringify(problemJson(error, source));
  const sourceHeader = source === "admin" ? "" : `${IngressHeader.errorSource}: ${source}\r\n`;
  return (
    `HTTP/1.1 ${error.status} ${error.code}\r\ncontent-type: ${JSON_TYPE}\r\n${sourceHeader}${headers}` +
    `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  );
}

/** The body of an answer that reports how a handler ended. */
export function failureProblem(
  status: number,
  failure: {
    readonly error: string;
    readonly message: string;
    readonly details?: Readonly<Record<string, unknown>>;
    readonly metadata?: Readonly<Record<string, string>>;
  },
): ProblemJson {
  const { hint } = new HoldfastError("invocation-failed");
  return {
    code: status,
    error: failure.error,
    message: failure.message,
    hint,
    docs: errorDocument("invocation-failed"),
    ...(failure.details === undefined ? {} : { details: failure.details }),
    ...(failure.metadata === undefined ? {} : { metadata: failure.metadata }),
    source: "invocation",
  };
}

function sendText(res: HttpResponse, status: number, text: string, headers: RawHeaders): void {
  if (isGone(res)) return;
  headers.push("content-type", JSON_TYPE, "x-content-type-options", "nosniff");
  headers.push("content-length", String(Buffer.byteLength(text)));
  res.writeHead(status, headers);
  res.end(text);
}

/** The client hung up, or was answered before. */
function isGone(res: HttpResponse): boolean {
  return res.headersSent || res.destroyed;
}
