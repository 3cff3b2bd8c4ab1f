/** Situations of invocations, locks, timers and operators, as the durable records show them. */
import { timerDue, type Invocation, type InvocationStatus, type Tables } from "@holdfast/engine";
import { MessageType } from "@holdfast/protocol";

import type { Step } from "./invariants/durable-fold.ts";

export const RECORD_MARKERS = [
  "attempt: messages of an attempt that is over were refused",
  "attempt: lost because the engine was restarted",
  "attempt: lost with its connection",
  "attempt: lost because no process answered",
  "attempt: cut off after the abort timeout",
  "attempt: paused after its last retry",
  "attempt: failed because the replay differed",
  "attempt: a failure came with a retry of its own time",
  "suspension: nothing had arrived",
  "suspension: something had arrived meanwhile",
  "suspension: woken",
  "timer: several fired in one record",
  "timer: fired long after it was due",
  "timer: fired for nobody",
  "lock: went on to the next in the queue",
  "lock: the queue was full",
  "lock: a call that could never get it failed",
  "cancel: of a running invocation",
  "cancel: of a suspended one",
  "cancel: of a queued or scheduled one",
  "cancel: came after the end",
  "kill: of a running invocation",
  "kill: of one that waited",
  "kill: took awaited callees along",
  "kill: of a holder while others queued",
  "operator: paused and resumed",
  "operator: restarted",
  "operator: purged",
  "operator: rescheduled",
  "operator: changed state",
  "promise: settled before anybody waited",
  "promise: settled while somebody waited",
  "signal: came a second time and was ignored",
  "signal: came while the invocation ran",
  "deployment: a new one while invocations ran on the old",
  "retention: removed an invocation",
  "retention: removed a journal",
] as const;

export type RecordMarker = (typeof RECORD_MARKERS)[number];

const OPERATOR_MARKERS = {
  restart: "operator: restarted",
  purge: "operator: purged",
  reschedule: "operator: rescheduled",
  "patch-state": "operator: changed state",
} as const;

/** How late a timer is that fires in a catch-up, ms. */
const LATE_MS = 5_000;

export class RecordMarkers {
  readonly #reach: (marker: RecordMarker) => void;
  readonly #tables: Tables;
  readonly #status = new Map<string, InvocationStatus>();
  readonly #running = new Set<string>();
  #deployments = 0;

  constructor(reach: (marker: RecordMarker) => void, tables: Tables) {
    this.#reach = reach;
    this.#tables = tables;
  }

  follow(step: Step): void {
    this.#ofBody(step);
    this.#ofEffects(step);
    this.#remember(step);
  }

