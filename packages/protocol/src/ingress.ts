/** Bodies and headers of the ingress: HTTP for callers. Unsuccessful responses have a `ProblemJson` body. */

/** Headers the ingress reads or writes. Names are lower case. */
export const IngressHeader = {
  /** Request: the call happens once per key and target; a repetition gets the first one's result. */
  idempotencyKey: "idempotency-key",
  /** Response: id of the invocation. */
  invocationId: "x-holdfast-id",
  /** Response: until when a stored result can be had again, as an ISO date. */
  idempotencyExpires: "idempotency-expires",
  /** Unsuccessful response: the `source` of the problem. */
  errorSource: "x-holdfast-error-source",
} as const;

/** Response of a send (202). */
export type SendResponse = {
  readonly invocationId: string;
  /** `PreviouslyAccepted`: the idempotency key or workflow key was used before, and this is that invocation. */
  readonly status: "Accepted" | "PreviouslyAccepted";
  /** When a delayed invocation starts, as an ISO date. */
  readonly executionTime?: string;
};

/** Names an invocation without its id. */
export type InvocationAddress =
  | { readonly invocationId: string }
  | {
      readonly service: string;
      readonly key?: string;
      readonly handler: string;
      readonly idempotencyKey: string;
    }
  | { readonly workflow: string; readonly key: string };

/** Response of a lookup: the id follows from the address; it does not mean that the invocation exists. */
export type LookupResponse = { readonly invocationId: string };

/** Body of a rejection of an awakeable, signal or promise. Plain text is taken for the message. */
export type RejectRequest = {
  readonly message: string;
  readonly code?: number;
  readonly metadata?: Readonly<Record<string, string>>;
};

/** Response to completing an awakeable, signal or promise (202). */
export type CompletionResponse = {
  /** `ignored`: nobody waits for it any more, or it was completed before. */
  readonly status: "accepted" | "ignored";
};

/** `GET /holdfast/health` on the ingress. */
export type IngressHealth = { readonly services: readonly string[] };
