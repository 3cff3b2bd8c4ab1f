/** Columns that the views of invocations share. Rows are those of the store's table `invocations`, as `i`. */
import type { HandlerSettings, Invocation } from "@holdfast/engine";
import type { HandlerKind } from "@holdfast/protocol";

import { durationCell, instantCell, instantSql, type ColumnType, type Readable } from "../cell.ts";
import { entryKind } from "../entry-json.ts";
import type { SnapshotRows } from "../snapshot-rows.ts";
import type { ColumnOf } from "../view.ts";
import { documentationCode, failureText, newestFailure } from "./failure-columns.ts";
import { partitionKeyOfInvocation } from "./partition-key.ts";

/** An invocation and the number by which its journal is found. */
export type InvocationRow = { readonly row: Readonly<Invocation>; readonly number: number };
type Column = ColumnOf<InvocationRow>;

export function findInvocationRow(snapshot: SnapshotRows, number: string | number): InvocationRow {
  return { row: snapshot.invocation(Number(number)), number: Number(number) };
}

const SERVICE_TYPES: Readonly<Record<HandlerKind, string>> = {
  plain: "service",
  exclusive: "virtual_object",
  shared: "virtual_object",
  run: "workflow",
};

function sql(name: string, type: ColumnType, meaning: string, expression: string): Column {
  return { name, type, meaning, sql: expression };
}

function read(
  name: string,
  type: ColumnType,
  meaning: string,
  of: (row: Readonly<Invocation>, snapshot: SnapshotRows) => Readable,
): Column {
  return { name, type, meaning, read: ({ row }, snapshot) => of(row, snapshot) };
}

function never(name: string, type: ColumnType): Column {
  return { name, type, meaning: "always NULL: for Restate's tools", sql: "NULL" };
}

export const partitionKey: Column = read(
  "partition_key",
  "unsigned",
  "first part of the id; for Restate's tools",
  ({ id }) => partitionKeyOfInvocation(id),
);

export const id: Column = sql("id", "text", "id of the invocation", "i.id");

const target: readonly Column[] = [
  sql(
    "target",
    "text",
    "service/handler, or service/key/handler",
    "CASE i.key WHEN '' THEN i.service || '/' || i.handler ELSE i.service || '/' || i.key || '/' || i.handler END",
  ),
  sql("target_service_name", "text", "service", "i.service"),
  sql("target_service_key", "text", "key of the object or workflow", "NULLIF(i.key, '')"),
  sql("target_handler_name", "text", "handler", "i.handler"),
  read(
    "target_service_ty",
    "text",
    "service, virtual_object or workflow",
    ({ target: { kind, service } }, { tables }) =>
      tables.service(service)?.manifest.kind === "workflow" ? "workflow" : SERVICE_TYPES[kind],
  ),
];

const origin: readonly Column[] = [
  read("idempotency_key", "text", "idempotency key of the call", ({ idempotencyKey }) => idempotencyKey),
  read("invoked_by", "text", "ingress, service (a handler) or restart_as_new", ({ source }) =>
    source.kind === "invocation" ? "service" : source.kind === "restart" ? "restart_as_new" : "ingress",
  ),
  read(
    "invoked_by_service_name",
    "text",
    "service of the caller, as long as the caller is kept",
    ({ source }, snapshot) => callerOf(source, snapshot)?.target.service,
  ),
  read("invoked_by_id", "text", "invocation that made the call", ({ source }) =>
    source.kind === "invocation" ? source.id : undefined,
  ),
  never("invoked_by_subscription_id", "text"),
  read(
    "invoked_by_target",
    "text",
    "target of the caller, as long as the caller is kept",
    ({ source }, snapshot) => {
      const caller = callerOf(source, snapshot);
      return caller === undefined ? undefined : targetText(caller);
    },
  ),
  read("restarted_from", "text", "invocation that this one repeats", ({ source }) =>
    source.kind === "restart" ? source.id : undefined,
  ),
];

const execution: readonly Column[] = [
  sql(
    "pinned_deployment_id",
    "text",
    "deployment of all its attempts, from the first on",
    "NULLIF(i.deployment, '')",
  ),
  read(
    "pinned_service_protocol_version",
    "integer",
    "version of Restate's protocol that its attempts speak; NULL where it is another protocol",
    ({ restateVersion }) => (restateVersion === 0 ? undefined : restateVersion),
  ),
  never("trace_id", "text"),
  read("journal_size", "integer", "entries in the journal", ({ journalLength }) => journalLength),
  read("journal_commands_size", "integer", "commands among them", ({ commandCount }) => commandCount),
];

const times: readonly Column[] = [
  sql("created_at", "instant", "when it was accepted", instantSql("i.created_at")),
  never("created_using_restate_version", "text"),
  sql("modified_at", "instant", "when its row last changed", instantSql("i.modified_at")),
  read("inboxed_at", "instant", "since when it is in its key's queue; NULL when it is not", (row) =>
    row.status === "queued" ? instantCell(row.modifiedAt) : undefined,
  ),
  read("scheduled_at", "instant", "when its start was put off", (row) =>
    row.scheduledAt === 0 ? undefined : instantCell(row.createdAt),
  ),
  read("scheduled_start_at", "instant", "until when its start was put off", ({ scheduledAt }) =>
    instantCell(scheduledAt),
  ),
  read("running_at", "instant", "when its first attempt began", ({ startedAt }) => instantCell(startedAt)),
  sql(
    "completed_at",
    "instant",
    "when it completed",
    `CASE WHEN i.completed_at IS NOT NULL THEN ${instantSql("i.completed_at")} END`,
  ),
  read("completion_retention", "duration", "how long the outcome is kept", (row, snapshot) =>
    durationCell(outcomeRetentionMs(row, settingsOf(row, snapshot))),
  ),
  read("journal_retention", "duration", "how long the journal is kept after that", (row, snapshot) =>
    durationCell(settingsOf(row, snapshot).journalRetentionMs),
  ),
];

