/** Errors as they travel: thrown inside, problem documents on HTTP. The table is in `error-catalogue.ts`. */

import { errorCatalogue, type ErrorCode, type ErrorEntry, type ErrorSource } from "./error-catalogue.ts";

/** Facts about one error. Those that its message mentions are filled in there. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** Body of every unsuccessful response, as `application/json`. */
export type ProblemJson = {
  /** Where the error is documented, relative to the repository: `docs/errors.md#<code>`. */
  readonly type: string;
  readonly code: string;
  readonly status: number;
  readonly message: string;
  readonly hint: string;
  readonly details?: ErrorDetails;
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
    options?: { readonly cause?: unknown; readonly hint?: string; readonly source?: ErrorSource },
  ) {
    const entry: ErrorEntry = errorCatalogue[code];
    super(
      fillIn(entry.message, details),
      options?.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.status = entry.status;
    this.hint = options?.hint ?? entry.hint;
    this.details = details;
    this.source = options?.source ?? entry.source;
  }
}

/** The response body for an error. */
export function problemJson(error: HoldfastError): ProblemJson {
  const hasDetails = Object.keys(error.details).length > 0;
  return {
    type: errorDocument(error.code),
    code: error.code,
    status: error.status,
    message: error.message,
    hint: error.hint,
    ...(hasDetails ? { details: error.details } : {}),
    source: error.source,
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

function fillIn(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = details[name];
    if (value === undefined) return "?";
    return typeof value === "string" ? value : JSON.stringify(value);
  });
}
