/** Errors in the form that clients of Restate read: a message, and its code for those of the kind that have one. */
import { HoldfastError, type ErrorCode } from "@holdfast/protocol";

import type { HttpResponse } from "../../http/exchange.ts";
import { RETRY_AFTER_S, sendJson } from "../../http/response.ts";

/** A refusal that only this API knows. */
export class RestateRefusal extends Error {
  override readonly name = "RestateRefusal";
  readonly status: number;
  readonly restateCode: string | null;

  constructor(status: number, message: string, restateCode: string | null = null) {
    super(message);
    this.status = status;
    this.restateCode = restateCode;
  }
}

type Shown = { readonly status?: number; readonly restateCode?: string };

/** Where it is told otherwise than by our status and without a code. Everything about discovery is 500 there. */
const SHOWN: Readonly<Partial<Record<ErrorCode, Shown>>> = {
  "deployment-unreachable": { status: 500, restateCode: "META0003" },
  "deployment-incompatible": { status: 500, restateCode: "META0013" },
  "runtime-unsupported": { status: 500, restateCode: "META0012" },
  "service-name-invalid": { status: 400, restateCode: "META0005" },
  "breaking-change": { status: 409, restateCode: "META0006" },
  // Asked for a method or a field that is not there: their routes do not say which of the two.
  "state-not-allowed": { status: 400 },
};

export function sendRefusal(res: HttpResponse, error: unknown, onDefect: (error: unknown) => void): void {
  const headers = headersOf(error);
  const refusal = refusalOf(error, onDefect);
  const body = { message: refusal.message, restate_code: refusal.restateCode };
  sendJson(res, refusal.status, body, headers);
}

function refusalOf(error: unknown, onDefect: (error: unknown) => void): RestateRefusal {
  if (error instanceof RestateRefusal) return error;
  if (error instanceof HoldfastError) return translated(error);
  onDefect(error);
  return translated(new HoldfastError("internal-error"));
}

/** An error whose details name a code of theirs is shown with that one. */
function translated(error: HoldfastError): RestateRefusal {
  const { status = error.status, restateCode = null } = SHOWN[error.code] ?? {};
  const own = error.details["restateCode"];
  return new RestateRefusal(status, messageOf(error), typeof own === "string" ? own : restateCode);
}

/** There is no other place for the hint. */
export function messageOf({ message, hint }: HoldfastError): string {
  return hint === "" ? message : `${message}. ${hint}`;
}

function headersOf(error: unknown): string[] {
  if (!(error instanceof HoldfastError)) return [];
  const { allow } = error.details;
  const headers = Array.isArray(allow) ? ["allow", allow.join(", ")] : [];
  if (error.status === 429 || error.status === 503) headers.push("retry-after", RETRY_AFTER_S);
  if (error.code === "unauthorized") headers.push("www-authenticate", "Bearer");
  return headers;
}
