/** Deployments: registering immutable versions of code, and removing them when nothing runs on them. */
import type { EndpointManifest, ServiceManifest } from "@holdfast/protocol";

import type { Outcome } from "../effect.ts";
import type { Fold } from "../partition/fold.ts";
import type { RegisterDeploymentRecord, RemoveDeploymentRecord } from "../record.ts";
import type { DeploymentRow } from "../tables/rows.ts";
import type { Tables } from "../tables/tables.ts";

export function registerDeployment(fold: Fold, record: RegisterDeploymentRecord): Outcome {
  const { tables } = fold;
  const known = deploymentAt(tables, record.url);
  const manifest = asStored(record.manifest);
  if (known !== undefined && isSameRegistration(known, record, manifest))
    return { ok: true, detail: { id: known.id, existed: true, unchanged: true } };
  if (known !== undefined && !record.force) {
    return {
      ok: false,
      code: "deployment-changed",
      message: `${record.url} is registered as ${known.id} and now serves something else, or is to be called with other headers. Deployments are immutable: serve the new version at a new URL, or replace it with force`,
    };
  }
  const breaks = [
    ...manifest.services.flatMap((service) => breakingChanges(tables, service)),
    ...(known === undefined ? [] : lostServices(tables, known.id, manifest)),
  ];
  if (breaks.length > 0 && !record.breaking)
    return { ok: false, code: "breaking-change", message: breaks.join("; ") };
  const id = known?.id ?? record.id;
  const detail = { id, existed: known !== undefined, notes: breaks };
  if (record.dryRun) return { ok: true, detail };
  const row: DeploymentRow = {
    id,
    url: record.url,
    manifest,
    createdAt: known?.createdAt ?? fold.at,
    metadata: record.metadata,
    headers: record.headers,
    revisions: nextRevisions(tables, manifest),
    // What was set for what it served before says nothing about what it serves now.
    overrides: {},
    live: known?.live ?? 0,
  };
  if (known !== undefined) tables.deployments.delete(id);
  tables.deployments.insert(id, row);
  tables.refreshServices();
  fold.effects.push({ kind: "deployments-changed" });
  return { ok: true, detail };
}

/** Nothing that the deployment is called with or shown as would change. */
function isSameRegistration(
  known: Readonly<DeploymentRow>,
  record: RegisterDeploymentRecord,
  manifest: EndpointManifest,
): boolean {
  const before = [known.manifest, known.headers, known.metadata];
  return JSON.stringify(before) === JSON.stringify([manifest, record.headers, record.metadata]);
}

/** As the log holds it: a handler in the engine's process may say what JSON cannot, and a replay would not know of it. */
export function asStored(manifest: EndpointManifest): EndpointManifest {
  return JSON.parse(JSON.stringify(manifest)) as EndpointManifest;
}

export function deploymentAt(tables: Tables, url: string): Readonly<DeploymentRow> | undefined {
  for (const [, row] of tables.deployments.loaded()) if (row !== undefined && row.url === url) return row;
  return undefined;
}

/** Every registration makes a new revision of each of its services; the newest serves what starts from now on. */
export function nextRevisions(tables: Tables, manifest: EndpointManifest): Record<string, number> {
  const revisions: Record<string, number> = {};
  for (const { name } of manifest.services) revisions[name] = (tables.service(name)?.revision ?? 0) + 1;
  return revisions;
}

function breakingChanges(tables: Tables, service: ServiceManifest): string[] {
  const known = tables.service(service.name);
  if (known === undefined) return [];
  if (known.manifest.kind !== service.kind) {
    return [`"${service.name}" is a ${known.manifest.kind} and would become a ${service.kind}`];
  }
  const changes: string[] = [];
  for (const handler of known.manifest.handlers) {
    const now = service.handlers.find((candidate) => candidate.name === handler.name);
    if (now === undefined) changes.push(`handler ${service.name}/${handler.name} would disappear`);
    else if (now.kind !== handler.kind) {
      changes.push(`handler ${service.name}/${handler.name} is ${handler.kind} and would become ${now.kind}`);
    }
  }
  return changes;
}

/** Services whose newest revision is on a deployment that would no longer serve them. */
function lostServices(tables: Tables, deployment: string, manifest: EndpointManifest): string[] {
  const lost: string[] = [];
  for (const [name, service] of tables.services) {
    if (service.deployment !== deployment) continue;
    if (manifest.services.some((candidate) => candidate.name === name)) continue;
    lost.push(`service "${name}" would disappear from ${deployment}`);
  }
  return lost;
}

export function removeDeployment(fold: Fold, record: RemoveDeploymentRecord): Outcome {
  const { tables } = fold;
  const row = tables.deployments.get(record.id);
  if (row === undefined)
    return { ok: false, code: "deployment-not-found", message: `There is no deployment ${record.id}` };
  if (row.live > 0 && !record.force) {
    return {
      ok: false,
      code: "deployment-in-use",
      message: `${row.live} live invocations are pinned to ${record.id}. Wait until it is drained, move them with resume, or remove it with force`,
    };
  }
  tables.deployments.delete(record.id);
  tables.refreshServices();
  fold.effects.push({ kind: "deployments-changed" });
  return { ok: true };
}
