/** `/services/{service}/promises`: the durable promises of one workflow. */
import { objectKey, type PromiseRow } from "@holdfast/engine";
import { HoldfastError, type PromiseInfo } from "@holdfast/protocol";

import { pathNotFound } from "../http/request-path.ts";
import { findService } from "../ingress/addressing.ts";
import { requirePromise, settlePromise, type PromiseScope } from "../ingress/promises.ts";
import { param, readQuery, type AdminAnswer, type AdminExchange } from "./exchange.ts";
import { failureInfo } from "./failure-view.ts";
import { iso } from "./shown-time.ts";
import { previewOf } from "./value-preview.ts";

export function listPromises(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  const service = param(exchange, "service");
  const key = param(exchange, "key");
  const run = findService(exchange.engine.tables, service).manifest.handlers.find(
    ({ kind }) => kind === "run",
  );
  if (run === undefined) throw noWorkflow(service);
  const promises = requireWorkflow(exchange, service, key);
  const names = new Set([...Object.keys(run.promises ?? {}), ...promises.keys()]);
  const items = [...names].map((name) => promiseInfo({ service, key, name }, promises.get(name)));
  return { body: { items } };
}

export function getPromise(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  const address = addressOf(exchange);
  requirePromise(scopeOf(exchange), address, "all");
  const promises = requireWorkflow(exchange, address.service, address.key);
  return { body: promiseInfo(address, promises.get(address.name)) };
}

export function completePromise(exchange: AdminExchange): undefined {
  readQuery(exchange);
  const verb = param(exchange, "verb");
  const address = addressOf(exchange);
  if (verb !== "resolve" && verb !== "reject") {
    throw pathNotFound(["services", address.service, "promises", address.key, address.name, verb]);
  }
  const scope = scopeOf(exchange);
  const schema = requirePromise(scope, address, "all");
  settlePromise(scope, exchange.req, exchange.res, { address, schema, verb }, exchange.body);
}

function promiseInfo(
  address: { readonly service: string; readonly key: string; readonly name: string },
  row: Readonly<PromiseRow> | undefined,
): PromiseInfo {
  const result = row?.result;
  const waiting = row?.waiters.map(({ id }) => id) ?? [];
  if (row === undefined || result === undefined) return { ...address, status: "pending", waiting };
  const completedAt = iso(row.settledAt);
  if (result.kind === "failure") {
    return { ...address, status: "rejected", failure: failureInfo(result.failure), completedAt, waiting };
  }
  const value = result.kind === "value" ? { value: previewOf(result.value) } : {};
  return { ...address, status: "resolved", ...value, completedAt, waiting };
}

function requireWorkflow(
  exchange: AdminExchange,
  service: string,
  key: string,
): ReadonlyMap<string, Readonly<PromiseRow>> {
  const object = exchange.engine.tables.objects.get(objectKey(service, key));
  if (object?.runId === undefined) throw new HoldfastError("workflow-not-found", { service, key });
  return object.promises;
}

function addressOf(exchange: AdminExchange): { service: string; key: string; name: string } {
  return {
    service: param(exchange, "service"),
    key: param(exchange, "key"),
    name: param(exchange, "name"),
  };
}

function scopeOf({ engine, settings, onDefect }: AdminExchange): PromiseScope {
  return { engine, settings, source: "admin", onDefect };
}

function noWorkflow(service: string): HoldfastError {
  const message = `"${service}" is no workflow and has no promises`;
  return new HoldfastError("promise-not-found", { service }, { message });
}
