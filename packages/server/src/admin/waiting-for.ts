/** Why an invocation does not get on, in words: derived from its row and, for locks, from its object's. */
import { objectKey, timerDue, type Invocation, type OpenOperation, type Tables } from "@holdfast/engine";
import { FIRST_AWAKEABLE_SIGNAL, formatAwakeableId, type WaitInfo } from "@holdfast/protocol";

import { newestFailure } from "./failure-view.ts";
import { iso } from "./shown-time.ts";

export type WaitScope = {
  readonly tables: Tables;
  readonly unreachable: ReadonlySet<string>;
};

export function waitingFor(scope: WaitScope, row: Readonly<Invocation>): readonly WaitInfo[] {
  switch (row.status) {
    case "scheduled":
      return [{ kind: "timer", detail: "its start", since: iso(row.createdAt), until: iso(row.scheduledAt) }];
    case "queued":
      return [lockWait(scope.tables, row)];
    case "backing-off":
      return [retryWait(row), ...deploymentWaits(scope, row)];
    case "suspended":
      return [...operationWaits(row, row.awaiting?.completions ?? []), ...signalWaits(row)];
    case "running":
      return [...deploymentWaits(scope, row), ...operationWaits(row, [...row.open.keys()])];
    case "paused":
      return [{ kind: "operator", detail: pauseReason(row), since: iso(row.modifiedAt) }];
    case "completed":
      return [];
  }
}

function retryWait(row: Readonly<Invocation>): WaitInfo {
  const failure = newestFailure(row);
  return {
    kind: "retry",
    detail: failure?.message ?? "the attempt was lost",
    since: iso(failure?.at ?? row.modifiedAt),
    until: iso(row.nextRetryAt),
  };
}

function lockWait(tables: Tables, row: Readonly<Invocation>): WaitInfo {
  const { service, key } = row.target;
  const object = tables.objects.get(objectKey(service, key));
  const ahead = object === undefined ? 0 : row.inboxSeq - object.inboxHead;
  const others = ahead > 0 ? `, behind ${ahead} ${ahead === 1 ? "other" : "others"}` : "";
  return {
    kind: "lock",
    detail: `the lock of ${service}/${key}${others}`,
    since: iso(row.createdAt),
    ...(object?.holder === undefined ? {} : { invocationId: object.holder }),
  };
}

/** Nothing runs on a deployment that cannot be reached, or that is not there. */
function deploymentWaits({ tables, unreachable }: WaitScope, row: Readonly<Invocation>): WaitInfo[] {
  const { deployment } = row;
  const since = iso(row.modifiedAt);
  if (deployment === undefined || tables.deployments.get(deployment) === undefined) {
    const what =
      deployment === undefined ? "no deployment serves it" : `deployment ${deployment} was removed`;
    return [{ kind: "deployment", detail: what, since }];
  }
  if (!unreachable.has(deployment)) return [];
  return [{ kind: "deployment", detail: `deployment ${deployment} cannot be reached`, since }];
}

function operationWaits(row: Readonly<Invocation>, completions: readonly number[]): WaitInfo[] {
  const waits: WaitInfo[] = [];
  for (const completionId of completions) {
    const operation = row.open.get(completionId);
    if (operation !== undefined) waits.push(operationWait(operation));
  }
  return waits;
}

function operationWait(operation: OpenOperation): WaitInfo {
  const { kind, detail, failures } = operation;
  const since = iso(operation.since);
  switch (kind) {
    case "sleep":
      return {
        kind: "timer",
        detail: "a sleep",
        since,
        ...(operation.timer === "" ? {} : { until: iso(timerDue(operation.timer)) }),
      };
    case "call":
      return { kind: "call", detail: `the result of ${detail}`, since, invocationId: detail };
    case "attach":
      return {
        kind: "call",
        detail: `the result of ${detail}, to which it is attached`,
        since,
        invocationId: detail,
      };
    case "promise":
      return { kind: "promise", detail: `the promise "${detail}"`, since };
    case "run":
      if (failures === 0) return { kind: "step", detail: `the step "${detail}"`, since };
      return {
        kind: "retry",
        detail: `the step "${detail}", which failed ${failures} ${failures === 1 ? "time" : "times"}: ${operation.lastFailure}`,
        since,
        until: iso(operation.nextTryAt),
      };
  }
}

function signalWaits(row: Readonly<Invocation>): WaitInfo[] {
  const { awaiting } = row;
  const since = iso(row.modifiedAt);
  const waits: WaitInfo[] = [];
  for (const index of awaiting?.signals ?? []) {
    // Every handler can be cancelled; that is nothing it waits for.
    if (index < FIRST_AWAKEABLE_SIGNAL) continue;
    const awakeableId = formatAwakeableId(row.id, index);
    waits.push({ kind: "awakeable", detail: `the awakeable ${awakeableId}`, since, awakeableId });
  }
  for (const [name] of awaiting?.namedSignals ?? []) {
    waits.push({ kind: "signal", detail: `the signal "${name}"`, since });
  }
  return waits;
}

function pauseReason(row: Readonly<Invocation>): string {
  const event = row.events.findLast(({ kind }) => kind === "paused");
  return `someone to resume, cancel or kill it: ${event?.message ?? "it is paused"}`;
}
