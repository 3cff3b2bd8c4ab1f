import type { StatementSync } from "node:sqlite";

import { matches, sortValueOf } from "./invocation-order.ts";
import { invocationChecksum } from "./row-checksum.ts";
import { UnreadableValueError } from "./store-damage.ts";
import type { InvocationColumns, InvocationCount, InvocationHit, InvocationQuery } from "./store.ts";

/*
 * Searching invocations without ever reading more than a few index ranges. Each query names the index it runs on, because
 * SQLite would guess from statistics that nobody keeps. Where an index has the status before the time, there is one range
 * for each status, and the ranges are merged here. Two steps: first the places of the rows, then the rows that are left. An
 * index has no checksum, so the row has to be what its entry said, and what was asked for.
 */

/** Shorter prefixes, such as "inv_", select too much to begin with them. */
const PREFIX_LENGTH_MIN = 8;

export const INVOCATION_COLUMNS =
  "id, status, service, handler, key, deployment, created_at, modified_at, completed_at, expires_at, size, value";

type Parameter = string | number;
type Condition = { readonly sql: string; readonly parameters: readonly Parameter[] };
type Range = { readonly index: string; readonly conditions: readonly Condition[] };
type Place = { readonly rowid: number; readonly sortValue: number; readonly id: string };

export type InvocationSearchOptions = {
  readonly prepare: (sql: string) => StatementSync;
  /** As they are in the store. */
  readonly counts: () => readonly InvocationCount[];
  /** False for a format without checksums. */
  readonly isSealed: boolean;
  /** The error of a row (undefined: of the table) that is not what was written. */
  readonly damage: (key: string | undefined, what: string) => Error;
};

export class InvocationSearch {
  readonly #options: InvocationSearchOptions;
  readonly #selectRow: string;

  constructor(options: InvocationSearchOptions) {
    this.#options = options;
    const columns = options.isSealed ? `${INVOCATION_COLUMNS}, checksum` : INVOCATION_COLUMNS;
    this.#selectRow = `SELECT ${columns} FROM invocations WHERE `;
  }

  get(id: string): Uint8Array | undefined {
    const row = this.#options.prepare(`${this.#selectRow} id = ?`).get(id);
    return row === undefined ? undefined : this.#checked(id, row).value;
  }

  find(query: InvocationQuery): InvocationHit[] {
    if (query.limit <= 0 || query.status?.length === 0) return [];
    const places = this.#ranges(query).flatMap((range) => this.#places(query, range));
    places.sort(query.order === "newest" ? newestFirst : oldestFirst);
    return places.slice(0, query.limit).map((place) => this.#hit(query, place));
  }

  #ranges(query: InvocationQuery): Range[] {
    const { service, key, idPrefix, order } = query;
    const given = query.status === undefined ? undefined : [...new Set(query.status)];
    const oneRange = (index: string, ...conditions: Condition[]): Range[] => {
      if (given === undefined) return [{ index, conditions }];
      return [{ index, conditions: [...conditions, anyOf("status", given)] }];
    };

    if (order === "expiry") return oneRange("invocations_by_expiry", condition("expires_at IS NOT NULL"));
    if (idPrefix !== undefined && idPrefix.length >= PREFIX_LENGTH_MIN) return oneRange("invocations_by_id");
    if (service !== undefined && key !== undefined && key !== "") {
      return oneRange("invocations_by_key", condition("key <> ''"));
    }
    const index = service === undefined ? "invocations_by_status" : "invocations_by_service";
    const statuses = given ?? this.#statuses(service);
    return statuses.map((status) => ({ index, conditions: [condition("status = ?", status)] }));
  }

