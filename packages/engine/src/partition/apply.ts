/**
 * The fold: every change of a partition's state is `apply(record)`. Synchronous; no clock, no random, no I/O beyond reading
 * rows of the newest checkpoint. The same records give the same tables on every machine, so a replay after a crash arrives
 * where the process had been.
 */
import { unreachable } from "../assert.ts";
import type { Effect, Outcome } from "../effect.ts";
import { configureService } from "../operators/configure-service.ts";
import { registerDeployment, removeDeployment } from "../operators/deployments.ts";
import { patchState } from "../operators/patch-state.ts";
import { pauseRunning, resumeInvocation } from "../operators/pause-resume.ts";
import { rescheduleInvocation } from "../operators/reschedule.ts";
import { restartInvocation } from "../operators/restart.ts";
import { expireInvocations, purgeInvocation } from "../operators/retention.ts";
import { updateDeployment } from "../operators/update-deployment.ts";
import type { LogRecord, RecordBody } from "../record.ts";
import type { Tables } from "../tables/tables.ts";
import { loseAttempt } from "./attempt-lost.ts";
import { applyAttemptMessages } from "./attempt-messages.ts";
import { completePromiseFromOutside } from "./complete-promise.ts";
import type { Fold } from "./fold.ts";
import { invoke } from "./invoke.ts";
import { cancelInvocation, killInvocation, sendSignal } from "./signals.ts";
import { fireTimers } from "./timers-fired.ts";

const OK: Outcome = { ok: true };

export type Applied = { readonly outcome: Outcome; readonly effects: readonly Effect[] };

export class Partition {
  readonly tables: Tables;
  readonly #fold: Fold;

  constructor(tables: Tables) {
    this.tables = tables;
    this.#fold = { tables, at: tables.meta.now, effects: [] };
  }

  /** Applies one record. The effects are to be performed once the record is durable, or dropped when it is replayed. */
  apply(record: LogRecord): Applied {
    const fold = this.#fold;
    // The partition's clock never goes back, whatever the machine's does.
    fold.at = Math.max(record.at, this.tables.meta.now);
    fold.effects = [];
    if (fold.at > this.tables.meta.now) this.tables.editMeta().now = fold.at;
    this.tables.begin();
    const outcome = applyBody(fold, record.body);
    this.tables.end();
    return { outcome, effects: fold.effects };
  }
}

function applyBody(fold: Fold, body: RecordBody): Outcome {
  switch (body.kind) {
    case "engine-started":
      fold.tables.editMeta().epoch = body.epoch;
      fold.tables.setSettings(body.settings);
      return OK;
    case "invoke":
      return invoke(fold, body);
    case "attempt-messages":
      return applyAttemptMessages(fold, body);
    case "attempt-lost":
      return loseAttempt(fold, body);
    case "timers-fired":
      fireTimers(fold, body.keys);
      return OK;
    case "signal":
      return sendSignal(fold, body, body.result, body.cause);
    case "complete-promise":
      return completePromiseFromOutside(fold, body);
    case "cancel":
      return cancelInvocation(fold, body.id);
    case "kill":
      return killInvocation(fold, body.id);
    case "pause":
      return pauseRunning(fold, body.id);
    case "resume":
      return resumeInvocation(fold, body);
    case "restart":
      return restartInvocation(fold, body);
    case "purge":
      return purgeInvocation(fold, body);
    case "reschedule":
      return rescheduleInvocation(fold, body.id, body.startAt);
    case "expire":
      return expireInvocations(fold, body);
    case "register-deployment":
      return registerDeployment(fold, body);
    case "remove-deployment":
      return removeDeployment(fold, body);
    case "patch-state":
      return patchState(fold, body);
    case "configure-service":
      return configureService(fold, body);
    case "update-deployment":
      return updateDeployment(fold, body);
    default:
      return unreachable(body, "record kind");
  }
}
