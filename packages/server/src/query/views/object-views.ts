/** What belongs to the keys of objects and workflows: state, promises, the lock, and who waits for it. */
import { splitObjectKey, type ObjectRow, type PromiseRow } from "@holdfast/engine";

import { instantCell, type Readable } from "../cell.ts";
import type { SnapshotRows } from "../snapshot-rows.ts";
import { defineView, type ColumnOf } from "../view.ts";
import { failureText } from "./failure-columns.ts";
import { partitionKeyColumn } from "./partition-key.ts";

type Addressed = { readonly service: string; readonly key: string };
type Keyed = Addressed & { readonly row: Readonly<ObjectRow> };
type Named = Keyed & { readonly name: string };
type StateEntry = Named & { readonly value: Uint8Array };
type NamedPromise = Named & { readonly promise: PromiseRow };
type Queued = Addressed & { readonly seq: number; readonly id: string };

const decoder = new TextDecoder("utf-8", { fatal: true });
/** Of the separator and the number at the end of an inbox row's key, behind that of its object. */
const SEQ_LENGTH = 13;

/** SQL of a row's key. */
const KEYS = { objects: "o.key", inbox: "q.key" } as const;

/** From the row's key alone, by which rows of others are passed over before anything is decoded. */
function address<Row extends Addressed>(table: "objects" | "inbox"): ReadonlyArray<ColumnOf<Row>> {
  return [
    partitionKeyColumn((row) => row.key),
    {
      name: "service_name",
      type: "text",
      meaning: "object or workflow",
      sql: `holdfast_address('${table}.service', ${KEYS[table]})`,
    },
    {
      name: "service_key",
      type: "text",
      meaning: "its key",
      sql: `holdfast_address('${table}.key', ${KEYS[table]})`,
    },
  ];
}

function scope<Row>(): ColumnOf<Row> {
  return { name: "scope", type: "text", meaning: "always NULL: for Restate's tools", sql: "NULL" };
}

export const stateView = defineView<StateEntry>({
  name: "state",
  meaning: "State of objects and workflows: a row for each entry.",
  columns: [
    ...address<StateEntry>("objects"),
    scope(),
    { name: "key", type: "text", meaning: "name of the entry", sql: "e.value" },
    { name: "key_length", type: "integer", meaning: "its length in bytes", sql: "octet_length(e.value)" },
    {
      name: "value_utf8",
      type: "text",
      meaning: "value, where it is text",
      read: ({ value }) => textOf(value),
    },
    { name: "value", type: "binary", meaning: "value, as it is stored", read: ({ value }) => value },
    {
      name: "value_length",
      type: "integer",
      meaning: "length of the value in bytes",
      read: ({ value }) => value.length,
    },
  ],
  branches: { whole: { from: "main.objects AS o, json_each(holdfast_names('state', o.key)) AS e" } },
  row: ["o.key", "e.value"],
  find: (snapshot, object, name) => {
    const keyed = keyedRow(snapshot, object);
    return { ...keyed, name: String(name), value: present(keyed.row.state.get(String(name))) };
  },
});

export const promiseView = defineView<NamedPromise>({
  name: "sys_promise",
  meaning: "Durable promises of workflows that somebody has settled or waits for.",
  columns: [
    ...address<NamedPromise>("objects"),
    scope(),
    { name: "key", type: "text", meaning: "name of the promise", sql: "e.value" },
    {
      name: "completed",
      type: "boolean",
      meaning: "whether it is settled",
      read: ({ promise }) => promise.result !== undefined,
    },
    {
      name: "completion_success_value",
      type: "binary",
      meaning: "what it was resolved with",
      read: ({ promise }) => successOf(promise),
    },
    {
      name: "completion_success_value_utf8",
      type: "text",
      meaning: "the same, where it is text",
      read: ({ promise }) => {
        const value = successOf(promise);
        return value === undefined ? undefined : textOf(value);
      },
    },
    {
      name: "completion_failure",
      type: "text",
      meaning: "what it was rejected with, as [code] message",
      read: ({ promise: { result } }) =>
        result?.kind === "failure" ? failureText(result.failure) : undefined,
    },
  ],
  branches: { whole: { from: "main.objects AS o, json_each(holdfast_names('promises', o.key)) AS e" } },
  row: ["o.key", "e.value"],
  find: (snapshot, object, name) => {
    const keyed = keyedRow(snapshot, object);
    return { ...keyed, name: String(name), promise: present(keyed.row.promises.get(String(name))) };
  },
});

export const keyedServiceStatusView = defineView<Keyed>({
  name: "sys_keyed_service_status",
  meaning: "Keys whose lock is held.",
  columns: [
    ...address<Keyed>("objects"),
    {
      name: "invocation_id",
      type: "text",
      meaning: "invocation that holds the lock",
      read: ({ row }) => row.holder,
    },
  ],
  branches: { whole: { from: "main.objects AS o, json_each(holdfast_names('holder', o.key)) AS h" } },
  row: ["o.key"],
  find: keyedRow,
});

export const inboxView = defineView<Queued>({
  name: "sys_inbox",
  meaning: "Invocations that wait for the lock of their key.",
  columns: [
    ...address<Queued>("inbox"),
    { name: "id", type: "text", meaning: "invocation that waits", read: ({ id }) => id },
    {
      name: "sequence_number",
      type: "integer",
      meaning: "its place: the lowest of a key is next",
      read: ({ seq }) => seq,
    },
    {
      name: "created_at",
      type: "instant",
      meaning: "when the invocation was accepted",
      read: ({ id }, { tables }): Readable => instantCell(tables.invocations.get(id)?.createdAt ?? 0),
    },
  ],
  branches: { whole: { from: "main.inbox AS q" } },
  row: ["q.key"],
  find: ({ tables }, key) => {
    const text = String(key);
    const { id } = present(tables.inbox.get(text));
    return { ...splitObjectKey(text.slice(0, -SEQ_LENGTH)), seq: Number(text.slice(1 - SEQ_LENGTH)), id };
  },
});

function keyedRow({ tables }: SnapshotRows, key: string | number | undefined): Keyed {
  return { ...splitObjectKey(String(key)), row: present(tables.objects.get(String(key))) };
}

/** The service or the key of a row of `objects` or, with what stands behind it there, of `inbox`. */
export function addressOf(part: string, rowKey: string): string {
  const [table, name] = part.split(".");
  const { service, key } = splitObjectKey(table === "inbox" ? rowKey.slice(0, -SEQ_LENGTH) : rowKey);
  return name === "service" ? service : key;
}

/** Names of what belongs to a row: for `json_each`, which makes rows of them. */
export function namesOf({ tables }: SnapshotRows, what: string, key: string): string {
  if (what === "services") return JSON.stringify([...tables.services.keys()].toSorted());
  const row = present(tables.objects.get(key));
  if (what === "state") return JSON.stringify([...row.state.keys()]);
  if (what === "promises") return JSON.stringify([...row.promises.keys()]);
  return JSON.stringify(row.holder === undefined ? [] : [row.holder]);
}

function successOf({ result }: PromiseRow): Uint8Array | undefined {
  return result?.kind === "value" ? result.value : undefined;
}

function textOf(value: Uint8Array): string | undefined {
  try {
    return decoder.decode(value);
  } catch {
    return undefined; // No text.
  }
}

function present<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error("A row of the store is gone while it is read");
  return value;
}
