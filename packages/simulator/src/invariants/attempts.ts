/** Attempts: INV-6 (only the newest counts), INV-7 (a journal that does not match is seen), CFG-1 (pinned to a deployment). */
import { isCommandType, MessageType } from "@holdfast/protocol";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import { endOf } from "./entries.ts";
import type { Judge, Monitor } from "./monitor.ts";
import type { EventOf, WorldEvent } from "./world-event.ts";

/** Error code by which the SDK says that the code no longer does what the journal says. */
const JOURNAL_MISMATCH = 570;

/** One invocation's attempts, as the log numbers them. */
type Attempts = {
  readonly account: Account;
  newest: number;
  /** Deployment of each; "" for none. */
  readonly deployments: Map<number, string>;
  /** An operator named the deployment of the next. */
  moved: string | undefined;
  /** The newest that a handler was sent. */
  sent: number;
  /** Commands that the newest recorded. */
  commands: number;
  /** The newest has not ended. */
  isRunning: boolean;
};

export class AttemptMonitor implements Monitor {
  readonly ids = ["INV-6", "INV-7", "CFG-1"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #attempts = new Map<string, Attempts>();
  /** Deployments by service, the newest revision last. */
  readonly #revisions = new Map<string, string[]>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  follow(step: Step): void {
    const { body } = step.record;
    if (body.kind === "attempt-messages" || body.kind === "attempt-lost") this.#checkFence(step, body);
    for (const account of step.created) this.#begin(account);
    if (step.outcome.ok) this.#followOperator(step);
    for (const { account, entry } of step.appended) {
      const attempts = this.#of(account.id);
      if (attempts === undefined || entry.attempt === 0 || !isCommandType(entry.type)) continue;
      if (entry.attempt === attempts.newest) attempts.commands += 1;
      const deployment = attempts.deployments.get(entry.attempt);
      this.#judge.holds(
        "CFG-1",
        entry.deployment === deployment,
        () =>
          `attempt ${entry.attempt} of ${account.id} runs on ${deployment}, and recorded a command as of ${entry.deployment}`,
      );
    }
    if (body.kind === "attempt-messages" && step.outcome.ok) this.#checkMismatch(step, body.id);
    for (const effect of step.effects) {
      if (effect.kind === "start-attempt") this.#start(effect.id, effect.attempt, effect.deployment ?? "");
    }
    for (const id of step.touched) {
      const attempts = this.#of(id);
      if (attempts !== undefined)
        attempts.isRunning = this.#fold.tables.invocations.get(id)?.status === "running";
    }
  }

  #of(id: string): Attempts | undefined {
    return this.#attempts.get(id);
  }

  #begin(account: Account): void {
    this.#attempts.set(account.id, {
      account,
      newest: 0,
      deployments: new Map(),
      moved: undefined,
      sent: 0,
      commands: 0,
      isRunning: false,
    });
  }

  #checkFence(
    { outcome, effects }: Step,
    { id, attempt }: { readonly id: string; readonly attempt: number },
  ): void {
    const attempts = this.#of(id);
    const isCurrent = attempts?.isRunning === true && attempts.newest === attempt;
    this.#judge.holds(
      "INV-6",
      isCurrent || (!outcome.ok && effects.length === 0),
      () =>
        `a record of attempt ${attempt} of ${id} was accepted; the newest is ${attempts?.newest}${attempts?.isRunning === true ? "" : ", which has ended"}`,
    );
  }

  #start(id: string, attempt: number, deployment: string): void {
    const attempts = this.#of(id);
    if (attempts === undefined) return;
    this.#judge.holds(
      "INV-6",
      attempt === attempts.newest + 1,
      () => `attempt ${attempt} of ${id} follows ${attempts.newest}`,
    );
    const pinned = attempts.deployments.get(attempts.newest) ?? "";
    const newest = this.#revisions.get(attempts.account.target.service)?.at(-1) ?? "";
    const expected = attempts.moved ?? (pinned === "" ? newest : pinned);
    this.#judge.holds(
      "CFG-1",
      deployment === expected,
      () => `attempt ${attempt} of ${id} starts on ${deployment}, and belongs on ${expected}`,
    );
    attempts.newest = attempt;
    attempts.commands = 0;
    attempts.moved = undefined;
    attempts.deployments.set(attempt, deployment);
  }

  #followOperator({ record: { body }, outcome }: Step): void {
    switch (body.kind) {
      case "resume":
      case "restart": {
        const attempts = this.#of(body.kind === "resume" ? body.id : body.newId);
        const isUnchanged = outcome.ok && outcome.detail?.unchanged === true;
        if (attempts !== undefined && !isUnchanged && body.deployment !== undefined)
          attempts.moved = body.deployment;
        return;
      }
      case "register-deployment": {
        const detail = outcome.ok ? outcome.detail : undefined;
        if (body.dryRun || detail?.unchanged === true) return;
        const id = detail?.id ?? body.id;
        this.#forget(id);
        for (const { name } of body.manifest.services) {
          this.#revisions.set(name, [...(this.#revisions.get(name) ?? []), id]);
        }
        return;
      }
      case "remove-deployment":
        this.#forget(body.id);
        return;
      default:
    }
  }

  #forget(deployment: string): void {
    for (const [service, deployments] of this.#revisions) {
      this.#revisions.set(
        service,
        deployments.filter((each) => each !== deployment),
      );
    }
  }

  /** An attempt that met a journal it does not match recorded no command, and left a failure that can be seen. */
  #checkMismatch({ record: { body } }: Step, id: string): void {
    if (body.kind !== "attempt-messages") return;
    const ended = endOf(body);
    if (ended?.type !== MessageType.Error || ended.code !== JOURNAL_MISMATCH) return;
    const commands = this.#of(id)?.commands ?? 0;
    this.#judge.holds(
      "INV-7",
      commands === 0,
      () => `attempt ${body.attempt} of ${id} did not match the journal, and recorded ${commands} commands`,
    );
    const row = this.#fold.tables.invocations.get(id);
    if (row === undefined) return;
    this.#judge.holds(
      "INV-7",
      row.events.some(({ code, message }) => code === "journal-mismatch" && message !== ""),
      () =>
        `attempt ${body.attempt} of ${id} did not match the journal, and nothing shows it: it is ${row.status}`,
    );
  }

  observe(event: WorldEvent): void {
    if (event.kind === "attempt-started") this.#checkSent(event);
    else if (event.kind === "delivered" || event.kind === "run-acked") this.#checkTold(event);
  }

  #checkSent({ invocation, attempt, deployment }: EventOf<"attempt-started">): void {
    const attempts = this.#of(invocation);
    if (attempts === undefined) return;
    this.#judge.holds(
      "INV-6",
      attempt > attempts.sent,
      () => `attempt ${attempt} of ${invocation} was sent after attempt ${attempts.sent}`,
    );
    attempts.sent = attempt;
    const recorded = attempts.deployments.get(attempt);
    this.#judge.holds(
      "CFG-1",
      recorded === undefined || recorded === deployment,
      () => `attempt ${attempt} of ${invocation} went to ${deployment}, and the log says ${recorded}`,
    );
  }

  #checkTold({ kind, invocation, attempt }: EventOf<"delivered" | "run-acked">): void {
    const sent = this.#of(invocation)?.sent;
    if (sent === undefined || sent === 0) return;
    this.#judge.holds(
      "INV-6",
      attempt === sent,
      () => `${kind} to attempt ${attempt} of ${invocation}, after attempt ${sent} was sent`,
    );
  }
}
