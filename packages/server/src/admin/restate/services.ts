/** `/services` in Restate's form: what can be called, and changing how. */
import type { ServiceOverrides, ServiceRow } from "@holdfast/engine";

import { boolean, type FieldsOf } from "../../http/json-request.ts";
import { findHandler, findService } from "../../ingress/addressing.ts";
import { refusalOf } from "../../ingress/outcome.ts";
import { param } from "../exchange.ts";
import type { RestateAnswer, RestateExchange } from "./exchange.ts";
import { duration, readRequest } from "./request.ts";
import { serviceOpenApi } from "./service-openapi.ts";
import { restateHandler, restateService } from "./service-view.ts";

const SERVICE_FIELDS = {
  public: boolean,
  idempotency_retention: duration,
  workflow_completion_retention: duration,
  journal_retention: duration,
  inactivity_timeout: duration,
  abort_timeout: duration,
};

export function listServices({ engine: { tables } }: RestateExchange): RestateAnswer {
  const services = [...tables.services.keys()]
    .toSorted()
    .map((name) => restateService(tables, findService(tables, name)));
  return { body: { services } };
}

export function getService(exchange: RestateExchange): RestateAnswer {
  return { body: restateService(exchange.engine.tables, serviceOf(exchange)) };
}

export function listHandlers(exchange: RestateExchange): RestateAnswer {
  const { handlers } = restateService(exchange.engine.tables, serviceOf(exchange));
  return { body: { handlers } };
}

export function getHandler(exchange: RestateExchange): RestateAnswer {
  const row = serviceOf(exchange);
  const handler = findHandler(row, param(exchange, "handler"));
  return { body: restateHandler(exchange.engine.tables, row, handler) };
}

export function getOpenApi(exchange: RestateExchange): RestateAnswer {
  return { body: serviceOpenApi(serviceOf(exchange), exchange.settings.version.ingressUrl) };
}

/** What is given holds from now on for the service's newest revision and each of its handlers, whatever its manifest says. */
export async function patchService(exchange: RestateExchange): Promise<RestateAnswer> {
  const { engine } = exchange;
  const service = serviceOf(exchange).manifest.name;
  const options = readRequest(exchange, SERVICE_FIELDS, overridesOf);
  const outcome = await engine.propose({ kind: "configure-service", service, options });
  if (!outcome.ok) throw refusalOf(outcome, { service });
  return { body: restateService(engine.tables, findService(engine.tables, service)) };
}

function overridesOf(given: FieldsOf<typeof SERVICE_FIELDS>): ServiceOverrides {
  const durations = {
    idempotencyRetentionMs: given.idempotency_retention,
    workflowRetentionMs: given.workflow_completion_retention,
    journalRetentionMs: given.journal_retention,
    inactivityTimeoutMs: given.inactivity_timeout,
    abortTimeoutMs: given.abort_timeout,
  };
  const said = Object.entries(durations).filter(([, ms]) => ms !== undefined);
  return {
    ...(given.public === undefined ? {} : { ingressPrivate: !given.public }),
    ...Object.fromEntries(said),
  };
}

function serviceOf(exchange: RestateExchange): ServiceRow {
  return findService(exchange.engine.tables, param(exchange, "service"));
}
