/**
 * Deployments and what they serve. Rules (docs/glossary.md, docs/errors.md, operators/deployments.test.ts): the newest
 * revision of a service serves what starts; an invocation stays pinned to the deployment of its first attempt; options of
 * handler, service and engine hold in this order.
 */
import type { RecordBody } from "@holdfast/engine";
import type { HandlerManifest, HandlerOptions, RetryPolicy, ServiceManifest } from "@holdfast/protocol";

import { Refused, type ModelDeployment, type ModelInvocation, type ModelState } from "./model-state.ts";
import { sameText } from "./texts.ts";

type Register = Extract<RecordBody, { readonly kind: "register-deployment" }>;
type Configure = Extract<RecordBody, { readonly kind: "configure-service" }>;
type Update = Extract<RecordBody, { readonly kind: "update-deployment" }>;
type Remove = Extract<RecordBody, { readonly kind: "remove-deployment" }>;
type Served = { readonly manifest: ServiceManifest; readonly deployment: string; readonly revision: number };

/** The newest revision of each service among these deployments. */
function newest(deployments: Iterable<ModelDeployment>): Map<string, Served> {
  const services = new Map<string, Served>();
  for (const { id, manifest, revisions } of deployments) {
    for (const service of manifest.services) {
      const revision = revisions[service.name] ?? 0;
      const known = services.get(service.name);
      if (known === undefined || known.revision < revision)
        services.set(service.name, { manifest: service, deployment: id, revision });
    }
  }
  return services;
}

export function serviceOf(state: ModelState, name: string): Served | undefined {
  return newest(state.deployments.values()).get(name);
}

export function handlerOf(service: ServiceManifest | undefined, name: string): HandlerManifest | undefined {
  return service?.handlers.find((handler) => handler.name === name);
}

/** Pinned or not: invocations that go on and have chosen this deployment. */
export function liveOn(state: ModelState, deployment: string): number {
  return [...state.invocations.values()].filter(
    (each) => each.deployment === deployment && each.status !== "completed",
  ).length;
}

/** Its handler is behind an SDK of Restate's, as far as its deployment is still known. */
export function isRestates(state: ModelState, { deployment }: ModelInvocation): boolean {
  return state.deployments.get(deployment ?? "")?.manifest.restate !== undefined;
}

/** The version of the first attempt stays, but for a deployment that speaks another protocol. */
export function restateVersionFor(
  state: ModelState,
  { deployment, restateVersion, attempt }: ModelInvocation,
): number {
  const known = state.deployments.get(deployment ?? "");
  if (known === undefined) return restateVersion;
  const endpoint = known.manifest.restate;
  if (endpoint === undefined) return 0;
  const { restateVersionMax: newest } = state.settings as Partial<typeof state.settings>;
  if (restateVersion !== 0 || newest === undefined) return restateVersion;
  // Earlier attempts without a version are those of servers that spoke 6 at most.
  return Math.min(endpoint.maxProtocolVersion, newest, attempt > 0 ? 6 : newest);
}

/** What was recorded in one version of Restate's protocol goes on only where that is spoken. */
export function requireVersion(state: ModelState, deployment: string | undefined, version: number): void {
  const endpoint = state.deployments.get(deployment ?? "")?.manifest.restate;
  if (endpoint === undefined || version === 0) return;
  if (version < endpoint.minProtocolVersion || version > endpoint.maxProtocolVersion)
    throw new Refused("protocol-version-mismatch");
}

export function deploymentServing(state: ModelState, id: string, target: ModelInvocation["target"]): string {
  const deployment = state.deployments.get(id);
  if (deployment === undefined) throw new Refused("deployment-not-found");
  const service = deployment.manifest.services.find(({ name }) => name === target.service);
  if (handlerOf(service, target.handler) === undefined) throw new Refused("handler-not-found");
  return id;
}

// -- options ---------------------------------------------------------------------------------------------------------

type Durations = "journalRetentionMs" | "idempotencyRetentionMs" | "workflowRetentionMs";

/** Options from the nearest to the farthest: what an operator set, handler, service. What is no finite number is not said. */
function optionsFor(state: ModelState, { deployment, target }: ModelInvocation): HandlerOptions[] {
  const own = state.deployments.get(deployment ?? "");
  const pinned = own?.manifest.services.find(({ name }) => name === target.service);
  const served = serviceOf(state, target.service);
  const service = pinned ?? served?.manifest;
  const source = pinned === undefined ? state.deployments.get(served?.deployment ?? "") : own;
  const set = source?.overrides.get(target.service) ?? {};
  return [set, handlerOf(service, target.handler) ?? {}, service ?? {}];
}

