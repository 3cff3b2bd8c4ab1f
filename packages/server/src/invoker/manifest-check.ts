/** What an endpoint says about itself is believed only as far as it was checked. */
import {
  HoldfastError,
  type EndpointManifest,
  type HandlerKind,
  type HandlerManifest,
  type ServiceKind,
  type ServiceManifest,
} from "@holdfast/protocol";

import { incompatible } from "./discovery-errors.ts";

const SERVICES_MAX = 1_000;
const HANDLERS_MAX = 1_000;
const SERVICE_NAME = /^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9._-]{0,199}$/;
const HANDLER_NAME = /^([a-zA-Z]|_[a-zA-Z0-9])[a-zA-Z0-9_]{0,199}$/;
/** First segments of ingress paths that are not services. */
const RESERVED_NAMES = new Set(["restate", "holdfast", "openapi"]);
const SHOWN_LENGTH = 100;
/** Below this version the SDK lacks what it needs of the runtime, and would hang instead of failing. */
const NODE_MAJOR_MIN = 22;

const HANDLER_KINDS: Readonly<Record<ServiceKind, readonly HandlerKind[]>> = {
  service: ["plain"],
  object: ["exclusive", "shared"],
  workflow: ["run", "shared"],
};

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The beginning of what stands where something else should. Objects of strangers may have a `toString` that is none. */
export function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? "undefined");
  return text.slice(0, SHOWN_LENGTH);
}

/** Also used for endpoints in the same process: the same rules hold for everyone. */
export function checkManifest(url: string, value: unknown): EndpointManifest {
  const problem = manifestProblem(value);
  if (problem !== undefined) throw incompatible(url, problem);
  const manifest = value as EndpointManifest;
  checkRuntime(url, manifest.runtime);
  return manifest;
}

function checkRuntime(url: string, runtime: string): void {
  const match = /^node\/(\d+)\./.exec(runtime);
  if (match === null || Number(match[1]) >= NODE_MAJOR_MIN) return;
  throw new HoldfastError("runtime-unsupported", {
    url,
    runtime,
    required: `Node ${NODE_MAJOR_MIN} or newer`,
  });
}

function manifestProblem(value: unknown): string | undefined {
  if (!isObject(value)) return "its manifest is not an object";
  for (const field of ["sdk", "runtime"]) {
    if (typeof value[field] !== "string") return `its manifest has no text "${field}"`;
  }
  if (!Array.isArray(value["wires"]) || value["wires"].length === 0) return 'its manifest names no "wires"';
  const speaksRestate = isObject(value["restate"]) && value["wires"].includes("restate");
  if (!speaksRestate && !value["wires"].some((wire) => wire === "native" || wire === "in-process")) {
    return `it offers the wires ${shown(value["wires"])}; this version speaks "native"`;
  }
  const services: unknown = value["services"];
  if (!Array.isArray(services) || services.length === 0) return "its manifest has no services";
  if (services.length > SERVICES_MAX)
    return `it has ${services.length} services; the limit is ${SERVICES_MAX}`;
  const names = new Set<string>();
  for (const service of services) {
    const problem = serviceProblem(service);
    if (problem !== undefined) return problem;
    const { name } = service as ServiceManifest;
    if (names.has(name)) return `service "${name}" is there twice`;
    names.add(name);
  }
  return undefined;
}

function serviceProblem(service: unknown): string | undefined {
  if (!isObject(service)) return "a service is not an object";
  const { name, kind, handlers } = service;
  if (typeof name !== "string" || !SERVICE_NAME.test(name))
    return `"${shown(name)}" cannot be a service's name`;
  if (RESERVED_NAMES.has(name.toLowerCase())) return `the service name "${name}" is reserved`;
  if (kind !== "service" && kind !== "object" && kind !== "workflow") {
    return `service "${name}" has the unknown kind "${shown(kind)}"`;
  }
  if (!Array.isArray(handlers) || handlers.length === 0) return `service "${name}" has no handlers`;
  if (handlers.length > HANDLERS_MAX)
    return `service "${name}" has ${handlers.length} handlers; the limit is ${HANDLERS_MAX}`;
  const names = new Set<string>();
  for (const handler of handlers) {
    const problem = handlerProblem(name, kind, handler);
    if (problem !== undefined) return problem;
    const handlerName = (handler as HandlerManifest).name;
    if (names.has(handlerName)) return `handler "${name}/${handlerName}" is there twice`;
    names.add(handlerName);
  }
  const runs = handlers.filter((handler: HandlerManifest) => handler.kind === "run").length;
  if (kind === "workflow" && runs !== 1)
    return `workflow "${name}" must have exactly one handler of kind "run", not ${runs}`;
  return optionsProblem(`service "${name}"`, service);
}

function handlerProblem(service: string, kind: ServiceKind, handler: unknown): string | undefined {
  if (!isObject(handler)) return `a handler of "${service}" is not an object`;
  const { name } = handler;
  if (typeof name !== "string" || !HANDLER_NAME.test(name)) {
    return `"${shown(name)}" cannot be the name of a handler of "${service}"`;
  }
  if (!HANDLER_KINDS[kind].includes(handler["kind"] as HandlerKind)) {
    return `handler "${service}/${name}" of a ${kind} cannot be of kind "${shown(handler["kind"])}"`;
  }
  return optionsProblem(`handler "${service}/${name}"`, handler);
}

const DURATIONS = [
  "inactivityTimeoutMs",
  "abortTimeoutMs",
  "journalRetentionMs",
  "idempotencyRetentionMs",
  "workflowRetentionMs",
] as const;

function optionsProblem(owner: string, options: Json): string | undefined {
  for (const name of DURATIONS) {
    const value = options[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && (value as number) >= 0)) {
      return `${owner} has ${name} ${shown(value)}; it must be a whole number of milliseconds`;
    }
  }
  for (const name of ["lazyState", "ingressPrivate"]) {
    if (options[name] !== undefined && typeof options[name] !== "boolean")
      return `${owner} has a ${name} that is not true or false`;
  }
  return retryProblem(owner, options["retryPolicy"]);
}

function retryProblem(owner: string, policy: unknown): string | undefined {
  if (policy === undefined) return undefined;
  if (!isObject(policy)) return `${owner} has a retryPolicy that is not an object`;
  for (const name of ["initialIntervalMs", "maxIntervalMs", "factor", "maxAttempts"]) {
    const value = policy[name];
    if (value !== undefined && !(typeof value === "number" && Number.isFinite(value) && value >= 0)) {
      return `${owner} has a retryPolicy.${name} that is not a number from 0`;
    }
  }
  const last = policy["onMaxAttempts"];
  if (last !== undefined && last !== "pause" && last !== "kill")
    return `${owner} has a retryPolicy.onMaxAttempts other than "pause" and "kill"`;
  return undefined;
}
