/** Services and handlers as Restate's admin API shows them, with every option that is in force. */
import type { HandlerSettings, ServiceRow, Tables } from "@holdfast/engine";
import {
  formatDuration,
  type HandlerKind,
  type HandlerManifest,
  type RetryPolicy,
  type ServiceKind,
  type ServiceManifest,
} from "@holdfast/protocol";

type RestateRetryPolicy = {
  readonly initial_interval: string;
  readonly exponentiation_factor: number;
  /** Absent: without end. */
  readonly max_attempts?: number;
  readonly max_interval: string;
  readonly on_max_attempts: "Pause" | "Kill";
};

type Options = {
  readonly idempotency_retention: string;
  readonly workflow_completion_retention?: string;
  readonly journal_retention: string;
  readonly inactivity_timeout: string;
  readonly abort_timeout: string;
  readonly enable_lazy_state: boolean;
  readonly retry_policy: RestateRetryPolicy;
};

type Described = {
  readonly name: string;
  readonly public: boolean;
  readonly documentation?: string;
  readonly metadata?: Readonly<Record<string, string>>;
};

export type RestateHandler = Described &
  Options & {
    readonly ty?: "Exclusive" | "Shared" | "Workflow";
    readonly input_description: string;
    readonly output_description: string;
    readonly input_json_schema?: unknown;
    readonly output_json_schema?: unknown;
  };

export type RestateService = Described &
  Options & {
    readonly ty: "Service" | "VirtualObject" | "Workflow";
    readonly handlers: readonly RestateHandler[];
    readonly deployment_id: string;
    readonly revision: number;
  };

const SERVICE_TYPES = {
  service: "Service",
  object: "VirtualObject",
  workflow: "Workflow",
} as const satisfies Record<ServiceKind, RestateService["ty"]>;

/** Handlers of plain services have none. */
const HANDLER_TYPES = {
  plain: undefined,
  exclusive: "Exclusive",
  shared: "Shared",
  run: "Workflow",
} as const satisfies Record<HandlerKind, RestateHandler["ty"]>;

export function restateServiceType(kind: ServiceKind): RestateService["ty"] {
  return SERVICE_TYPES[kind];
}

export type ServiceRevision = Pick<ServiceRow, "manifest" | "deployment" | "revision" | "isRestates">;

/** One revision of a service, which need not be the newest. */
export function restateService(tables: Tables, row: ServiceRevision): RestateService {
  const { manifest, deployment, revision } = row;
  const run = manifest.handlers.find(({ kind }) => kind === "run");
  return {
    ...described(manifest, manifest.ingressPrivate !== true),
    ty: SERVICE_TYPES[manifest.kind],
    handlers: manifest.handlers
      .map((handler) => restateHandler(tables, row, handler))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    deployment_id: deployment,
    revision,
    ...options(tables.settingsOf(manifest, run), run !== undefined),
  };
}

export function restateHandler(
  tables: Tables,
  { manifest, isRestates }: Pick<ServiceRow, "manifest" | "isRestates">,
  handler: HandlerManifest,
): RestateHandler {
  const settings = tables.settingsOf(manifest, handler);
  const ty = HANDLER_TYPES[handler.kind];
  const { inputRule, outputRule } = handler;
  const inputSchema = handler.inputSchema ?? inputRule?.jsonSchema;
  const outputSchema = handler.outputSchema ?? outputRule?.jsonSchema;
  return {
    ...described(handler, !settings.ingressPrivate),
    ...(ty === undefined ? {} : { ty }),
    input_description: inputDescription(isRestates, handler),
    output_description: outputDescription(isRestates, handler),
    ...(inputSchema === undefined ? {} : { input_json_schema: inputSchema }),
    ...(outputSchema === undefined ? {} : { output_json_schema: outputSchema }),
    ...options(settings, handler.kind === "run"),
  };
}

/** In words: what a caller may send. */
function inputDescription(isRestates: boolean, { inputRule, inputSchema }: HandlerManifest): string {
  if (!isRestates) return inputSchema === undefined ? "JSON or nothing" : "JSON that matches its schema";
  if (inputRule === undefined) return "anything";
  const { isRequired = false, contentType } = inputRule;
  const something = contentType === undefined ? "anything" : `a body of content-type ${contentType}`;
  return isRequired || contentType === undefined ? something : `${something}, or nothing`;
}

function outputDescription(isRestates: boolean, { outputRule, outputSchema }: HandlerManifest): string {
  if (!isRestates) return outputSchema === undefined ? "JSON or nothing" : "JSON that matches its schema";
  const contentType = outputRule?.contentType;
  return contentType === undefined ? "anything" : `a body of content-type ${contentType}`;
}

function described(manifest: ServiceManifest | HandlerManifest, isPublic: boolean): Described {
  const { name, documentation, metadata } = manifest;
  return {
    name,
    public: isPublic,
    ...(documentation === undefined ? {} : { documentation }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

function options(settings: HandlerSettings, runsOnce: boolean): Options {
  return {
    idempotency_retention: shownDuration(settings.idempotencyRetentionMs),
    ...(runsOnce ? { workflow_completion_retention: shownDuration(settings.workflowRetentionMs) } : {}),
    journal_retention: shownDuration(settings.journalRetentionMs),
    inactivity_timeout: shownDuration(settings.inactivityTimeoutMs),
    abort_timeout: shownDuration(settings.abortTimeoutMs),
    enable_lazy_state: settings.lazyState,
    retry_policy: retryPolicy(settings.retryPolicy),
  };
}

function retryPolicy(policy: RetryPolicy): RestateRetryPolicy {
  return {
    initial_interval: shownDuration(policy.initialIntervalMs),
    exponentiation_factor: policy.factor,
    ...(Number.isFinite(policy.maxAttempts) ? { max_attempts: policy.maxAttempts } : {}),
    max_interval: shownDuration(policy.maxIntervalMs),
    on_max_attempts: policy.onMaxAttempts === "pause" ? "Pause" : "Kill",
  };
}

/** As they write it: nothing at all is "0s". */
function shownDuration(ms: number): string {
  return ms === 0 ? "0s" : formatDuration(ms);
}
