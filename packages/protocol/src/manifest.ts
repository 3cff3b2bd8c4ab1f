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

export type HandlerManifest = HandlerOptions & {
  readonly name: string;
  readonly kind: HandlerKind;
  readonly documentation?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** JSON Schema of the input, when the definition declared one that can be expressed so. Checked at the ingress. */
  readonly inputSchema?: unknown;
  readonly outputSchema?: unknown;
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

export type EndpointManifest = {
  /** Wires the endpoint serves, best first. */
  readonly wires: ReadonlyArray<"in-process" | "native" | "restate">;
  /** E.g. "holdfast-sdk-typescript/0.1.0". */
  readonly sdk: string;
  /** E.g. "node/24.21.0". */
  readonly runtime: string;
  readonly services: readonly ServiceManifest[];
};
