/**
 * Manifests of Restate's SDKs, versions 1 to 4, as manifests of ours. Later versions add fields and change none, so one
 * reader serves all. Everything is checked here that only they can get wrong; names, numbers and durations are checked
 * afterwards, as those of every manifest.
 */
import type { EndpointManifest, HandlerKind, RestateEndpoint, ServiceKind } from "@holdfast/protocol";

import { incompatible, incompatibleWithRestate } from "../discovery-errors.ts";
import { isObject, shown, type Json } from "../manifest-check.ts";
import { inputRuleOf, outputRuleOf, RuleProblem } from "./manifest-rules.ts";
import { PROTOCOL_VERSION_MIN } from "./protocol-versions.ts";

export const RESTATE_MANIFEST_TYPES: readonly string[] = [1, 2, 3, 4].map(
  (version) => `application/vnd.restate.endpointmanifest.v${version}+json`,
);

/** What Restate's clients call these refusals. */
const RESERVED_NAME = "META0005";
const NO_COMMON_VERSION = "META0012";
const MALFORMED = "META0013";

// Maps, because what is looked up is a stranger's: an object answers to "constructor" as well.
const SERVICE_KINDS: ReadonlyMap<unknown, ServiceKind> = new Map([
  ["SERVICE", "service"],
  ["VIRTUAL_OBJECT", "object"],
  ["WORKFLOW", "workflow"],
]);

/** By the service's type, then the handler's; "" where it has none. Whatever is missing is refused. */
const HANDLER_KINDS: ReadonlyMap<unknown, ReadonlyMap<unknown, HandlerKind>> = new Map([
  [
    "SERVICE",
    new Map<unknown, HandlerKind>([
      ["", "plain"],
      ["SHARED", "plain"],
    ]),
  ],
  [
    "VIRTUAL_OBJECT",
    new Map<unknown, HandlerKind>([
      ["", "exclusive"],
      ["EXCLUSIVE", "exclusive"],
      ["SHARED", "shared"],
    ]),
  ],
  [
    "WORKFLOW",
    new Map<unknown, HandlerKind>([
      ["", "shared"],
      ["SHARED", "shared"],
      ["WORKFLOW", "run"],
    ]),
  ],
]);

const MODES: ReadonlyMap<unknown, RestateEndpoint["mode"]> = new Map([
  ["BIDI_STREAM", "bidirectional"],
  ["REQUEST_RESPONSE", "request-response"],
]);

const OPTIONS: ReadonlyArray<readonly [string, string]> = [
  ["inactivityTimeout", "inactivityTimeoutMs"],
  ["abortTimeout", "abortTimeoutMs"],
  ["journalRetention", "journalRetentionMs"],
  ["idempotencyRetention", "idempotencyRetentionMs"],
  ["workflowCompletionRetention", "workflowRetentionMs"],
  ["enableLazyState", "lazyState"],
  ["ingressPrivate", "ingressPrivate"],
  ["metadata", "metadata"],
];

const RETRY_FIELDS: ReadonlyArray<readonly [string, string]> = [
  ["retryPolicyInitialInterval", "initialIntervalMs"],
  ["retryPolicyMaxInterval", "maxIntervalMs"],
  ["retryPolicyExponentiationFactor", "factor"],
];

export function isRestateManifest(type: string): boolean {
  return RESTATE_MANIFEST_TYPES.includes(type);
}

/** Who sent a manifest, how, and the newest version that may be agreed upon with it. */
export type RestateAnswer = {
  readonly server: string;
  readonly http: "1.1" | "2";
  readonly versionMax: number;
  /** It was asked as a function. */
  readonly isLambda?: boolean;
};

/** The result is yet to be checked as a manifest of ours. */
export function translateManifest(url: string, value: unknown, answer: RestateAnswer): unknown {
  const malformed = (reason: string): Error => incompatibleWithRestate(url, reason, MALFORMED);
  if (!isObject(value)) throw malformed("its manifest is not an object");
  const endpoint = endpointOf(url, value, answer);
  if (!Array.isArray(value["services"])) throw malformed("its manifest has no services");
  try {
    return {
      wires: ["restate"],
      sdk: answer.server || "restate-sdk",
      runtime: "unknown",
      restate: endpoint,
      services: value["services"].map((service) => serviceOf(url, service)),
    } satisfies Omit<EndpointManifest, "services"> & { services: unknown };
  } catch (error) {
    if (error instanceof RuleProblem) throw incompatible(url, error.message);
    throw error;
  }
}

