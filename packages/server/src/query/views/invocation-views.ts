/**
 * Invocations, as one view and as the two that Restate makes it of: what it keeps of an invocation, and what is about its
 * attempts. Statuses are called as Restate calls them. A status of another name has a branch of its own, so that a search by
 * status runs on the store's index.
 */
import { defineView, type Branch, type ColumnOf } from "../view.ts";
import {
  attemptColumns,
  durableColumns,
  findInvocationRow,
  id,
  outcomeColumns,
  partitionKey,
  type InvocationRow,
} from "./invocation-columns.ts";

const FROM = "main.invocations AS i";

const status: ColumnOf<InvocationRow> = {
  name: "status",
  type: "text",
  meaning:
    "pending (in its key's queue), scheduled, running (an attempt is under way), backing-off, suspended, paused or completed",
  sql: "i.status",
};

const rawStatus: ColumnOf<InvocationRow> = {
  name: "status",
  type: "text",
  meaning: "scheduled, inboxed, invoked (running or backing off), suspended, paused or completed",
  sql: "i.status",
};

function named(name: string, ...statuses: readonly string[]): Branch {
  const list = statuses.map((each) => `'${each}'`).join(", ");
  return { from: FROM, where: `i.status IN (${list})`, columns: { status: `'${name}'` } };
}

export const invocationView = defineView<InvocationRow>({
  name: "sys_invocation",
  meaning: "Every invocation that is under way or still kept.",
  columns: [id, ...durableColumns, ...attemptColumns, status, ...outcomeColumns],
  branches: [{ from: FROM, where: "i.status <> 'queued'" }, named("pending", "queued")],
  row: ["i.number"],
  find: (snapshot, number) => findInvocationRow(snapshot, number ?? 0),
});

export const invocationStatusView = defineView<InvocationRow>({
  name: "sys_invocation_status",
  meaning: "The same invocations, without what is about their attempts.",
  columns: [partitionKey, id, rawStatus, ...outcomeColumns, ...durableColumns],
  branches: [
    { from: FROM, where: "i.status NOT IN ('queued', 'running', 'backing-off')" },
    named("inboxed", "queued"),
    named("invoked", "running", "backing-off"),
  ],
  row: ["i.number"],
  find: (snapshot, number) => findInvocationRow(snapshot, number ?? 0),
});

export const invocationStateView = defineView<InvocationRow>({
  name: "sys_invocation_state",
  meaning: "Invocations with an attempt under way or due.",
  columns: [
    partitionKey,
    id,
    {
      name: "in_flight",
      type: "boolean",
      meaning: "whether an attempt is under way",
      sql: "i.status = 'running'",
    },
    ...attemptColumns,
  ],
  branches: [{ from: FROM, where: "i.status IN ('running', 'backing-off')" }],
  row: ["i.number"],
  find: (snapshot, number) => findInvocationRow(snapshot, number ?? 0),
});
