/** Invocations as operators see them. */
import { type Invocation, type InvocationEvent as EngineEvent, type Target } from "@holdfast/engine";
import {
  MessageType,
  type InvocationDetail,
  type InvocationEvent,
  type InvocationSummary,
  type InvokedBy,
  type JournalEntryInfo,
} from "@holdfast/protocol";

import type { EngineAccess } from "../partition/engine-access.ts";
import { attemptFailure, failureInfo, newestFailure } from "./failure-view.ts";
import { inputHeaders, journalView } from "./journal-view.ts";
import { iso } from "./shown-time.ts";
import { waitingFor, type WaitScope } from "./waiting-for.ts";

/** Entries that come with the details; the rest is asked for page by page. */
const DETAIL_ENTRIES_MAX = 1_000;

export function waitScopeOf(engine: EngineAccess): WaitScope {
  return { tables: engine.tables, unreachable: new Set(engine.health().deploymentsUnreachable) };
}

export function summaryOf(scope: WaitScope, row: Readonly<Invocation>): InvocationSummary {
  const { target } = row;
  const waits = waitingFor(scope, row);
  const failure = newestFailure(row);
  return {
    id: row.id,
    target: targetText(target),
    service: target.service,
    handler: target.handler,
    ...(target.kind === "plain" ? {} : { key: target.key }),
    status: row.status,
    createdAt: iso(row.createdAt),
    modifiedAt: iso(row.modifiedAt),
    ...at("scheduledAt", row.scheduledAt),
    ...at("startedAt", row.startedAt),
    ...at("completedAt", row.completedAt),
    ...(row.deployment === undefined ? {} : { deployment: row.deployment }),
    attempt: row.attempt,
    retryCount: row.retryCount,
    ...at("nextRetryAt", row.nextRetryAt),
    ...(failure === undefined ? {} : { lastFailure: attemptFailure(failure) }),
    ...(waits.length === 0 ? {} : { waitingFor: waits }),
    ...(row.idempotencyKey === undefined ? {} : { idempotencyKey: row.idempotencyKey }),
    invokedBy: invokedBy(row),
    ...(row.source.kind === "restart" ? { restartedFrom: row.source.id } : {}),
    ...outcomeOf(row),
    journalEntries: row.journalLength,
    ...(row.cancelledInAttempt > 0 ? { cancelRequested: true } : {}),
  };
}

export function detailOf(engine: EngineAccess, row: Readonly<Invocation>): InvocationDetail {
  const { tables } = engine;
  const entries = tables.journal(row, DETAIL_ENTRIES_MAX);
  const journal = journalView(row, entries);
  const headers = entries[0]?.type === MessageType.Input ? inputHeaders(entries[0]) : undefined;
  return {
    ...summaryOf(waitScopeOf(engine), row),
    journal,
    journalKept: row.journalLength > 0,
    journalBytes: row.journalBytes,
    events: row.events.map(eventInfo),
    callees: journal.flatMap((entry) => calleeOf(entry)),
    ...at("retentionUntil", row.keptUntil),
    ...(headers === undefined ? {} : { headers }),
  };
}

export function targetText({ service, handler, key, kind }: Target): string {
  return kind === "plain" ? `${service}/${handler}` : `${service}/${key}/${handler}`;
}

function outcomeOf({ result }: Readonly<Invocation>): Pick<InvocationSummary, "result" | "failure"> {
  if (result === undefined) return {};
  if (result.kind !== "failure") return { result: "success" };
  return { result: "failure", failure: failureInfo(result.failure) };
}

function invokedBy({ source }: Readonly<Invocation>): InvokedBy {
  switch (source.kind) {
    case "ingress":
      return { kind: "ingress" };
    case "invocation":
      return { kind: "invocation", id: source.id };
    case "restart":
      return { kind: "restart", id: source.id };
  }
}

function eventInfo(event: EngineEvent): InvocationEvent {
  return {
    at: iso(event.at),
    kind: event.kind,
    detail: event.message,
    afterEntry: event.afterEntry,
    ...(event.count > 1 ? { count: event.count } : {}),
    ...(event.kind === "attempt-failed" ? { failure: attemptFailure(event) } : {}),
  };
}

function calleeOf(entry: JournalEntryInfo): InvocationDetail["callees"] {
  const isCall = entry.type === "Call" || entry.type === "OneWayCall";
  if (!isCall || entry.invocationId === undefined) return [];
  return [{ id: entry.invocationId, target: entry.name ?? "", entryIndex: entry.index }];
}

/** An optional time; 0 is none. */
function at<Name extends string>(name: Name, time: number): Partial<Record<Name, string>> {
  return time === 0 ? {} : ({ [name]: iso(time) } as Record<Name, string>);
}
