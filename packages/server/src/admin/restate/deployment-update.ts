/**
 * `PATCH /deployments/{id}`: where a deployment is reached, and with what. For invocations that are bound to it and cannot go
 * on there; new code belongs to a new deployment.
 */
import type { DeploymentRow, Tables } from "@holdfast/engine";
import { HoldfastError, type EndpointManifest } from "@holdfast/protocol";

import { lowerCased } from "../../http/header-names.ts";
import { boolean, invalid, record, text } from "../../http/json-request.ts";
import { refusalOf } from "../../ingress/outcome.ts";
import { readUrl, requireDeployment, requireHeader } from "../deployments.ts";
import { param } from "../exchange.ts";
import { protocolVersions, restateDeployment } from "./deployment-view.ts";
import { refuseChangedTypes, servicesOf } from "./deployments.ts";
import type { RestateAnswer, RestateExchange } from "./exchange.ts";
import { RestateRefusal } from "./refusal.ts";
import { readRequest } from "./request.ts";

const UPDATE_FIELDS = {
  uri: text,
  additional_headers: record(text),
  use_http_11: boolean,
  use_lambda: boolean,
  overwrite: boolean,
  dry_run: boolean,
};

export async function updateDeployment(exchange: RestateExchange): Promise<RestateAnswer> {
  const { engine } = exchange;
  const { tables } = engine;
  const row = requireDeployment(tables, param(exchange, "id"));
  const { id } = row;
  if (row.url.startsWith("in-process:"))
    throw invalid(`${id} is served by the server's own process, and has no address to change`);
  const given = readRequest(exchange, UPDATE_FIELDS, (fields) => ({
    ...fields,
    url: fields.uri === undefined ? row.url : readUrl(fields.uri, "uri", true),
  }));
  const { url, additional_headers: ownHeaders, overwrite = false, dry_run: isDryRun = false } = given;
  const headers = ownHeaders === undefined ? row.headers : lowerCased(ownHeaders);
  for (const [name, value] of Object.entries(headers)) requireHeader(name, value);
  const found = await engine.discover(url, headers, {
    http11Only: given.use_http_11 ?? false,
    isLambda: given.use_lambda ?? row.manifest.restate?.lambda !== undefined,
  });
  refuseOtherProtocol(row, found);
  if (overwrite) refuseChangedTypes(tables, found);
  else refuseLostHandlers(row, found);
  // What it serves stays as it was described, but how it is spoken with is as it was found.
  const manifest = overwrite ? found : { ...found, services: row.manifest.services };
  if (!isDryRun) {
    const outcome = await engine.propose({ kind: "update-deployment", id, url, headers, manifest });
    if (!outcome.ok) throw refusalOf(outcome, { deploymentId: id, url });
  }
  const shown = isDryRun ? { ...row, url, headers, manifest } : presentRow(tables, id);
  return { body: { ...restateDeployment(shown), services: servicesOf(tables, shown) } };
}

function presentRow(tables: Tables, id: string): Readonly<DeploymentRow> {
  const row = tables.deployments.get(id);
  // Removed by somebody else since.
  if (row === undefined) throw new HoldfastError("deployment-not-found", { deploymentId: id });
  return row;
}

/** Journals were written in what was spoken then. */
function refuseOtherProtocol({ id, manifest }: Readonly<DeploymentRow>, found: EndpointManifest): void {
  const [before, now] = [protocolVersions(manifest), protocolVersions(found)];
  const isSame =
    before.min_protocol_version === now.min_protocol_version &&
    before.max_protocol_version === now.max_protocol_version &&
    (manifest.restate === undefined) === (found.restate === undefined);
  if (isSame) return;
  throw new RestateRefusal(
    400,
    `${id} speaks the protocol versions ${before.min_protocol_version} to ${before.max_protocol_version}; what is served there speaks ${now.min_protocol_version} to ${now.max_protocol_version}. Register it as a deployment of its own`,
    "META0016",
  );
}

/** Invocations may be bound to any of them. */
function refuseLostHandlers({ id, manifest }: Readonly<DeploymentRow>, found: EndpointManifest): void {
  for (const service of manifest.services) {
    const now = found.services.find(({ name, kind }) => name === service.name && kind === service.kind);
    const lost = service.handlers.find(
      ({ name, kind }) => now?.handlers.some((each) => each.name === name && each.kind === kind) !== true,
    );
    if (lost === undefined) continue;
    throw new RestateRefusal(
      409,
      `What is served there has no ${service.name}/${lost.name}, which ${id} serves. Set "overwrite" to do without`,
    );
  }
}
