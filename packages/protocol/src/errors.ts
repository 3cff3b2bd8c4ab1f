/** Errors as they travel: thrown inside, problem documents on HTTP. The table is in `error-catalogue.ts`. */

import { errorCatalogue, type ErrorCode, type ErrorEntry, type ErrorSource } from "./error-catalogue.ts";

/** Facts about one error. Those that its message mentions are filled in there. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Body of every unsuccessful response, as `application/json`. `code`, `message` and `source` are as Restate's clients know them. */
export type ProblemJson = {
  /** The HTTP status of the response. */
  readonly code: number;
  /** Stable: a code of the catalogue, or with source `invocation` also one that the handler chose. */
  readonly error: string;
  readonly message: string;
  readonly hint: string;
  /** Where the error is documented, relative to the repository: `docs/errors.md#<code>`. */
  readonly docs: string;
  readonly details?: ErrorDetails;
  /** With source `invocation`: what the handler attached to its failure. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly source: ErrorSource;
};

export class HoldfastError extends Error {
  override readonly name: string = "HoldfastError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly hint: string;
  readonly details: ErrorDetails;
  readonly source: ErrorSource;

  constructor(
    code: ErrorCode,
    details: ErrorDetails = {},
    options?: {
      readonly cause?: unknown;
      /** Instead of the catalogue's message, when whoever found the error knows more. */
      readonly message?: string;
      readonly hint?: string;
      readonly source?: ErrorSource;
    },
  ) {
    const entry: ErrorEntry = errorCatalogue[code];
    super(
      options?.message ?? fillIn(entry.message, details),
      options?.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.status = entry.status;
    this.hint = options?.hint ?? entry.hint;
    this.details = details;
    this.source = options?.source ?? entry.source;
  }
}

/** The response body for an error. `source` says who answers, where that is not who the error usually comes from. */
export function problemJson(error: HoldfastError, source: ErrorSource = error.source): ProblemJson {
  const hasDetails = Object.keys(error.details).length > 0;
  return {
    code: error.status,
    error: error.code,
    message: error.message,
    hint: error.hint,
    docs: errorDocument(error.code),
    ...(hasDetails ? { details: error.details } : {}),
    source,
  };
}

/** Whether a text is one of the catalogue's codes. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalogue, code);
}

/** Where a code is documented. */
export function errorDocument(code: ErrorCode): string {
  return `docs/errors.md#${code}`;
}

/** The candidate that was probably meant by `name`, or undefined when none is near. For hints. */
export function closestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, candidate.toLowerCase(), bestDistance);
    if (distance >= bestDistance) continue;
    best = candidate;
    bestDistance = distance;
  }
  return best;
}

/** Insertions, deletions, substitutions and swaps of neighbours that lead from `a` to `b`; `limit` when it takes as many or more. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) distance = Math.min(distance, (beforeLast[j - 2] ?? 0) + 1);
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return Math.min(limit, last[b.length] ?? limit);
}

function fillIn(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = details[name];
    if (value === undefined) return "?";
    return typeof value === "string" ? value : JSON.stringify(value);
  });
}
