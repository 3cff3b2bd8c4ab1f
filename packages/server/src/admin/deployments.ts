/** `/deployments`: list, register, describe, remove. */
import { validateHeaderName, validateHeaderValue } from "node:http";

import { deploymentAt, type DeploymentRow, type Tables } from "@holdfast/engine";
import {
  HoldfastError,
  type DeploymentInfo,
  type DeploymentReachability,
  type RegisterDeploymentResponse,
  type ServiceChange,
  type ServiceManifest,
} from "@holdfast/protocol";

import { boolean, invalid, readFields, record, required, text } from "../http/json-request.ts";
import { refusalOf } from "../ingress/outcome.ts";
import type { EngineAccess } from "../partition/engine-access.ts";
import { jsonOf, param, queryBoolean, readQuery, type AdminAnswer, type AdminExchange } from "./exchange.ts";
import { restateDeployment } from "./restate/deployment-view.ts";
import { iso } from "./shown-time.ts";

const IN_PROCESS = "in-process:";

export function listDeployments(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  const rows = allDeployments(exchange.engine.tables);
  const items = rows.map((row) => deploymentInfo(exchange.engine, row));
  return { body: { items, deployments: rows.map(restateDeployment) } };
}

export function getDeployment(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  const row = requireDeployment(exchange.engine.tables, param(exchange, "id"));
  return { body: { ...restateDeployment(row), ...deploymentInfo(exchange.engine, row) } };
}

export async function registerDeployment(exchange: AdminExchange): Promise<AdminAnswer> {
  const { engine } = exchange;
  readQuery(exchange);
  const given = readFields(jsonOf(exchange), {
    url: text,
    additionalHeaders: record(text),
    force: boolean,
    breaking: boolean,
    dryRun: boolean,
    metadata: record(text),
  });
  const url = readUrl(required(given.url, "url"));
  // What is not said stays as it is: registering the same address again is no change.
  const known = deploymentAt(engine.tables, url);
  const headers =
    given.additionalHeaders === undefined
      ? (known?.headers ?? {})
      : Object.fromEntries(given.additionalHeaders);
  const metadata =
    given.metadata === undefined ? (known?.metadata ?? {}) : Object.fromEntries(given.metadata);
  for (const [name, value] of Object.entries(headers)) requireHeader(name, value);
  const { force = false, breaking = false, dryRun = false } = given;
  const manifest = await engine.discover(url, headers);
  const changes = manifest.services.map((service) => changeOf(engine.tables, service));
  const outcome = await engine.propose({
    kind: "register-deployment",
    id: engine.deploymentId(),
    url,
    manifest,
    metadata,
    headers,
    force,
    breaking,
    dryRun,
  });
  if (!outcome.ok) {
    const details = outcome.code === "breaking-change" ? { url, changes } : { url };
    throw refusalOf(outcome, details);
  }
  const row = engine.tables.deployments.get(outcome.detail?.id ?? "");
  const created = outcome.detail?.existed !== true && !dryRun;
  const body: RegisterDeploymentResponse = {
    ...(row === undefined ? {} : { deployment: deploymentInfo(engine, row) }),
    created,
    dryRun,
    changes,
  };
  const headersOf = row === undefined ? [] : ["location", `/deployments/${row.id}`];
  return { status: created ? 201 : 200, body, headers: headersOf };
}

export async function removeDeployment(exchange: AdminExchange): Promise<AdminAnswer> {
  const { engine } = exchange;
  const { force } = readQuery(exchange, "force");
  const row = requireDeployment(engine.tables, param(exchange, "id"));
  const isForced = queryBoolean(force, "force");
  const outcome = await engine.propose({ kind: "remove-deployment", id: row.id, force: isForced });
  if (!outcome.ok) throw refusalOf(outcome, { deploymentId: row.id, invocations: row.live });
  return { body: { id: row.id, removed: true, invocationsLeft: row.live } };
}

export function allDeployments(tables: Tables): ReadonlyArray<Readonly<DeploymentRow>> {
  const rows: Array<Readonly<DeploymentRow>> = [];
  for (const [, row] of tables.deployments.loaded()) if (row !== undefined) rows.push(row);
  return rows.toSorted((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1));
}

