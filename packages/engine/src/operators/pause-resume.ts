/** Pausing an invocation, and letting it go on, also on another deployment. */
import type { Outcome } from "../effect.ts";
import { pauseInvocation } from "../partition/attempt-end.ts";
import { pin, startAttempt } from "../partition/attempt-start.ts";
import { addEvent, newEvent } from "../partition/events.ts";
import type { Fold } from "../partition/fold.ts";
import type { ResumeRecord } from "../record.ts";
import type { Invocation } from "../tables/rows.ts";

/** Cuts a running attempt off: what it had recorded stays, a step that was executing will be executed again. */
export function pauseRunning(fold: Fold, id: string): Outcome {
  const known = fold.tables.invocations.get(id);
  if (known === undefined)
    return { ok: false, code: "invocation-not-found", message: `There is no invocation ${id}` };
  switch (known.status) {
    case "paused":
      return { ok: true, detail: { unchanged: true } };
    case "completed":
      return { ok: false, code: "invocation-completed", message: `The invocation ${id} has completed` };
    case "scheduled":
    case "queued":
      return {
        ok: false,
        code: "invocation-not-started",
        message: `The invocation ${id} is ${known.status}: there is nothing to pause yet`,
      };
    default: {
      const row = fold.tables.invocations.edit(id);
      if (row.status === "running") {
        fold.effects.push({ kind: "abort-attempt", id, attempt: row.attempt, reason: "paused" });
      }
      pauseInvocation(fold, row, "paused", "Paused by request");
      return { ok: true };
    }
  }
}

/** Starts an attempt now, whether the invocation was paused, suspended, or waiting for its next try. */
export function resumeInvocation(fold: Fold, record: ResumeRecord): Outcome {
  const { id, deployment } = record;
  const known = fold.tables.invocations.get(id);
  if (known === undefined)
    return { ok: false, code: "invocation-not-found", message: `There is no invocation ${id}` };
  switch (known.status) {
    case "running":
      return { ok: true, detail: { unchanged: true } };
    case "completed":
      return { ok: false, code: "invocation-completed", message: `The invocation ${id} has completed` };
    case "scheduled":
    case "queued":
      return {
        ok: false,
        code: "invocation-not-started",
        message: `The invocation ${id} is ${known.status}: it has not started`,
      };
    default:
  }
  if (deployment !== undefined) {
    const refused = refuseDeployment(fold, deployment, known);
    if (refused !== undefined) return refused;
  }
  const row = fold.tables.invocations.edit(id);
  row.retryCount = 0;
  row.failuresSinceCommand = 0;
  row.lostAttempts = 0;
  if (deployment !== undefined && deployment !== row.deployment) pin(fold, row, deployment);
  addEvent(
    row,
    newEvent(
      fold,
      row,
      "resumed",
      "resumed",
      deployment === undefined ? "Resumed" : `Resumed on ${deployment}`,
    ),
  );
  startAttempt(fold, row);
  return { ok: true };
}

/** Why what was recorded so far cannot go on there, or `undefined`. */
export function refuseDeployment(
  fold: Fold,
  deployment: string,
  { target, restateVersion }: Pick<Invocation, "target" | "restateVersion">,
): Outcome | undefined {
  const row = fold.tables.deployments.get(deployment);
  if (row === undefined)
    return { ok: false, code: "deployment-not-found", message: `There is no deployment ${deployment}` };
  const service = row.manifest.services.find((candidate) => candidate.name === target.service);
  if (service?.handlers.some((handler) => handler.name === target.handler) !== true) {
    return {
      ok: false,
      code: "handler-not-found",
      message: `Deployment ${deployment} does not serve ${target.service}/${target.handler}`,
    };
  }
  return refuseVersion(fold, deployment, restateVersion);
}

/** The same of a journal that was recorded in this version of Restate's protocol, 0 for none. */
export function refuseVersion(
  fold: Fold,
  deployment: string | undefined,
  restateVersion: number,
): Outcome | undefined {
  const restate =
    deployment === undefined ? undefined : fold.tables.deployments.get(deployment)?.manifest.restate;
  if (restateVersion === 0 || restate === undefined) return undefined;
  const { minProtocolVersion: min, maxProtocolVersion: max } = restate;
  if (min <= restateVersion && restateVersion <= max) return undefined;
  return {
    ok: false,
    code: "protocol-version-mismatch",
    message: `Deployment ${deployment} speaks the versions ${min} to ${max} of Restate's protocol, and what is recorded needs ${restateVersion}`,
  };
}
