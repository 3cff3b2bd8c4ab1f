/**
 * All invariants at once, as online monitors: fed with what happens in a world, they say which promise was broken, and when.
 *
 * Not among them: OUT-1, OUT-2, OUT-3, which are about several partitions, and there is one. LOG-10, which is about resources
 * that no event tells of. UPG-1, which takes two versions of the program.
 */
import { ActMonitor } from "./acts.ts";
import { AgreementMonitor } from "./agreement.ts";
import { AttemptMonitor } from "./attempts.ts";
import { CancelMonitor } from "./cancel.ts";
import { DurableFold, type RecordFold } from "./durable-fold.ts";
import { LogMonitor } from "./log.ts";
import { Tally, type Judge, type Monitor, type RestFacts } from "./monitor.ts";
import { NotificationMonitor } from "./notifications.ts";
import { StateMonitor } from "./object-state.ts";
import { LockMonitor } from "./objects.ts";
import { OutcomeMonitor } from "./outcomes.ts";
import { OutsideMonitor } from "./outside.ts";
import { RecoveryMonitor } from "./recovery.ts";
import { RetryMonitor } from "./retries.ts";
import { StepMonitor } from "./steps.ts";
import { SignalMonitor, TimerMonitor } from "./timers-signals.ts";
import type { WorldEvent } from "./world-event.ts";

export type InvariantsOptions = {
  /** Applies the records that are durable. A test passes one with a fault, to see that it is found. */
  readonly fold?: RecordFold;
  /** Codes of failures that no attempt can end with here, as it could with handlers that do what they like. */
  readonly impossible?: readonly string[];
  /** Further ones, which are told the same. */
  readonly further?: (fold: DurableFold, judge: Judge) => readonly Monitor[];
};

export class Invariants {
  readonly #tally: Tally;
  readonly #log: LogMonitor;
  readonly #fold: DurableFold;
  /** What says most precisely what is wrong comes first: one fault may break several promises. */
  readonly #monitors: readonly Monitor[];
  #sequence = 0;

  constructor({ fold, further, impossible = [] }: InvariantsOptions = {}) {
    this.#tally = new Tally();
    const judge = this.#tally;
    this.#fold = new DurableFold(fold);
    this.#log = new LogMonitor(judge);
    this.#monitors = [
      new CancelMonitor(judge, this.#fold),
      new LockMonitor(judge, this.#fold),
      new StateMonitor(judge, this.#fold),
      new TimerMonitor(judge),
      new SignalMonitor(judge, this.#fold),
      new AttemptMonitor(judge, this.#fold),
      new RetryMonitor(judge, this.#fold),
      new NotificationMonitor(judge, this.#fold),
      new StepMonitor(judge, this.#fold),
      new OutcomeMonitor(judge, this.#fold),
      new OutsideMonitor(judge, this.#fold),
      new ActMonitor(judge, this.#fold, this.#log.shadow),
      new RecoveryMonitor(judge, this.#fold),
      new AgreementMonitor(judge, this.#fold, impossible),
      ...(further?.(this.#fold, judge) ?? []),
    ];
    for (const { ids } of [this.#log, ...this.#monitors]) this.#tally.add(ids);
  }

  /** How often each id was really held against something: one that stays at 0 over a batch of seeds says nothing. */
  get checks(): ReadonlyMap<string, number> {
    return this.#tally.checks;
  }

  /** `at`: the engine's clock, epoch milliseconds. Throws an InvariantViolation. */
  observe(event: WorldEvent, at: number): void {
    this.#sequence += 1;
    this.#tally.sequence = this.#sequence;
    this.#log.observe(event);
    const isLive = event.kind !== "recovered";
    for (const { position, records } of this.#log.shadow.takeDurable()) {
      for (const record of records) {
        const step = this.#fold.apply(record, position, isLive);
        for (const monitor of this.#monitors) monitor.follow?.(step);
      }
    }
    for (const monitor of this.#monitors) monitor.observe(event, at, this.#sequence);
  }

  /** Everything is healed, time went on, nothing is left to do. Throws an InvariantViolation. */
  atRest(facts: RestFacts): void {
    this.#sequence += 1;
    this.#tally.sequence = this.#sequence;
    for (const monitor of this.#monitors) monitor.atRest?.(facts);
  }
}
