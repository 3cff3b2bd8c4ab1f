/**
 * Invocations, as one view and as the two that Restate makes it of: what it keeps of an invocation, and what is about its
 * attempts. Statuses are called as Restate calls them.
 */
import { defineView, type Branches, type ColumnOf } from "../view.ts";
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

/** By their names in the store, where they have another. */
type Renamed = Readonly<Record<string, readonly string[]>>;

function statusBranches(renamed: Renamed): Branches {
  const lists = Object.entries(renamed).map(([name, statuses]) => [name, listOf(statuses)] as const);
  const cases = lists.map(([name, list]) => `WHEN i.status IN (${list}) THEN '${name}'`);
  const others = listOf(Object.values(renamed).flat());
  return {
    whole: { from: FROM, columns: { status: `CASE ${cases.join(" ")} ELSE i.status END` } },
    byStatus: [
      { from: FROM, where: `i.status NOT IN (${others})` },
      ...lists.map(([name, list]) => ({
        from: FROM,
        where: `i.status IN (${list})`,
        // Of the same affinity as the column: otherwise SQLite keeps the branches apart.
        columns: { status: `CAST('${name}' AS TEXT)` },
      })),
    ],
  };
}

function listOf(statuses: readonly string[]): string {
  return statuses.map((status) => `'${status}'`).join(", ");
}

/** Statuses that few invocations have: whoever names one is better served by an index. */
export const SEARCHED_STATUSES: ReadonlySet<string> = new Set([
  "pending",
  "scheduled",
  "running",
  "backing-off",
  "suspended",
  "paused",
  "inboxed",
  "invoked",
]);

export const invocationView = defineView<InvocationRow>({
  name: "sys_invocation",
  meaning: "Every invocation that is under way or still kept.",
  columns: [id, ...durableColumns, ...attemptColumns, status, ...outcomeColumns],
  branches: statusBranches({ pending: ["queued"] }),
  row: ["i.number"],
  find: (snapshot, number) => findInvocationRow(snapshot, number ?? 0),
});

export const invocationStatusView = defineView<InvocationRow>({
  name: "sys_invocation_status",
  meaning: "The same invocations, without what is about their attempts.",
  columns: [partitionKey, id, rawStatus, ...outcomeColumns, ...durableColumns],
  branches: statusBranches({ inboxed: ["queued"], invoked: ["running", "backing-off"] }),
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
  branches: { whole: { from: FROM, where: "i.status IN ('running', 'backing-off')" } },
  row: ["i.number"],
  find: (snapshot, number) => findInvocationRow(snapshot, number ?? 0),
});
