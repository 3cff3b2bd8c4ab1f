/** What a query of invocations asks for, said once for what is in memory and for checking what a file found. */
import type { InvocationColumns, InvocationHit, InvocationQuery } from "./store.ts";

export function matches(query: InvocationQuery, { id, columns }: InvocationHit): boolean {
  const { status, service, handler, key, deployment, idPrefix, createdBefore, createdAfter, expiredAt } =
    query;
  if (status !== undefined && !status.includes(columns.status)) return false;
  if (service !== undefined && service !== columns.service) return false;
  if (handler !== undefined && handler !== columns.handler) return false;
  if (key !== undefined && key !== columns.key) return false;
  if (deployment !== undefined && deployment !== columns.deployment) return false;
  if (idPrefix !== undefined && !id.startsWith(idPrefix)) return false;
  if (createdBefore !== undefined && columns.createdAt >= createdBefore) return false;
  if (createdAfter !== undefined && columns.createdAt <= createdAfter) return false;
  if (expiredAt !== undefined && (columns.expiresAt === undefined || columns.expiresAt > expiredAt))
    return false;
  if (query.order === "expiry" && columns.expiresAt === undefined) return false;
  if (query.after === undefined) return true;
  return comparePlace(query, sortValueOf(query, columns), id, query.after.sortValue, query.after.id) > 0;
}

export function compare(query: InvocationQuery, a: InvocationHit, b: InvocationHit): number {
  return comparePlace(query, sortValueOf(query, a.columns), a.id, sortValueOf(query, b.columns), b.id);
}

function comparePlace(
  query: InvocationQuery,
  aValue: number,
  aId: string,
  bValue: number,
  bId: string,
): number {
  const byValue = query.order === "newest" ? bValue - aValue : aValue - bValue;
  if (byValue !== 0) return byValue;
  return aId === bId ? 0 : aId < bId ? -1 : 1;
}

export function sortValueOf(query: InvocationQuery, columns: InvocationColumns): number {
  return query.order === "expiry" ? (columns.expiresAt ?? 0) : columns.createdAt;
}
