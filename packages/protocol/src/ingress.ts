/** Bodies and headers of the ingress: HTTP for callers. Unsuccessful responses have a `ProblemJson` body. */

/** Headers the ingress reads or writes, named as Restate's clients know them. Names are lower case. */
export const IngressHeader = {
  /** Request: the call happens once per key and target; a repetition gets the first one's result. */
  idempotencyKey: "idempotency-key",
  /** Response: id of the invocation. */
  invocationId: "x-restate-id",
  /** Response: until when a stored result can be had again, as an ISO date. */
  idempotencyExpires: "idempotency-expires",
  /** Unsuccessful response: the `source` of the problem. */
  errorSource: "x-restate-error-source",
  /** Given to handlers of Restate's SDKs: path and query of the request that called them. */
  ingressPath: "x-restate-ingress-path",
  /** Request, of Restate's clients: what the call is counted by. */
  limitKey: "x-restate-limit-key",
} as const;

/** Response of a send (202). */
export type SendResponse = {
  readonly invocationId: string;
  /** `PreviouslyAccepted`: the idempotency key or workflow key was used before, and this is that invocation. */
  readonly status: "Accepted" | "PreviouslyAccepted";
  /** When a delayed invocation starts, as an ISO date. */
  readonly executionTime?: string;
};

/** Names an invocation in the body of `POST /restate/attach`, `/restate/output` and `/restate/lookup`. */
export type InvocationAddress =
  | { readonly target: "invocation"; readonly invocationId: string }
  | {
      readonly target: "idempotentInvocation";
      readonly service: string;
      readonly key?: string;
      readonly handler: string;
      readonly idempotencyKey: string;
    }
  | { readonly target: "workflow"; readonly workflowName: string; readonly workflowKey: string };

/** Response of a lookup: the id follows from the address; it does not mean that the invocation exists. */
export type LookupResponse = { readonly invocationId: string };

/** Body of a rejection of an awakeable, signal or promise. Plain text is taken for the message. */
export type RejectRequest = {
  readonly message: string;
  readonly code?: number;
  readonly metadata?: Readonly<Record<string, string>>;
};

/** Response to completing an awakeable (202). */
export type CompletionResponse = {
  /** `ignored`: nobody waits for it any more, or it was completed before. */
  readonly status: "accepted" | "ignored";
};

/** What a promise has come to: `GET /restate/promises/{workflow}/{key}/{name}`. */
export type PromiseState =
  | { readonly status: "pending" }
  | { readonly status: "resolved"; readonly value?: unknown }
  | { readonly status: "rejected"; readonly failure: { readonly code: number; readonly message: string } };

/** Response to `POST /restate/promises/{workflow}/{key}/{name}/resolve` and `/reject` (200). */
export type SettlePromiseResponse = PromiseState & {
  /** `already`: the same outcome was there before. Another one is refused as `promise-already-completed`. */
  readonly settled: "now" | "already";
};

/** `GET /restate/health` on the ingress. */
export type IngressHealth = { readonly services: readonly string[] };