export function deploymentInfo(engine: EngineAccess, row: Readonly<DeploymentRow>): DeploymentInfo {
  const { manifest } = row;
  const isInProcess = row.url.startsWith(IN_PROCESS);
  const isLatest = manifest.services.some(({ name }) => engine.tables.service(name)?.deployment === row.id);
  const headers = Object.keys(row.headers);
  return {
    id: row.id,
    ...(isInProcess ? {} : { url: row.url }),
    wire: isInProcess ? "in-process" : (manifest.wires[0] ?? "native"),
    sdk: manifest.sdk,
    runtime: manifest.runtime,
    createdAt: iso(row.createdAt),
    status: isLatest ? "active" : row.live > 0 ? "draining" : "drained",
    services: manifest.services.map(({ name, handlers }) => ({
      name,
      revision: row.revisions[name] ?? 0,
      handlers: handlers.map((handler) => handler.name).toSorted(),
    })),
    activeInvocations: row.live,
    reachability: reachability(engine, row.id),
    ...(headers.length === 0 ? {} : { additionalHeaders: headers }),
    ...(Object.keys(row.metadata).length === 0 ? {} : { metadata: row.metadata }),
  };
}

function reachability(engine: EngineAccess, id: string): DeploymentReachability {
  return { status: engine.health().deploymentsUnreachable.includes(id) ? "unreachable" : "reachable" };
}

/** By id or by the beginning of one. */
export function requireDeployment(tables: Tables, id: string): Readonly<DeploymentRow> {
  const exact = tables.deployments.get(id);
  if (exact !== undefined) return exact;
  const deploymentId = id.slice(0, 100);
  if (!/^dp_1[0-9A-Za-z]{0,22}$/.test(id)) throw new HoldfastError("deployment-id-invalid", { deploymentId });
  const [row, other] = allDeployments(tables).filter((candidate) => candidate.id.startsWith(id));
  if (row === undefined || other !== undefined)
    throw new HoldfastError("deployment-not-found", { deploymentId });
  return row;
}

/** What the registration means for one service, compared with its newest revision. */
function changeOf(tables: Tables, service: ServiceManifest): ServiceChange {
  const known = tables.service(service.name);
  const names = service.handlers.map(({ name }) => name);
  const knownNames = known === undefined ? [] : [...known.handlers.keys()];
  const handlersAdded = names.filter((name) => !knownNames.includes(name));
  const handlersRemoved = knownNames.filter((name) => !names.includes(name));
  const isSame = known !== undefined && JSON.stringify(known.manifest) === JSON.stringify(service);
  return {
    service: service.name,
    change: known === undefined ? "added" : isSame ? "unchanged" : "updated",
    revision: (known?.revision ?? 0) + 1,
    handlersAdded,
    handlersRemoved,
    warnings: warningsOf(known?.manifest, service, handlersRemoved),
  };
}

function warningsOf(
  known: ServiceManifest | undefined,
  service: ServiceManifest,
  handlersRemoved: readonly string[],
): readonly string[] {
  const warnings = handlersRemoved.map((name) => `callers of ${service.name}/${name} would get an error`);
  if (known !== undefined && known.kind !== service.kind) {
    warnings.push(`"${service.name}" is a ${known.kind} and would become a ${service.kind}`);
  }
  return warnings;
}

/** A base address: http or https, nothing that would be sent along by accident. Without a slash at the end of its path. */
export function readUrl(given: string, field = "url", isQueryAllowed = false): string {
  const url = URL.parse(given);
  if (url === null) throw invalidUrl(field, given, "it is not a URL, such as http://localhost:9080");
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw invalidUrl(field, given, "only http and https are spoken");
  if (url.username !== "" || url.password !== "") {
    const reason = "it holds a user or a password; put them into a header that is sent along";
    throw invalidUrl(field, url.origin, reason);
  }
  if (url.hash !== "" || (url.search !== "" && !isQueryAllowed))
    throw invalidUrl(field, given, "it must end with its path");
  let end = url.pathname.length;
  // By hand: the regular expression for it takes the square of the time for an address of many slashes.
  while (url.pathname[end - 1] === "/") end -= 1;
  return url.origin + url.pathname.slice(0, end) + url.search;
}

function invalidUrl(field: string, url: string, reason: string): HoldfastError {
  return invalid(`"${field}" cannot be used: ${reason}`, { field, url: url.slice(0, 200) });
}

export function requireHeader(name: string, value: string): void {
  try {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  } catch {
    throw invalid(`"additionalHeaders.${name}" is not a header that can be sent`);
  }
}
