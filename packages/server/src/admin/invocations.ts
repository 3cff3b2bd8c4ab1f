/** `/invocations`: list, one with its journal, actions, bulk actions. */
import {
  closestName,
  HoldfastError,
  type InvocationSummary,
  type JournalEntryInfo,
  type Page,
} from "@holdfast/protocol";

import { boolean, count, instant, invalid, oneOf, readFields, required } from "../http/json-request.ts";
import { pathNotFound } from "../http/request-path.ts";
import { jsonOf, param, queryCount, readQuery, type AdminAnswer, type AdminExchange } from "./exchange.ts";
import { ACTION_FIELDS, ACTIONS, isAction, performAction, readAction } from "./invocation-actions.ts";
import { requireInvocation } from "./invocation-lookup.ts";
import { findInvocations, readFilter, STATUSES, type ReadFilter } from "./invocation-search.ts";
import { detailOf, summaryOf, waitScopeOf } from "./invocation-view.ts";
import { journalView } from "./journal-view.ts";

const PAGE_DEFAULT = 50;
const PAGE_MAX = 1_000;
const BULK_LIMIT_DEFAULT = 1_000_000;

export function listInvocations(exchange: AdminExchange): AdminAnswer {
  const { engine } = exchange;
  const query = readQuery(
    exchange,
    "limit",
    "cursor",
    "status",
    "service",
    "handler",
    "key",
    "deployment",
    "ids",
    "idPrefix",
    "createdAfter",
    "createdBefore",
    "result",
    "idempotencyKey",
    "failureContains",
  );
  const { limit, cursor, ids, status, createdAfter, createdBefore, result, ...texts } = query;
  const filter: ReadFilter = {
    ...texts,
    ...(ids === undefined ? {} : { ids: ids.split(",") }),
    ...(status === undefined
      ? {}
      : { status: status.split(",").map((each) => oneOf(...STATUSES)(each, "status")) }),
    ...(createdAfter === undefined ? {} : { createdAfter: instant(createdAfter, "createdAfter") }),
    ...(createdBefore === undefined ? {} : { createdBefore: instant(createdBefore, "createdBefore") }),
    ...(result === undefined ? {} : { result: oneOf("success", "failure")(result, "result") }),
  };
  const pageSize = Math.max(1, queryCount(limit, "limit", PAGE_DEFAULT, PAGE_MAX));
  const { rows, nextCursor } = findInvocations(engine, filter, pageSize, cursor);
  const scope = waitScopeOf(engine);
  const body: Page<InvocationSummary> = {
    items: rows.map((row) => summaryOf(scope, row)),
    ...(nextCursor === undefined ? {} : { nextCursor }),
  };
  return { body };
}

export function getInvocation(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  const row = requireInvocation(exchange.engine, param(exchange, "id"));
  return { body: detailOf(exchange.engine, row) };
}

/** The journal from entry `from` on. */
export function getJournal(exchange: AdminExchange): AdminAnswer {
  const { engine } = exchange;
  const { from, limit, cursor } = readQuery(exchange, "from", "limit", "cursor");
  const row = requireInvocation(engine, param(exchange, "id"));
  if (row.journalLength === 0) throw new HoldfastError("journal-gone", { invocationId: row.id });
  const first = queryCount(
    cursor ?? from,
    cursor === undefined ? "from" : "cursor",
    0,
    Number.MAX_SAFE_INTEGER,
  );
  const end = first + Math.max(1, queryCount(limit, "limit", PAGE_MAX, PAGE_MAX));
  const body: Page<JournalEntryInfo> = {
    items: journalView(row, engine.tables.journal(row, end)).slice(first),
    ...(end < row.journalLength ? { nextCursor: String(end) } : {}),
  };
  return { body };
}

export async function actOnInvocation(exchange: AdminExchange): Promise<AdminAnswer> {
  const action = param(exchange, "action");
  const query = readQuery(exchange, ...(action === "resume" ? (["deployment"] as const) : []));
  if (!isAction(action)) {
    const meant = closestName(action, ACTIONS);
    const { details } = pathNotFound(["invocations", param(exchange, "id"), action]);
    throw new HoldfastError("not-found", details, {
      hint: meant === undefined ? `Actions are ${ACTIONS.join(", ")}.` : `Did you mean "${meant}"?`,
    });
  }
  const row = requireInvocation(exchange.engine, param(exchange, "id"));
  // Clients of Restate name the deployment in the query.
  const request = { ...query, ...readAction(action, jsonOf(exchange)) };
  const response = await performAction(exchange.engine, row, request);
  return { status: response.outcome === "requested" ? 202 : 200, body: response };
}

export function startBulk(exchange: AdminExchange): AdminAnswer {
  readQuery(exchange);
  const value = jsonOf(exchange);
  const actionOf = readFields(pick(value, ["action"]), { action: oneOf(...ACTIONS) });
  const action = required(actionOf.action, "action");
  const own = ["action", "filter", "dryRun", "limit"] as const;
  const given = readFields(value, {
    action: oneOf(...ACTIONS),
    filter: (filter: unknown, path: string) => readFilter(filter, path),
    dryRun: boolean,
    limit: count,
    ...ACTION_FIELDS[action],
  });
  const filter = required(given.filter, "filter");
  if (Object.keys(filter).length === 0) {
    throw invalid(
      '"filter" must have at least one condition, so that nothing is done to everything by mistake',
    );
  }
  const request = readAction(action, omit(value, own));
  const { dryRun = false, limit = BULK_LIMIT_DEFAULT } = given;
  const progress = exchange.bulk.start({ request, filter, dryRun, limit });
  return { status: 202, body: progress, headers: ["location", `/invocations/bulk/${progress.id}`] };
}

export function listBulk(exchange: AdminExchange): AdminAnswer {
  return { body: { items: exchange.bulk.list() } };
}

export function getBulk(exchange: AdminExchange): AdminAnswer {
  return { body: exchange.bulk.get(param(exchange, "id")) };
}

export function stopBulk(exchange: AdminExchange): AdminAnswer {
  return { body: exchange.bulk.stop(param(exchange, "id")) };
}

function pick(value: unknown, names: readonly string[]): unknown {
  return filterFields(value, (name) => names.includes(name));
}

function omit(value: unknown, names: readonly string[]): unknown {
  return filterFields(value, (name) => !names.includes(name));
}

function filterFields(value: unknown, isWanted: (name: string) => boolean): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => isWanted(name)));
}
