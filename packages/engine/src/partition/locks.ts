/**
 * The lock of an object's key: one exclusive invocation at a time, the others queue in the order they came.
 * Invariant: an invocation holds the lock from the record that starts its first attempt to the record that completes it,
 * through retries, suspension and pause.
 */
import { assert } from "../assert.ts";
import type { Invocation, ObjectRow } from "../tables/rows.ts";
import { inboxKey, objectKey, type Tables } from "../tables/tables.ts";
import { startAttempt } from "./attempt-start.ts";
import type { Fold } from "./fold.ts";

function newObjectRow(): ObjectRow {
  return {
    holder: undefined,
    inboxHead: 1,
    inboxTail: 1,
    inboxLength: 0,
    state: new Map(),
    stateBytes: 0,
    stateVersion: 0,
    runId: undefined,
    promises: new Map(),
  };
}

/** The row of an object or workflow, created when there is none. */
export function editObject(tables: Tables, service: string, key: string): ObjectRow {
  const rowKey = objectKey(service, key);
  if (tables.objects.get(rowKey) === undefined) tables.objects.insert(rowKey, newObjectRow());
  return tables.objects.edit(rowKey);
}

/** Starts an invocation that may start now: at once, or behind those that wait for the same lock. */
export function startOrQueue(fold: Fold, row: Invocation): void {
  if (row.target.kind !== "exclusive") {
    startAttempt(fold, row);
    return;
  }
  const object = editObject(fold.tables, row.target.service, row.target.key);
  if (object.holder === undefined) {
    assert(
      object.inboxLength === 0,
      `nobody holds the lock that others queue for: ${row.target.service}/${row.target.key}`,
    );
    object.holder = row.id;
    startAttempt(fold, row);
    return;
  }
  row.status = "queued";
  row.inboxSeq = object.inboxTail;
  object.inboxTail += 1;
  object.inboxLength += 1;
  fold.tables.inbox.insert(
    inboxKey(objectKey(row.target.service, row.target.key), row.inboxSeq),
    { id: row.id },
    true,
  );
}

/** A queued invocation ended before its turn. Its number stays a gap. */
export function leaveInbox(fold: Fold, row: Invocation): void {
  const key = objectKey(row.target.service, row.target.key);
  fold.tables.objects.edit(key).inboxLength -= 1;
  fold.tables.inbox.delete(inboxKey(key, row.inboxSeq));
  row.inboxSeq = 0;
}

/** Frees the lock if this invocation holds it, and starts the next in line. */
export function releaseLock(fold: Fold, row: Invocation): void {
  if (row.target.kind !== "exclusive") return;
  const key = objectKey(row.target.service, row.target.key);
  const known = fold.tables.objects.get(key);
  if (known === undefined || known.holder !== row.id) return;
  const object = fold.tables.objects.edit(key);
  object.holder = undefined;
  while (object.inboxLength > 0) {
    assert(object.inboxHead < object.inboxTail, `inbox of ${key} counts more than it holds`);
    const entryKey = inboxKey(key, object.inboxHead);
    object.inboxHead += 1;
    const entry = fold.tables.inbox.get(entryKey);
    if (entry === undefined) continue;
    fold.tables.inbox.delete(entryKey);
    object.inboxLength -= 1;
    const next = fold.tables.invocations.edit(entry.id);
    assert(next.status === "queued", `${next.id} is in an inbox and ${next.status}`);
    next.inboxSeq = 0;
    object.holder = next.id;
    startAttempt(fold, next);
    return;
  }
  dropEmptyObject(fold.tables, key, object);
}

/** An object without lock, queue, state and promises is not worth a row. */
function dropEmptyObject(tables: Tables, key: string, object: ObjectRow): void {
  const empty =
    object.holder === undefined &&
    object.inboxLength === 0 &&
    object.state.size === 0 &&
    object.stateVersion === 0 &&
    object.runId === undefined &&
    object.promises.size === 0;
  if (empty) tables.objects.delete(key);
}
