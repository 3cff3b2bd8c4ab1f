/** `/services`: what can be called, with every option that is in force. The answers hold Restate's fields as well. */
import type { ServiceRow } from "@holdfast/engine";
import type { HandlerInfo, HandlerManifest, ServiceInfo } from "@holdfast/protocol";

import { findService } from "../ingress/addressing.ts";
import type { EngineAccess } from "../partition/engine-access.ts";
import { allDeployments } from "./deployments.ts";
import { param, readQuery, type AdminAnswer, type AdminExchange } from "./exchange.ts";
import { restateService } from "./restate/service-view.ts";

export function listServices(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  const { engine } = exchange;
  const names = [...engine.tables.services.keys()].toSorted();
  const rows = names.map((name) => findService(engine.tables, name));
  return {
    body: {
      items: rows.map((row) => serviceInfo(engine, row)),
      services: rows.map((row) => restateService(engine.tables, row)),
    },
  };
}

export function getService(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  const { engine } = exchange;
  const row = findService(engine.tables, param(exchange, "service"));
  const ours = serviceInfo(engine, row);
  const theirs = restateService(engine.tables, row);
  // Both list the handlers by name.
  const handlers = ours.handlers.map((handler, index) => ({ ...theirs.handlers[index], ...handler }));
  return { body: { ...theirs, ...ours, handlers } };
}

function serviceInfo(engine: EngineAccess, row: ServiceRow): ServiceInfo {
  const { manifest } = row;
  const { documentation, metadata } = manifest;
  const serving = allDeployments(engine.tables).filter((deployment) =>
    deployment.manifest.services.some(({ name }) => name === manifest.name),
  );
  return {
    name: manifest.name,
    kind: manifest.kind,
    revision: row.revision,
    deployment: row.deployment,
    public: manifest.ingressPrivate !== true,
    ...(documentation === undefined ? {} : { documentation }),
    ...(metadata === undefined ? {} : { metadata }),
    handlers: manifest.handlers
      .map((handler) => handlerInfo(engine, row, handler))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    deployments: serving.map(({ id, revisions, live }) => ({
      id,
      revision: revisions[manifest.name] ?? 0,
      activeInvocations: live,
    })),
  };
}

function handlerInfo(engine: EngineAccess, row: ServiceRow, handler: HandlerManifest): HandlerInfo {
  const settings = engine.tables.handlerSettings(row.deployment, row.manifest.name, handler.name);
  const { documentation, metadata, inputSchema, outputSchema, promises } = handler;
  return {
    name: handler.name,
    kind: handler.kind,
    public: !settings.ingressPrivate,
    ...(documentation === undefined ? {} : { documentation }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(inputSchema === undefined ? {} : { inputSchema }),
    ...(outputSchema === undefined ? {} : { outputSchema }),
    ...(promises === undefined ? {} : { promises }),
    inactivityTimeoutMs: settings.inactivityTimeoutMs,
    abortTimeoutMs: settings.abortTimeoutMs,
    journalRetentionMs: settings.journalRetentionMs,
    idempotencyRetentionMs: settings.idempotencyRetentionMs,
    ...(handler.kind === "run" ? { workflowRetentionMs: settings.workflowRetentionMs } : {}),
    lazyState: settings.lazyState,
    retryPolicy: settings.retryPolicy,
  };
}
