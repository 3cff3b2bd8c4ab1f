/** `/deployments` in Restate's form. */
import { deploymentAt, type DeploymentRow, type Tables } from "@holdfast/engine";
import type { EndpointManifest, ServiceManifest } from "@holdfast/protocol";

import { lowerCased } from "../../http/header-names.ts";
import { anything, boolean, record, required, text } from "../../http/json-request.ts";
import { refusalOf } from "../../ingress/outcome.ts";
import { allDeployments, readUrl, requireDeployment, requireHeader } from "../deployments.ts";
import { param } from "../exchange.ts";
import { protocolVersions, restateDeployment } from "./deployment-view.ts";
import type { RestateAnswer, RestateExchange } from "./exchange.ts";
import { notOffered } from "./not-offered.ts";
import { RestateRefusal } from "./refusal.ts";
import { queryFlag, readRequest } from "./request.ts";
import { restateService, restateServiceType, type ServiceRevision } from "./service-view.ts";

export type Registration = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly http11Only: boolean;
  readonly isLambda: boolean;
  readonly force: boolean;
  readonly breaking: boolean;
  readonly dryRun: boolean;
};

export function listDeployments({ engine }: RestateExchange): RestateAnswer {
  return { body: { deployments: allDeployments(engine.tables).map(restateDeployment) } };
}

export function getDeployment(exchange: RestateExchange): RestateAnswer {
  const { tables } = exchange.engine;
  const row = requireDeployment(tables, param(exchange, "id"));
  return { body: { ...restateDeployment(row), services: servicesOf(tables, row) } };
}

export async function registerDeployment(exchange: RestateExchange): Promise<RestateAnswer> {
  const { engine, apiVersion } = exchange;
  const { tables } = engine;
  const given = readRegistration(exchange);
  const { http11Only, isLambda } = given;
  const known = deploymentAt(tables, given.url);
  if (known !== undefined && !given.force && apiVersion === 2) throw alreadyRegistered(known);
  const headers = given.headers ?? known?.headers ?? {};
  for (const [name, value] of Object.entries(headers)) requireHeader(name, value);
  const manifest = await engine.discover(given.url, headers, { http11Only, isLambda });
  // Between this check and the record's being applied nothing else happens.
  if (!given.breaking && !given.force) refuseChangedTypes(tables, manifest);
  const outcome = await engine.propose({
    kind: "register-deployment",
    id: engine.deploymentId(),
    url: given.url,
    manifest,
    metadata: given.metadata ?? known?.metadata ?? {},
    headers,
    force: given.force,
    // Of what may break, only another type of service is refused there: a newer revision may lack handlers.
    breaking: true,
    dryRun: given.dryRun,
  });
  if (!outcome.ok) throw refusalOf(outcome, { url: given.url });
  const id = outcome.detail?.id ?? "";
  const row = given.dryRun ? undefined : tables.deployments.get(id);
  const body = {
    id,
    services: row === undefined ? servicesToBe(tables, manifest, id) : servicesOf(tables, row),
    ...protocolVersions(manifest),
    sdk_version: manifest.sdk,
  };
  const isNew = outcome.detail?.existed !== true;
  return { status: isNew && !given.dryRun ? 201 : 200, body, headers: ["location", `deployments/${id}`] };
}

export async function removeDeployment(exchange: RestateExchange): Promise<RestateAnswer> {
  const { engine } = exchange;
  const { id } = requireDeployment(engine.tables, param(exchange, "id"));
  const outcome = await engine.propose({
    kind: "remove-deployment",
    id,
    force: queryFlag(exchange, "force"),
  });
  if (!outcome.ok) throw refusalOf(outcome, { deploymentId: id });
  return { status: 202 };
}

function readRegistration(exchange: RestateExchange): Registration {
  const shape = {
    uri: text,
    arn: text,
    auth: anything,
    additional_headers: record(text),
    metadata: record(text),
    use_http_11: boolean,
    use_lambda: boolean,
    force: boolean,
    breaking: boolean,
    dry_run: boolean,
  };
  return readRequest(exchange, shape, (given) => {
    if (given.arn !== undefined) throw notOffered("deployments on AWS Lambda");
    if (given.auth !== undefined) throw notOffered('the field "auth" of a deployment');
    const { additional_headers: headers, metadata } = given;
    return {
      // Their SDKs may be served behind a query, which goes with every request to them.
      url: readUrl(required(given.uri, "uri"), "uri", true),
      headers: headers === undefined ? undefined : lowerCased(headers),
      metadata: metadata === undefined ? undefined : Object.fromEntries(metadata),
      http11Only: given.use_http_11 ?? false,
      isLambda: given.use_lambda ?? false,
      force: given.force ?? exchange.apiVersion === 2,
      breaking: given.breaking ?? false,
      dryRun: given.dry_run ?? false,
    };
  });
}

function alreadyRegistered({ url, id }: Readonly<DeploymentRow>): RestateRefusal {
  return new RestateRefusal(409, `${url} is registered as ${id} already. Set "force" to replace it`);
}

export function refuseChangedTypes(tables: Tables, manifest: EndpointManifest): void {
  for (const { name, kind } of manifest.services) {
    const known = tables.service(name)?.manifest.kind;
    if (known === undefined || known === kind) continue;
    const change = `is a ${restateServiceType(known)} and would become a ${restateServiceType(kind)}`;
    throw new RestateRefusal(409, `Service "${name}" ${change}. Set "breaking" to allow it`, "META0006");
  }
}

export function servicesOf(tables: Tables, row: Readonly<DeploymentRow>): unknown[] {
  return row.manifest.services.map((manifest) => restateService(tables, revisionOf(tables, row, manifest)));
}

/** With what an operator changed, where the deployment serves the newest revision. */
function revisionOf(
  tables: Tables,
  row: Readonly<DeploymentRow>,
  manifest: ServiceManifest,
): ServiceRevision {
  const newest = tables.service(manifest.name);
  if (newest?.deployment === row.id) return newest;
  const isRestates = row.manifest.restate !== undefined;
  return { manifest, deployment: row.id, revision: row.revisions[manifest.name] ?? 0, isRestates };
}

/** What a dry run would have registered. */
function servicesToBe(tables: Tables, manifest: EndpointManifest, deployment: string): unknown[] {
  const isRestates = manifest.restate !== undefined;
  return manifest.services.map((service) => {
    const revision = (tables.service(service.name)?.revision ?? 0) + 1;
    return restateService(tables, { manifest: service, deployment, revision, isRestates });
  });
}
