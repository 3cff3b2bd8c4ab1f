/** What goes wrong between a caller and Holdfast. */
import { decodeValue, IngressHeader, type ErrorSource, type ProblemJson } from "@holdfast/protocol";

export interface ClientErrorDetails {
  /** Stable code of the error catalogue, "unreachable" when nothing answered, or the code the handler gave its failure. */
  readonly code: string;
  /** HTTP status; 0 when nothing answered. */
  readonly status: number;
  readonly hint: string;
  /** Who says so: the call was refused, the handler ended so, the operator's API, or nobody answered. */
  readonly source: ErrorSource | "client";
  readonly details?: Readonly<Record<string, unknown>>;
  readonly invocationId?: string | undefined;
  readonly cause?: unknown;
}

/** A request that did not succeed. `source` tells whether anything was started: "ingress" says no, "invocation" says yes. */
export class HoldfastClientError extends Error {
  override readonly name: string = "HoldfastClientError";
  readonly code: string;
  readonly status: number;
  readonly hint: string;
  readonly source: ErrorSource | "client";
  readonly details: Readonly<Record<string, unknown>>;
  readonly invocationId: string | undefined;

  constructor(message: string, details: ClientErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = details.code;
    this.status = details.status;
    this.hint = details.hint;
    this.source = details.source;
    this.details = details.details ?? {};
    this.invocationId = details.invocationId;
  }
}

/** The handler ended with a failure: a TerminalError of its own, a cancel or a kill. */
export class InvocationFailedError extends HoldfastClientError {
  override readonly name: string = "InvocationFailedError";
  /** Name of the error that the handler threw, e.g. "TerminalError". */
  readonly errorName: string;
  /** What the handler attached to its error. */
  readonly data: unknown;
  /** Free texts the handler attached. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    message: string,
    details: ClientErrorDetails & { readonly metadata?: Readonly<Record<string, string>> },
  ) {
    super(message, details);
    const { name, data } = this.details;
    this.errorName = typeof name === "string" ? name : "TerminalError";
    this.data = data === undefined ? undefined : revive(data);
    this.metadata = details.metadata ?? {};
  }
}

/** The error that an unsuccessful response stands for. */
export async function errorFromResponse(response: Response): Promise<HoldfastClientError> {
  const text = await response.text();
  const problem = problemIn(text);
  const invocationId = response.headers.get(IngressHeader.invocationId) ?? undefined;
  if (problem === undefined) {
    return new HoldfastClientError(
      `The server answered ${response.status}: ${text.slice(0, BODY_SHOWN_MAX)}`,
      {
        code: "unexpected-response",
        status: response.status,
        hint: "Something between here and Holdfast may have answered. Check the address.",
        source: "client",
        invocationId,
      },
    );
  }
  const { message, hint, source, details, metadata } = problem;
  const rest = {
    code: problem.error,
    status: response.status,
    hint,
    source,
    invocationId,
    ...(details === undefined ? {} : { details }),
  };
  if (source !== "invocation") return new HoldfastClientError(message, rest);
  return new InvocationFailedError(message, { ...rest, ...(metadata === undefined ? {} : { metadata }) });
}

const BODY_SHOWN_MAX = 200;

function problemIn(text: string): ProblemJson | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined; // No JSON: whatever answered, it was not Holdfast.
  }
  const isProblem =
    typeof body === "object" && body !== null && "error" in body && "message" in body && "source" in body;
  return isProblem ? (body as ProblemJson) : undefined;
}

/** Data travels in its stored JSON form, inside of other JSON. */
export function revive(stored: unknown): unknown {
  return decodeValue(new TextEncoder().encode(JSON.stringify(stored)));
}