export function durationFor(state: ModelState, invocation: ModelInvocation, name: Durations): number {
  const said = optionsFor(state, invocation).map((options) => options[name]);
  return said.find((value) => Number.isFinite(value)) ?? state.settings[name];
}

export function policyFor(state: ModelState, invocation: ModelInvocation): RetryPolicy {
  const policies = optionsFor(state, invocation).map((options) => options.retryPolicy ?? {});
  const choose = <Name extends keyof RetryPolicy>(name: Name): RetryPolicy[Name] => {
    const said = policies.map((policy) => policy[name]);
    const usable = said.find((value) => typeof value === "string" || Number.isFinite(value));
    return usable ?? state.settings.retryPolicy[name];
  };
  return {
    initialIntervalMs: choose("initialIntervalMs"),
    factor: choose("factor"),
    maxIntervalMs: choose("maxIntervalMs"),
    maxAttempts: choose("maxAttempts"),
    onMaxAttempts: choose("onMaxAttempts"),
  };
}

export function hasLazyState(state: ModelState, invocation: ModelInvocation): boolean {
  return optionsFor(state, invocation).find(({ lazyState }) => lazyState !== undefined)?.lazyState ?? false;
}

// -- registering -----------------------------------------------------------------------------------------------------

export function register(state: ModelState, record: Register) {
  const known = [...state.deployments.values()].find(({ url }) => url === record.url);
  const id = known?.id ?? record.id;
  const existed = known !== undefined;
  if (known !== undefined) {
    const isSame = sameText(known.manifest, record.manifest) && sameText(known.headers, record.headers);
    if (isSame) return { id, existed, unchanged: true };
    if (!record.force) throw new Refused("deployment-changed");
  }
  const before = newest(state.deployments.values());
  const revisions = Object.fromEntries(
    record.manifest.services.map(({ name }) => [name, (before.get(name)?.revision ?? 0) + 1]),
  );
  const { url, manifest, headers, metadata } = record;
  const notes = [...before].flatMap(([name, served]) => {
    const now = manifest.services.find((service) => service.name === name);
    if (now !== undefined) return breaks(served.manifest, now);
    return served.deployment === id ? [`service ${name} would disappear`] : [];
  });
  if (notes.length > 0 && !record.breaking) throw new Refused("breaking-change");
  if (record.dryRun) return { id, existed, notes };
  // The newest registration comes last, also of what was there before.
  state.deployments.delete(id);
  const overrides = new Map<string, HandlerOptions>();
  state.deployments.set(id, { id, url, manifest, headers, metadata, revisions, overrides });
  return { id, existed, notes };
}

/** What a service had before and has no more, or not as it was. */
function breaks(old: ServiceManifest, now: ServiceManifest): string[] {
  if (now.kind !== old.kind) return [`${old.name} would be a ${now.kind}`];
  const changed = old.handlers.filter(({ name, kind }) => handlerOf(now, name)?.kind !== kind);
  return changed.map(({ name }) => `handler ${name} would disappear or change`);
}

/** In place: services keep their revisions, and new ones get their first. */
export function update(state: ModelState, { id, url, headers, manifest }: Update) {
  const known = state.deployments.get(id);
  if (known === undefined) throw new Refused("deployment-not-found");
  if ([...state.deployments.values()].some((other) => other.url === url && other.id !== id))
    throw new Refused("deployment-changed");
  const before = newest(state.deployments.values());
  const revisions = Object.fromEntries(
    manifest.services.map(({ name }) => [
      name,
      known.revisions[name] ?? (before.get(name)?.revision ?? 0) + 1,
    ]),
  );
  const isSame = sameText(known.manifest.services, manifest.services);
  const overrides = isSame ? known.overrides : new Map<string, HandlerOptions>();
  state.deployments.set(id, { ...known, url, headers, manifest, revisions, overrides });
  return { id };
}

/** Of the newest revision, until its deployment is replaced. */
export function configure(state: ModelState, { service, options }: Configure): void {
  const served = serviceOf(state, service);
  if (served === undefined) throw new Refused("service-not-found");
  if (options.workflowRetentionMs !== undefined && served.manifest.kind !== "workflow")
    throw new Refused("request-invalid");
  const deployment = state.deployments.get(served.deployment);
  if (deployment === undefined) return;
  const said = Object.entries(options).filter(([, value]) => value !== undefined);
  const set = { ...deployment.overrides.get(service), ...Object.fromEntries(said) };
  state.deployments.set(deployment.id, {
    ...deployment,
    overrides: new Map([...deployment.overrides, [service, set]]),
  });
}

export function remove(state: ModelState, { id, force }: Remove): void {
  if (!state.deployments.has(id)) throw new Refused("deployment-not-found");
  if (!force && liveOn(state, id) > 0) throw new Refused("deployment-in-use");
  state.deployments.delete(id);
}
