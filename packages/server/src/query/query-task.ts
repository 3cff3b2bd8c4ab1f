/** What is asked of the process that runs queries, and what it answers. */

/** How the rows are wanted: for Restate's clients, for ours, or as a stream of Arrow record batches. */
export type QueryFormat = "json" | "table" | "arrow";

export type QueryParameter = string | number | null;

export type QueryLimits = {
  /** From when the store is as fresh as the query; the process is ended then. */
  readonly timeMs: number;
  readonly rowsMax: number;
  /** Of the answer, and of the rows that it is made of. */
  readonly resultBytesMax: number;
  /** Of the whole process that runs it. */
  readonly memoryBytesMax: number;
};

export type QueryTask = {
  /** The store's file. */
  readonly path: string;
  readonly sql: string;
  readonly parameters: readonly QueryParameter[];
  readonly format: QueryFormat;
  readonly limits: QueryLimits;
};

/** invalid: the statement's fault. limit: `name` is the setting. failed: ours, or the store's. */
export type QueryFailure =
  | { readonly kind: "invalid"; readonly reason: string; readonly hint?: string }
  | {
      readonly kind: "limit";
      readonly what: string;
      readonly name: QueryLimitName;
      readonly limit: number;
    }
  | { readonly kind: "failed"; readonly message: string };

export type QueryLimitName =
  | "query.timeLimit"
  | "query.rowsMax"
  | "query.resultBytesMax"
  | "query.memoryBytesMax";

/** Any number of chunks, and then how it ended. */
export type QueryReply =
  /** The thread has started; once. */
  | { readonly kind: "ready" }
  | { readonly kind: "chunk"; readonly bytes: Uint8Array }
  | { readonly kind: "done"; readonly rows: number }
  | { readonly kind: "refused"; readonly failure: QueryFailure };

/** Why a query has no answer. */
export class QueryRefusal extends Error {
  override readonly name = "QueryRefusal";
  readonly failure: QueryFailure;

  constructor(failure: QueryFailure) {
    super(failure.kind === "invalid" ? failure.reason : failure.kind);
    this.failure = failure;
  }
}

export function invalidQuery(reason: string, hint?: string): QueryRefusal {
  return new QueryRefusal({ kind: "invalid", reason, ...(hint === undefined ? {} : { hint }) });
}
