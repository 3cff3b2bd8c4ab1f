/** What an endpoint says about itself at discovery. Served as JSON at GET {base}/discover. */

/** Media type of the manifest. Versioned by the number in it. */
export const MANIFEST_MEDIA_TYPE = "application/vnd.holdfast.manifest.v1+json";

/** Path (below the deployment's URL) and upgrade token of the native wire. */
export const NATIVE_WIRE_PATH = "/holdfast/v1";
export const NATIVE_WIRE_PROTOCOL = "holdfast/1";

export type ServiceKind = "service" | "object" | "workflow";

/** `run` is a workflow's main handler; `shared` runs beside others; `exclusive` is one at a time per key. Plain services have `plain`. */
export type HandlerKind = "plain" | "exclusive" | "shared" | "run";

/** Durations are whole milliseconds. Absent means: the next level's value (handler, then service, then server default). */
export type HandlerOptions = {
  readonly inactivityTimeoutMs?: number;
  readonly abortTimeoutMs?: number;
  readonly journalRetentionMs?: number;
  readonly idempotencyRetentionMs?: number;
  /** Workflow run handlers only. */
  readonly workflowRetentionMs?: number;
  readonly lazyState?: boolean;
  /** Not callable through the ingress, only from other handlers. */
  readonly ingressPrivate?: boolean;
  readonly retryPolicy?: Partial<RetryPolicy>;
};

export type RetryPolicy = {
  readonly initialIntervalMs: number;
  readonly factor: number;
  readonly maxIntervalMs: number;
  /** Counts the first attempt. */
  readonly maxAttempts: number;
  readonly onMaxAttempts: "pause" | "kill";
};

/** What a handler of a Restate SDK says about requests to it. Absent as a whole: anything goes. */
export type InputRule = {
  /** A request may not lack a body. */
  readonly isRequired?: boolean;
  /** Media type that a request's body must have; wildcards as in "application/*". */
  readonly contentType?: string;
  /** For people and generators; requests are not held against it. */
  readonly jsonSchema?: unknown;
};

/** What a handler of a Restate SDK says about its responses. */
export type OutputRule = {
  readonly contentType?: string;
  /** The content type is also told with an empty body. */
  readonly setContentTypeIfEmpty?: boolean;
  readonly jsonSchema?: unknown;
};

export type HandlerManifest = HandlerOptions & {
  readonly name: string;
  readonly kind: HandlerKind;
  readonly documentation?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** JSON Schema of the input, when the definition declared one that can be expressed so. Checked at the ingress. */
  readonly inputSchema?: unknown;
  readonly outputSchema?: unknown;
  readonly inputRule?: InputRule;
  readonly outputRule?: OutputRule;
  /** Workflows: names of the declared durable promises with the JSON Schema of their payload (`true`: anything). */
  readonly promises?: Readonly<Record<string, unknown>>;
};

export type ServiceManifest = HandlerOptions & {
  readonly name: string;
  readonly kind: ServiceKind;
  readonly documentation?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly handlers: readonly HandlerManifest[];
};

/** What there is to know about an endpoint that speaks the Restate service protocol. */
export type RestateEndpoint = {
  readonly minProtocolVersion: number;
  readonly maxProtocolVersion: number;
  /** In `request-response` it hears nothing more once it has the journal: each wait ends the attempt. */
  readonly mode: "bidirectional" | "request-response";
  /** As it was found. Over HTTP/1.1 every endpoint is driven as one of `request-response`. */
  readonly http: "1.1" | "2";
  /** It is a function in the manner of AWS Lambda: the URL calls it, and each request and response is JSON in a body. */
  readonly lambda?: {
    /** How large bodies may be compressed. */
    readonly compression?: "zstd";
  };
};

export type EndpointManifest = {
  /** Wires the endpoint serves, best first. */
  readonly wires: ReadonlyArray<"in-process" | "native" | "restate">;
  /** E.g. "holdfast-sdk-typescript/0.1.0". */
  readonly sdk: string;
  /** E.g. "node/24.21.0". */
  readonly runtime: string;
  /** Present exactly where `wires` names "restate". */
  readonly restate?: RestateEndpoint;
  readonly services: readonly ServiceManifest[];
};