  /** Those that occur. */
  #statuses(service: string | undefined): string[] {
    const counts = this.#options.counts();
    const occurring = service === undefined ? counts : counts.filter((count) => count.service === service);
    return [...new Set(occurring.map(({ status }) => status))];
  }

  #places(query: InvocationQuery, range: Range): Place[] {
    const sortColumn = query.order === "expiry" ? "expires_at" : "created_at";
    const direction = query.order === "newest" ? "DESC" : "ASC";
    const conditions = [...range.conditions, ...filters(query), ...continuation(query, sortColumn)];
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.map(({ sql }) => sql).join(" AND ")}`;
    const sql = `
      SELECT rowid AS number, ${sortColumn} AS sort_value, id FROM invocations INDEXED BY ${range.index} ${where}
      ORDER BY ${sortColumn} ${direction}, id ASC LIMIT ?`;
    const parameters = [...conditions.flatMap((each) => each.parameters), query.limit];
    return this.#options
      .prepare(sql)
      .all(...parameters)
      .map((row) => ({
        rowid: Number(row["number"]),
        sortValue: Number(row["sort_value"]),
        id: String(row["id"]),
      }));
  }

  #hit(query: InvocationQuery, { rowid, sortValue, id }: Place): InvocationHit {
    const row = this.#options.prepare(`${this.#selectRow} rowid = ?`).get(rowid);
    if (row === undefined) throw this.#options.damage(id, "an index has it, and the table has not");
    const hit = this.#checked(id, row);
    if (sortValueOf(query, hit.columns) === sortValue && matches(query, hit)) return hit;
    throw this.#options.damage(id, "it is not what an index says");
  }

  #checked(id: string, row: Row): InvocationHit {
    const columns = columnsOf(row);
    const value = blobOf(row["value"]);
    const { isSealed, damage } = this.#options;
    if (!isSealed || row["checksum"] === invocationChecksum(id, columns, value))
      return { id, value, columns };
    throw damage(id, "it is not what was written");
  }
}

function filters(query: InvocationQuery): Condition[] {
  const found: Condition[] = [];
  if (query.service !== undefined) found.push(condition("service = ?", query.service));
  if (query.key !== undefined) found.push(condition("key = ?", query.key));
  if (query.handler !== undefined) found.push(condition("handler = ?", query.handler));
  if (query.deployment !== undefined) found.push(condition("deployment = ?", query.deployment));
  if (query.createdBefore !== undefined) found.push(condition("created_at < ?", query.createdBefore));
  if (query.createdAfter !== undefined) found.push(condition("created_at > ?", query.createdAfter));
  if (query.expiredAt !== undefined) found.push(condition("expires_at <= ?", query.expiredAt));
  if (query.idPrefix !== undefined && query.idPrefix !== "") {
    found.push(condition("id >= ? AND id < ?", query.idPrefix, behindPrefix(query.idPrefix)));
  }
  return found;
}

function continuation(query: InvocationQuery, sortColumn: string): Condition[] {
  if (query.after === undefined) return [];
  const { sortValue, id } = query.after;
  const [upTo, beyond] = query.order === "newest" ? ["<=", "<"] : [">=", ">"];
  const sql = `${sortColumn} ${upTo} ? AND (${sortColumn} ${beyond} ? OR id > ?)`;
  return [condition(sql, sortValue, sortValue, id)];
}

function condition(sql: string, ...parameters: Parameter[]): Condition {
  return { sql, parameters };
}

function anyOf(column: string, values: readonly string[]): Condition {
  return { sql: `${column} IN (${values.map(() => "?").join(", ")})`, parameters: values };
}

/** Greater than every string that begins with the prefix. */
function behindPrefix(prefix: string): string {
  return `${prefix}\u{10FFFF}`;
}

function newestFirst(a: Place, b: Place): number {
  return b.sortValue - a.sortValue || compareIds(a, b);
}

function oldestFirst(a: Place, b: Place): number {
  return a.sortValue - b.sortValue || compareIds(a, b);
}

function compareIds(a: Place, b: Place): number {
  return a.id < b.id ? -1 : 1;
}

type Row = Readonly<Record<string, unknown>>;

export function columnsOf(row: Row): InvocationColumns {
  return {
    status: String(row["status"]),
    service: String(row["service"]),
    handler: String(row["handler"]),
    key: String(row["key"]),
    deployment: String(row["deployment"]),
    createdAt: Number(row["created_at"]),
    modifiedAt: Number(row["modified_at"]),
    completedAt: row["completed_at"] === null ? undefined : Number(row["completed_at"]),
    expiresAt: row["expires_at"] === null ? undefined : Number(row["expires_at"]),
    size: Number(row["size"]),
  };
}

/** node:sqlite gives every blob a buffer of its own. */
export function blobOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new UnreadableValueError(`its value is ${value === null ? "missing" : typeof value}`);
}
