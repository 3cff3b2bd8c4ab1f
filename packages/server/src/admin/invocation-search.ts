/**
 * Lists of invocations, newest first: the rows of the newest checkpoint, overlaid with what has changed since. A row in
 * memory hides the stored one, also when it was deleted.
 */
import {
  columnsOf,
  decodeInvocation,
  type CheckpointWrite,
  type Invocation,
  type InvocationColumns,
} from "@holdfast/engine";
import { HoldfastError, type InvocationFilter, type InvocationStatus } from "@holdfast/protocol";

import { count, instant, invalid, list, oneOf, readFields, text } from "../http/json-request.ts";
import type { EngineAccess } from "../partition/engine-access.ts";
import type { InvocationQuery } from "../store/store.ts";
import { newestFailure } from "./failure-view.ts";

/** A filter with its times read. */
export type ReadFilter = Omit<InvocationFilter, "createdAfter" | "createdBefore"> & {
  readonly createdAfter?: number;
  readonly createdBefore?: number;
};

export type FoundPage = {
  readonly rows: ReadonlyArray<Readonly<Invocation>>;
  /** Absent on the last page. A page may be short, or empty, and still have a next one. */
  readonly nextCursor?: string;
};

type Position = { readonly sortValue: number; readonly id: string };

export const STATUSES = [
  "scheduled",
  "queued",
  "running",
  "backing-off",
  "suspended",
  "paused",
  "completed",
] as const satisfies readonly InvocationStatus[];

const IDS_MAX = 1_000;
/** Stored rows that one page looks at: conditions without a column are checked row by row. */
const ROWS_SEEN_MAX = 5_000;
const STORE_PAGE = 200;

export const FILTER_FIELDS = {
  ids: list(text),
  idPrefix: text,
  service: text,
  handler: text,
  key: text,
  status: list(oneOf(...STATUSES)),
  deployment: text,
  result: oneOf("success", "failure"),
  createdBefore: instant,
  createdAfter: instant,
  idempotencyKey: text,
  failureContains: text,
} as const;

export function readFilter(value: unknown, path: string): ReadFilter {
  const filter = readFields(value, FILTER_FIELDS, path);
  if ((filter.ids?.length ?? 0) > IDS_MAX) {
    throw new HoldfastError("limit-exceeded", {
      what: `"${path}.ids"`,
      name: "ids of a filter",
      limit: IDS_MAX,
    });
  }
  return filter as ReadFilter;
}

/** The page of at most `limit` rows behind `cursor`. */
export function findInvocations(
  engine: EngineAccess,
  filter: ReadFilter,
  limit: number,
  cursor: string | undefined,
): FoundPage {
  const after = cursor === undefined ? undefined : decodeCursor(cursor);
  const overlay = overlayRows(engine, filter, limit, after);
  const stored = storedRows(engine, filter, limit, after);
  const merged = [...overlay.rows, ...stored.rows].toSorted(newestFirst);
  // Behind the place where one of the two was cut, the merged order has gaps.
  const ends = [overlay.end, stored.end].filter((end) => end !== undefined).toSorted(comparePositions);
  const [end] = ends;
  const complete =
    end === undefined ? merged : merged.filter((row) => comparePositions(positionOf(row), end) <= 0);
  const rows = complete.slice(0, limit);
  const last = complete.length > limit ? rows.at(-1) : undefined;
  const next = last === undefined ? end : positionOf(last);
  return { rows, ...(next === undefined ? {} : { nextCursor: encodeCursor(next) }) };
}

type Rows = {
  readonly rows: ReadonlyArray<Readonly<Invocation>>;
  /** The last position that was looked at, when there may be more behind it. */
  readonly end: Position | undefined;
};

function overlayRows(
  engine: EngineAccess,
  filter: ReadFilter,
  limit: number,
  after: Position | undefined,
): Rows {
  const { invocations } = engine.tables;
  let found: Position[] = [];
  let isCut = false;
  const keep = limit + 1;
  const add = (position: Position): void => {
    if (after !== undefined && comparePositions(position, after) <= 0) return;
    found.push(position);
    if (found.length < 4 * keep + 1_000) return;
    found = found.toSorted(comparePositions).slice(0, keep);
    isCut = true;
  };
  // Rows at rest are many, and have to be decoded: only those that are shown.
  const needsRow = asksForMoreThanColumns(filter);
  const isWanted = ({ key, columns }: CheckpointWrite): boolean => {
    if (needsRow || columns === undefined) return true;
    if (matchesColumns(filter, key, columns)) add({ sortValue: columns.createdAt, id: key });
    return false;
  };
  for (const [, row] of invocations.loaded(isWanted)) {
    if (row !== undefined && matches(filter, row)) add(positionOf(row));
  }
  found = found.toSorted(comparePositions);
  if (found.length > keep) {
    found = found.slice(0, keep);
    isCut = true;
  }
  const rows = found.map(({ id }) => invocations.peek(id)).filter((row) => row !== undefined);
  return { rows, end: isCut ? found.at(-1) : undefined };
}