  #before(id: string): InvocationStatus | undefined {
    return this.#status.get(id);
  }

  #ofBody(step: Step): void {
    const { body } = step.record;
    const { outcome } = step;
    const code = outcome.ok ? "" : outcome.code;
    switch (body.kind) {
      case "attempt-messages":
        if (code === "stale-attempt")
          this.#reach("attempt: messages of an attempt that is over were refused");
        else
          this.#ofMessages(
            step,
            body.id,
            body.messages.map(({ type }) => type),
          );
        return;
      case "attempt-lost":
        if (outcome.ok) this.#ofLoss(body.code);
        return;
      case "timers-fired":
        if (body.keys.length > 1) this.#reach("timer: several fired in one record");
        this.#ofTimers(step, body.keys);
        return;
      case "invoke":
        if (code === "overloaded") this.#reach("lock: the queue was full");
        return;
      case "cancel":
        this.#ofCancel(body.id);
        return;
      case "kill":
        this.#ofKill(step, body.id);
        return;
      case "resume":
        if (outcome.ok && this.#before(body.id) === "paused") this.#reach("operator: paused and resumed");
        return;
      case "restart":
      case "purge":
      case "reschedule":
      case "patch-state":
        if (outcome.ok) this.#reach(OPERATOR_MARKERS[body.kind]);
        return;
      case "expire":
        if (step.removed.length > 0) this.#reach("retention: removed an invocation");
        else if (outcome.ok && (outcome.detail?.removed ?? 0) > 0)
          this.#reach("retention: removed a journal");
        return;
      case "register-deployment":
        if (outcome.ok && this.#deployments++ > 0 && this.#running.size > 0)
          this.#reach("deployment: a new one while invocations ran on the old");
        return;
      case "signal":
        this.#ofSignal(step, body.id);
        return;
      case "complete-promise":
        if (!outcome.ok) return;
        this.#reach(
          step.appended.length > 0
            ? "promise: settled while somebody waited"
            : "promise: settled before anybody waited",
        );
        return;
      case "engine-started":
      case "pause":
      case "remove-deployment":
      case "configure-service":
      case "update-deployment":
        return;
    }
  }

  #ofMessages(step: Step, id: string, types: readonly number[]): void {
    if (types.includes(MessageType.Suspension)) {
      const isRestarted = step.effects.some((effect) => effect.kind === "start-attempt" && effect.id === id);
      this.#reach(
        isRestarted ? "suspension: something had arrived meanwhile" : "suspension: nothing had arrived",
      );
    }
    for (const { entry } of step.appended) {
      if (entry.type === MessageType.CallCompletion && Buffer.from(entry.body).includes("Deadlock: "))
        this.#reach("lock: a call that could never get it failed");
    }
  }

  #ofLoss(code: string): void {
    if (code === "engine-restarted") this.#reach("attempt: lost because the engine was restarted");
    if (code === "connection-lost") this.#reach("attempt: lost with its connection");
    if (code === "deployment-unavailable") this.#reach("attempt: lost because no process answered");
    if (code === "abort-timeout") this.#reach("attempt: cut off after the abort timeout");
  }

  #ofTimers(step: Step, keys: readonly string[]): void {
    const woke = step.appended.length > 0 || step.effects.length > 0;
    if (!woke) this.#reach("timer: fired for nobody");
    if (keys.some((key) => step.record.at - timerDue(key) > LATE_MS))
      this.#reach("timer: fired long after it was due");
  }

  #ofCancel(id: string): void {
    const status = this.#before(id);
    if (status === "running") this.#reach("cancel: of a running invocation");
    if (status === "suspended") this.#reach("cancel: of a suspended one");
    if (status === "queued" || status === "scheduled") this.#reach("cancel: of a queued or scheduled one");
    if (status === "completed") this.#reach("cancel: came after the end");
  }

  #ofKill(step: Step, id: string): void {
    const status = this.#before(id);
    if (!step.outcome.ok || status === undefined || status === "completed") return;
    this.#reach(status === "running" ? "kill: of a running invocation" : "kill: of one that waited");
    const ended = step.effects.filter((effect) => effect.kind === "completed").length;
    if (ended > 1) this.#reach("kill: took awaited callees along");
    const isHandedOver = step.effects.some(
      (effect) => effect.kind === "start-attempt" && this.#hasQueuedFor(effect.id, id),
    );
    if (isHandedOver) this.#reach("kill: of a holder while others queued");
  }

  /** Whether it waited for the lock of the object that the other one was for. */
  #hasQueuedFor(id: string, holder: string): boolean {
    const waited = this.#tables.invocations.get(id)?.target;
    const held = this.#tables.invocations.get(holder)?.target;
    if (this.#before(id) !== "queued" || waited === undefined || held === undefined) return false;
    return waited.service === held.service && waited.key === held.key;
  }

  #ofSignal(step: Step, id: string): void {
    if (step.outcome.ok && step.outcome.detail?.unchanged === true)
      this.#reach("signal: came a second time and was ignored");
    if (step.appended.length > 0 && this.#before(id) === "running")
      this.#reach("signal: came while the invocation ran");
  }

  #ofEffects({ record, effects, touched }: Step): void {
    const starts = effects.filter((effect) => effect.kind === "start-attempt");
    for (const { id } of starts) {
      if (this.#before(id) === "suspended") this.#reach("suspension: woken");
      const isNext =
        this.#before(id) === "queued" && record.body.kind === "attempt-messages" && touched[0] !== id;
      if (isNext) this.#reach("lock: went on to the next in the queue");
    }
  }

  /** How the invocations stand after the record. */
  #remember({ touched, removed }: Step): void {
    for (const { id } of removed) this.#forget(id);
    for (const id of touched) {
      const row = this.#tables.invocations.get(id);
      if (row === undefined) continue;
      if (row.lastFailure?.code === "journal-mismatch")
        this.#reach("attempt: failed because the replay differed");
      if (row.status === "paused" && this.#before(id) !== "paused") this.#ofPause(row);
      if (row.status === "backing-off" && this.#before(id) === "running") this.#ofBackingOff(row);
      this.#status.set(id, row.status);
      if (row.status === "running") this.#running.add(id);
      else this.#running.delete(id);
    }
  }

  #forget(id: string): void {
    this.#status.delete(id);
    this.#running.delete(id);
  }

  #ofPause(row: Readonly<Invocation>): void {
    const why = row.events.at(-1);
    if (why?.message.startsWith("Paused after") === true) this.#reach("attempt: paused after its last retry");
  }

  #ofBackingOff(row: Readonly<Invocation>): void {
    if (row.lastFailure !== undefined && row.retryCount === 0 && row.lostAttempts === 0)
      this.#reach("attempt: a failure came with a retry of its own time");
  }
}