function endpointOf(
  url: string,
  manifest: Json,
  { http, versionMax, isLambda = false }: RestateAnswer,
): RestateEndpoint {
  const { protocolMode, minProtocolVersion: min, maxProtocolVersion: max } = manifest;
  const mode = MODES.get(protocolMode);
  if (mode === undefined) {
    throw incompatibleWithRestate(
      url,
      `its manifest has the protocolMode ${shown(protocolMode)}; it must be BIDI_STREAM or REQUEST_RESPONSE`,
      MALFORMED,
    );
  }
  if (!isVersion(min) || !isVersion(max) || min > max) {
    throw incompatibleWithRestate(
      url,
      `its manifest has the protocol versions ${shown(min)} to ${shown(max)}, which are no range`,
      MALFORMED,
    );
  }
  if (max < PROTOCOL_VERSION_MIN || min > versionMax) {
    throw incompatibleWithRestate(
      url,
      `its SDK speaks the versions ${min} to ${max} of the protocol, and this server ${PROTOCOL_VERSION_MIN} to ${versionMax}; update the older one, or raise restate.protocolVersionMax`,
      NO_COMMON_VERSION,
    );
  }
  const versions = { minProtocolVersion: min, maxProtocolVersion: max };
  if (!isLambda) return { ...versions, mode, http };
  const lambda = manifest["lambdaCompression"] === "zstd" ? ({ compression: "zstd" } as const) : {};
  return { ...versions, mode: "request-response", http, lambda };
}

function isVersion(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function serviceOf(url: string, service: unknown): Json {
  if (!isObject(service)) throw new RuleProblem("a service is not an object");
  const { name, ty, handlers } = service;
  const kind = SERVICE_KINDS.get(ty);
  if (kind === undefined)
    throw new RuleProblem(`service "${shown(name)}" has the unknown type "${shown(ty)}"`);
  if (typeof name === "string" && name.toLowerCase().startsWith("restate")) {
    throw incompatibleWithRestate(
      url,
      `the service name "${shown(name)}" is reserved: no name may begin with "restate"`,
      RESERVED_NAME,
    );
  }
  if (!Array.isArray(handlers)) throw new RuleProblem(`service "${shown(name)}" has no handlers`);
  return {
    name,
    kind,
    ...documentationOf(service),
    ...optionsOf(service),
    handlers: handlers.map((handler) => handlerOf(service, handler)),
  };
}

function handlerOf(service: Json, handler: unknown): Json {
  const serviceName = shown(service["name"]);
  if (!isObject(handler)) throw new RuleProblem(`a handler of "${serviceName}" is not an object`);
  const owner = `handler "${serviceName}/${shown(handler["name"])}"`;
  const type = handler["ty"] ?? "";
  const kind = HANDLER_KINDS.get(service["ty"])?.get(type);
  if (kind === undefined) {
    throw new RuleProblem(
      `${owner} has an invalid combination of service type and handler type: ${shown(service["ty"])} and ${shown(type)}`,
    );
  }
  if (kind !== "run" && isGiven(handler["workflowCompletionRetention"]))
    throw new RuleProblem(`${owner} has a workflowCompletionRetention, but is no workflow's main handler`);
  if (kind === "run" && isGiven(handler["idempotencyRetention"]))
    throw new RuleProblem(`${owner} has an idempotencyRetention, but is a workflow's main handler`);
  if (service["ingressPrivate"] === true && handler["ingressPrivate"] === false)
    throw new RuleProblem(`${owner} cannot be public, because its service is ingressPrivate`);
  return {
    name: handler["name"],
    kind,
    ...documentationOf(handler),
    ...optionsOf(handler),
    ...inputRuleOf(owner, handler["input"]),
    ...outputRuleOf(owner, handler["output"]),
  };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** One SDK sends an empty text where there is none. */
function documentationOf({ documentation }: Json): Json {
  return typeof documentation === "string" && documentation !== "" ? { documentation } : {};
}

/** What is not given is left out, so that the next level's value holds. */
function optionsOf(owner: Json): Json {
  const retryPolicy = retryPolicyOf(owner);
  return {
    ...renamed(owner, OPTIONS),
    ...(Object.keys(retryPolicy).length === 0 ? {} : { retryPolicy }),
  };
}

function retryPolicyOf(owner: Json): Json {
  const { retryPolicyMaxAttempts: attempts, retryPolicyOnMaxAttempts: last } = owner;
  if (isGiven(last) && last !== "PAUSE" && last !== "KILL") {
    throw new RuleProblem(
      `"${shown(owner["name"])}" has the retryPolicyOnMaxAttempts ${shown(last)}; it must be PAUSE or KILL`,
    );
  }
  return {
    ...renamed(owner, RETRY_FIELDS),
    // The first attempt counts, and there always is one.
    ...(isGiven(attempts) ? { maxAttempts: attempts === 0 ? 1 : attempts } : {}),
    ...(isGiven(last) ? { onMaxAttempts: last === "KILL" ? "kill" : "pause" } : {}),
  };
}

function renamed(owner: Json, names: ReadonlyArray<readonly [string, string]>): Json {
  const given = names.filter(([from]) => isGiven(owner[from]));
  return Object.fromEntries(given.map(([from, to]) => [to, owner[from]]));
}