function storedRows(
  engine: EngineAccess,
  filter: ReadFilter,
  limit: number,
  after: Position | undefined,
): Rows {
  const { invocations } = engine.tables;
  const rows: Array<Readonly<Invocation>> = [];
  let position = after;
  for (let seen = 0; seen < ROWS_SEEN_MAX; seen += STORE_PAGE) {
    const hits = engine.store.findInvocations(storeQuery(filter, position));
    for (const hit of hits) {
      position = { sortValue: hit.columns.createdAt, id: hit.id };
      // What is in memory was found there, if it matches. `get` knows of rows that were deleted since.
      if (invocations.peek(hit.id) !== undefined) continue;
      if (!matches(filter, decodeInvocation(hit.value))) continue;
      const row = invocations.get(hit.id);
      if (row !== undefined) rows.push(row);
    }
    if (hits.length < STORE_PAGE) return { rows, end: undefined };
    if (rows.length > limit) break;
  }
  return { rows, end: position };
}

function storeQuery(filter: ReadFilter, after: Position | undefined): InvocationQuery {
  const { status, service, handler, key, deployment, idPrefix, createdAfter, createdBefore } = filter;
  return {
    ...(status === undefined ? {} : { status }),
    ...(service === undefined ? {} : { service }),
    ...(handler === undefined ? {} : { handler }),
    ...(key === undefined ? {} : { key }),
    ...(deployment === undefined ? {} : { deployment }),
    ...(idPrefix === undefined ? {} : { idPrefix }),
    ...(createdAfter === undefined ? {} : { createdAfter }),
    ...(createdBefore === undefined ? {} : { createdBefore }),
    ...(after === undefined ? {} : { after }),
    order: "newest",
    limit: STORE_PAGE,
  };
}

export function matches(filter: ReadFilter, row: Readonly<Invocation>): boolean {
  return (
    matchesColumns(filter, row.id, columnsOf(row)) &&
    (filter.idempotencyKey === undefined || filter.idempotencyKey === row.idempotencyKey) &&
    (filter.result === undefined || filter.result === resultKind(row)) &&
    (filter.failureContains === undefined || failureText(row).includes(filter.failureContains))
  );
}

function matchesColumns(filter: ReadFilter, id: string, columns: InvocationColumns): boolean {
  return (
    (filter.service === undefined || filter.service === columns.service) &&
    (filter.handler === undefined || filter.handler === columns.handler) &&
    (filter.key === undefined || filter.key === columns.key) &&
    (filter.status === undefined || filter.status.some((status) => status === columns.status)) &&
    (filter.deployment === undefined || filter.deployment === columns.deployment) &&
    (filter.idPrefix === undefined || id.startsWith(filter.idPrefix)) &&
    (filter.ids === undefined || filter.ids.includes(id)) &&
    (filter.createdAfter === undefined || columns.createdAt > filter.createdAfter) &&
    (filter.createdBefore === undefined || columns.createdAt < filter.createdBefore)
  );
}

/** Whether the filter has conditions that only a whole row can answer. */
function asksForMoreThanColumns({ idempotencyKey, result, failureContains }: ReadFilter): boolean {
  return idempotencyKey !== undefined || result !== undefined || failureContains !== undefined;
}

function resultKind({ result }: Readonly<Invocation>): "success" | "failure" | undefined {
  if (result === undefined) return undefined;
  return result.kind === "failure" ? "failure" : "success";
}

function failureText(row: Readonly<Invocation>): string {
  const { result } = row;
  return result?.kind === "failure" ? result.failure.message : (newestFailure(row)?.message ?? "");
}

/** The order of the store's "newest": creation descending, ties by id ascending. */
function comparePositions(a: Position, b: Position): number {
  if (a.sortValue !== b.sortValue) return b.sortValue - a.sortValue;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function newestFirst(a: Readonly<Invocation>, b: Readonly<Invocation>): number {
  return comparePositions(positionOf(a), positionOf(b));
}

function positionOf(row: Readonly<Invocation>): Position {
  return { sortValue: row.createdAt, id: row.id };
}

function encodeCursor(position: Position): string {
  return Buffer.from(JSON.stringify([position.sortValue, position.id])).toString("base64url");
}

function decodeCursor(cursor: string): Position {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    throw invalid('"cursor" is not one that this server gave out', { field: "cursor" });
  }
  const [sortValue, id] = Array.isArray(parts) ? (parts as unknown[]) : [];
  return { sortValue: count(sortValue, "cursor"), id: text(id, "cursor") };
}