const waits: readonly Column[] = [
  read(
    "suspended_waiting_for_completions",
    "integers",
    "completion ids that it waits for while suspended",
    (row) => listOf(row, (awaiting) => awaiting.completions),
  ),
  read(
    "suspended_waiting_for_signals",
    "integers",
    "signal indexes that it waits for while suspended",
    (row) => listOf(row, (awaiting) => awaiting.signals),
  ),
  never("suspended_waiting_future_json", "text"),
];

/** What Restate keeps durably of an invocation, without its status. */
export const durableColumns: readonly Column[] = [
  never("vqueue_id", "text"),
  ...target,
  never("scope", "text"),
  never("limit_key", "text"),
  ...origin,
  ...execution,
  ...times,
  ...waits,
];

/** What is about its attempts. */
export const attemptColumns: readonly Column[] = [
  read(
    "retry_count",
    "integer",
    "attempts since the last progress, with the one under way; NULL when none is under way or due",
    (row) =>
      row.status === "running"
        ? row.retryCount + 1
        : row.status === "backing-off"
          ? row.retryCount
          : undefined,
  ),
  read("last_start_at", "instant", "when its first attempt began, while it has one under way or due", (row) =>
    isInvoked(row) ? instantCell(row.startedAt) : undefined,
  ),
  read("next_retry_at", "instant", "when the next attempt begins, while it backs off", (row) =>
    row.status === "backing-off" ? instantCell(row.nextRetryAt) : undefined,
  ),
  read("last_attempt_deployment_id", "text", "deployment of its newest attempt", (row) =>
    isInvoked(row) && row.attempt > 0 ? row.deployment : undefined,
  ),
  read("last_attempt_server", "text", "SDK of its newest attempt", (row, { tables }) =>
    isInvoked(row) && row.deployment !== undefined
      ? tables.deployments.peek(row.deployment)?.manifest.sdk
      : undefined,
  ),
  read(
    "last_failure",
    "text",
    "why the newest attempt failed, if none has made progress since",
    (row) => newestFailure(row)?.message,
  ),
  read(
    "last_failure_error_code",
    "text",
    "Restate's code for it, or the code of docs/errors.md where Restate has none",
    (row) => {
      const failure = newestFailure(row);
      return failure === undefined ? undefined : documentationCode(failure);
    },
  ),
  related("last_failure_related_entry_index", "integer", "entry", (found) => found.entry?.index),
  related("last_failure_related_entry_name", "text", "entry", (found) => found.name),
  related("last_failure_related_entry_type", "text", "entry", (found) => found.type),
  related("last_failure_related_command_index", "integer", "command", (found) => found.commandIndex),
  related("last_failure_related_command_name", "text", "command", (found) => found.name),
  related("last_failure_related_command_type", "text", "command", (found) => found.type),
  never("last_awaiting_on_future_json", "text"),
];

export const outcomeColumns: readonly Column[] = [
  read("completion_result", "text", "success or failure, once it completed", ({ result }) =>
    result === undefined ? undefined : result.kind === "failure" ? "failure" : "success",
  ),
  read("completion_failure", "text", "its failure, as [code] message", ({ result }) =>
    result?.kind === "failure" ? failureText(result.failure) : undefined,
  ),
];

type Related = {
  readonly commandIndex: number;
  readonly name: string | undefined;
  readonly type: string | undefined;
  readonly entry: { readonly index: number } | undefined;
};

function related(
  name: string,
  type: ColumnType,
  what: "entry" | "command",
  of: (found: Related) => Readable,
): Column {
  const meaning = `${what} that the last failure is about: ${name.split("_").at(-1)}`;
  const valueOf = ({ row, number }: InvocationRow, snapshot: SnapshotRows): Readable => {
    const failure = newestFailure(row);
    if (failure === undefined || failure.relatedCommandIndex < 0) return undefined;
    const entry = snapshot.journal(number).command(failure.relatedCommandIndex);
    return of({
      commandIndex: failure.relatedCommandIndex,
      name: failure.relatedCommandName === "" ? undefined : failure.relatedCommandName,
      type: entry === undefined ? undefined : entryKind(entry.entry.type),
      entry,
    });
  };
  return { name, type, meaning, read: valueOf };
}

function isInvoked({ status }: Readonly<Invocation>): boolean {
  return status === "running" || status === "backing-off";
}

function listOf(
  { status, awaiting }: Readonly<Invocation>,
  of: (awaiting: NonNullable<Invocation["awaiting"]>) => readonly number[],
): string | undefined {
  return status === "suspended" && awaiting !== undefined ? JSON.stringify(of(awaiting)) : undefined;
}

function callerOf(source: Invocation["source"], { tables }: SnapshotRows): Readonly<Invocation> | undefined {
  return source.kind === "invocation" ? tables.invocations.get(source.id) : undefined;
}

function targetText({ target: { service, key, handler } }: Readonly<Invocation>): string {
  return key === "" ? `${service}/${handler}` : `${service}/${key}/${handler}`;
}

function settingsOf(
  { deployment, target: { service, handler } }: Readonly<Invocation>,
  { tables }: SnapshotRows,
) {
  return tables.handlerSettings(deployment, service, handler);
}

function outcomeRetentionMs(row: Readonly<Invocation>, settings: HandlerSettings): number {
  if (row.target.kind === "run") return settings.workflowRetentionMs;
  return row.idempotencyKey === undefined ? 0 : settings.idempotencyRetentionMs;
}
