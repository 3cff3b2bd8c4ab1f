/** Starting an attempt. */
import { MessageType, type StartMessage } from "@holdfast/protocol";

import { assert } from "../assert.ts";
import { randomSeedOf } from "../hash.ts";
import { RESTATE_VERSION_FIRST_MAX, type FoldSettings } from "../limits.ts";
import type { Invocation } from "../tables/rows.ts";
import { objectKey } from "../tables/tables.ts";
import type { Fold } from "./fold.ts";
import { clearTimer } from "./timers.ts";

/** Starts the next attempt. The invocation holds its lock, if it needs one. */
export function startAttempt(fold: Fold, row: Invocation): void {
  assert(row.status !== "completed", `attempt of the completed invocation ${row.id}`);
  if (row.timer !== "") clearTimer(fold, row.timer);
  row.timer = "";
  row.status = "running";
  row.attempt += 1;
  row.awaiting = undefined;
  row.nextRetryAt = 0;
  row.modifiedAt = fold.at;
  if (row.startedAt === 0) row.startedAt = fold.at;
  if (row.deployment === undefined) pin(fold, row, fold.tables.service(row.target.service)?.deployment);
  row.restateVersion = restateVersionOf(fold, row);
  fold.effects.push({
    kind: "start-attempt",
    id: row.id,
    attempt: row.attempt,
    deployment: row.deployment,
    start: startMessage(fold, row),
  });
}

/** Ties an invocation to a deployment; attempts run nowhere else from then on. */
export function pin(fold: Fold, row: Invocation, deployment: string | undefined): void {
  if (row.deployment !== undefined && fold.tables.deployments.get(row.deployment) !== undefined) {
    fold.tables.deployments.edit(row.deployment).live -= 1;
  }
  row.deployment = deployment;
  if (deployment !== undefined && fold.tables.deployments.get(deployment) !== undefined) {
    fold.tables.deployments.edit(deployment).live += 1;
  }
}

/** Chosen once, and again only by way of a deployment that speaks another protocol. */
function restateVersionOf({ tables }: Fold, row: Invocation): number {
  const deployment = row.deployment === undefined ? undefined : tables.deployments.get(row.deployment);
  // It was removed, and the attempt will say so. It may go on elsewhere.
  if (deployment === undefined) return row.restateVersion;
  const { restate } = deployment.manifest;
  if (restate === undefined) return 0;
  const { restateVersionMax: newest } = tables.settings as Partial<FoldSettings>;
  if (row.restateVersion > 0 || newest === undefined) return row.restateVersion;
  // Attempts of before versions were pinned spoke the newest of then.
  const known = row.attempt > 1 ? Math.min(newest, RESTATE_VERSION_FIRST_MAX) : newest;
  return Math.min(restate.maxProtocolVersion, known);
}

function startMessage(fold: Fold, row: Invocation): StartMessage {
  const { tables } = fold;
  const settings = tables.handlerSettings(row.deployment, row.target.service, row.target.handler);
  const stepFailures: Array<readonly [number, number]> = [];
  for (const [completionId, operation] of row.open) {
    if (operation.failures > 0) stepFailures.push([completionId, operation.failures]);
  }
  const keyed = row.target.kind !== "plain";
  const object =
    keyed && !settings.lazyState
      ? tables.objects.get(objectKey(row.target.service, row.target.key))
      : undefined;
  return {
    type: MessageType.Start,
    invocationId: row.id,
    knownEntries: row.journalLength,
    state: object === undefined ? [] : [...object.state],
    partialState: !keyed || settings.lazyState,
    key: row.target.key,
    retryCount: row.failuresSinceCommand,
    sinceLastEntryMs: Math.max(0, fold.at - row.lastEntryAt),
    randomSeed: randomSeedOf(row.seedId),
    service: row.target.service,
    handler: row.target.handler,
    attempt: row.attempt,
    stepFailures,
    ...(row.idempotencyKey === undefined ? {} : { idempotencyKey: row.idempotencyKey }),
    recordedOn: row.recordedOn === row.deployment ? "" : row.recordedOn,
    deployment: row.deployment ?? "",
  };
}
