/**
 * Proves that no invocation is lost: each that has no outcome has something that will bring it on, and everything that
 * refers to an invocation refers to one that is there. Used by `holdfast doctor` and by tests; finding anything is a bug in
 * the engine or damage to its files.
 */
import type { Invocation, ObjectRow, OpenOperation, TimerRow } from "../tables/rows.ts";
import { inboxKey, objectKey, splitObjectKey, type Tables } from "../tables/tables.ts";

export type TableProblem = {
  /** Invocation id, object, or timer key. */
  readonly subject: string;
  readonly problem: string;
};

export type TableReport = {
  readonly invocations: number;
  /** Invocations by status. */
  readonly byStatus: Readonly<Record<string, number>>;
  readonly objects: number;
  readonly timers: number;
  readonly journalEntries: number;
  readonly problems: readonly TableProblem[];
};

/** Problems listed at most; damage tends to repeat itself. */
const PROBLEMS_MAX = 1_000;

export function checkTables(tables: Tables): TableReport {
  const problems: TableProblem[] = [];
  const report = (subject: string, problem: string | undefined): void => {
    if (problem !== undefined && problems.length < PROBLEMS_MAX) problems.push({ subject, problem });
  };
  const byStatus: Record<string, number> = {};
  let invocations = 0;
  let journalEntries = 0;
  for (const [id, row] of tables.invocations.all()) {
    invocations += 1;
    byStatus[row.status] = (byStatus[row.status] ?? 0) + 1;
    journalEntries += row.journalLength;
    report(id, checkJournal(tables, row));
    report(id, checkProgress(tables, row));
    for (const operation of row.open.values()) report(id, checkOperation(tables, row, operation));
  }
  let objects = 0;
  for (const [key, object] of tables.objects.all()) {
    objects += 1;
    report(describeObject(key), checkObject(tables, key, object));
  }
  let timers = 0;
  for (const [key, timer] of tables.timers.all()) {
    timers += 1;
    report(`timer ${key}`, checkTimer(tables, key, timer));
  }
  return { invocations, byStatus, objects, timers, journalEntries, problems };
}

function describeObject(key: string): string {
  const { service, key: name } = splitObjectKey(key);
  return `${service}/${name}`;
}

function checkJournal(tables: Tables, row: Readonly<Invocation>): string | undefined {
  const { length } = tables.journal(row);
  return length === row.journalLength
    ? undefined
    : `its journal has ${length} entries and should have ${row.journalLength}`;
}

/** What will bring an invocation on, by its status. */
function checkProgress(tables: Tables, row: Readonly<Invocation>): string | undefined {
  switch (row.status) {
    case "running":
    case "paused":
      return undefined;
    case "scheduled":
    case "backing-off":
      return tables.timers.get(row.timer) === undefined
        ? `is ${row.status} without a timer: it would never start`
        : undefined;
    case "queued":
      return checkQueued(tables, row);
    case "suspended":
      return row.awaiting === undefined
        ? "is suspended and waits for nothing: it would never wake"
        : undefined;
    case "completed":
      return row.result === undefined ? "is completed without an outcome" : undefined;
  }
}

function checkQueued(tables: Tables, row: Readonly<Invocation>): string | undefined {
  const key = objectKey(row.target.service, row.target.key);
  const object = tables.objects.get(key);
  if (object?.holder === undefined) return "is queued for a lock that nobody holds: it would never start";
  if (tables.inbox.get(inboxKey(key, row.inboxSeq))?.id !== row.id)
    return "is queued and not in its object's inbox";
  return undefined;
}

/** What will complete an operation that is open. */
function checkOperation(
  tables: Tables,
  row: Readonly<Invocation>,
  operation: OpenOperation,
): string | undefined {
  if (row.status === "completed") return `is completed and still waits for a ${operation.kind}`;
  switch (operation.kind) {
    case "run":
      return undefined;
    case "sleep":
      return tables.timers.get(operation.timer) === undefined
        ? "sleeps without a timer: it would never wake"
        : undefined;
    case "promise":
      return checkPromiseWait(tables, row, operation.detail);
    case "call":
    case "attach": {
      const target = tables.invocations.get(operation.detail);
      if (target === undefined) return `waits for ${operation.detail}, which does not exist`;
      if (target.status === "completed")
        return `waits for ${target.id}, which has completed without telling it`;
      return target.waiters.some((waiter) => waiter.id === row.id)
        ? undefined
        : `waits for ${target.id}, which does not know of it`;
    }
  }
}

function checkPromiseWait(tables: Tables, row: Readonly<Invocation>, name: string): string | undefined {
  const promise = tables.objects.get(objectKey(row.target.service, row.target.key))?.promises.get(name);
  if (promise?.result !== undefined)
    return `waits for promise "${name}", which was settled without telling it`;
  return promise?.waiters.some((waiter) => waiter.id === row.id) === true
    ? undefined
    : `waits for promise "${name}", which does not know of it`;
}

function checkObject(tables: Tables, key: string, object: Readonly<ObjectRow>): string | undefined {
  if (object.holder !== undefined) {
    const holder = tables.invocations.get(object.holder);
    if (holder === undefined) return `its lock is held by ${object.holder}, which does not exist`;
    if (holder.status === "completed") return `its lock is held by ${holder.id}, which has completed`;
  } else if (object.inboxLength > 0) {
    return `${object.inboxLength} invocations wait for a lock that nobody holds`;
  }
  let waiting = 0;
  for (let seq = object.inboxHead; seq < object.inboxTail; seq++) {
    const entry = tables.inbox.get(inboxKey(key, seq));
    if (entry === undefined) continue;
    waiting += 1;
    if (tables.invocations.get(entry.id)?.status !== "queued")
      return `its inbox holds ${entry.id}, which is not queued`;
  }
  return waiting === object.inboxLength
    ? undefined
    : `its inbox holds ${waiting} invocations and counts ${object.inboxLength}`;
}

function checkTimer(tables: Tables, key: string, timer: Readonly<TimerRow>): string | undefined {
  const row = tables.invocations.get(timer.id);
  if (row === undefined) return `belongs to ${timer.id}, which does not exist`;
  if (timer.kind === "sleep") {
    return row.open.get(timer.completionId)?.timer === key
      ? undefined
      : `belongs to a sleep of ${row.id} that is over`;
  }
  return row.timer === key ? undefined : `belongs to a ${timer.kind} of ${row.id} that is over`;
}
