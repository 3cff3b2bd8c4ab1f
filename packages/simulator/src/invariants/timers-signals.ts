/** Timers: TIM-1, TIM-2, TIM-3. Awakeables, signals and durable promises: SIG-1, SIG-2. */
import { timerDue, type JournalEntry } from "@holdfast/engine";
import { describeResult } from "@holdfast/engine/testing";
import {
  FIRST_AWAKEABLE_SIGNAL,
  MessageType,
  type CompletionResponse,
  type NotificationResult,
} from "@holdfast/protocol";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import { messageOf, notificationOf } from "./entries.ts";
import type { Judge, Monitor, RestFacts } from "./monitor.ts";
import type { EventOf, WorldEvent } from "./world-event.ts";

export class TimerMonitor implements Monitor {
  readonly ids = ["TIM-1", "TIM-2", "TIM-3"];
  readonly #judge: Judge;
  /** Set, and neither cleared nor fired. */
  readonly #pending = new Set<string>();
  #lastAt = 0;
  #lastSequence = 0;

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  follow({ record, effects, position, appended }: Step): void {
    const { at, body } = record;
    if (at < this.#lastAt) {
      this.#judge.breaks(
        "TIM-1",
        `the time of position ${position} is ${at}, and that of the record before it ${this.#lastAt}`,
      );
    }
    this.#lastAt = at;
    const put = new Set<string>();
    for (const effect of effects) {
      if (effect.kind === "set-timer") {
        this.#set(effect.key, effect.due, put);
      } else if (effect.kind === "clear-timer") {
        this.#pending.delete(effect.key);
      }
    }
    if (body.kind === "timers-fired") this.#fire(body.keys, at, put);
    for (const { account, entry } of appended) {
      if (entry.type === MessageType.SleepCompletion && entry.attempt > 0) this.#wake(account, entry);
    }
  }

  /** A sleep lasts as long as its handler asked for, whatever the timer behind it says. */
  #wake({ id, entries }: Account, woken: JournalEntry): void {
    const completion = messageOf(woken);
    if (completion.type !== MessageType.SleepCompletion) return;
    for (const entry of entries) {
      const sleep = entry.type === MessageType.Sleep ? messageOf(entry) : undefined;
      if (sleep?.type !== MessageType.Sleep || sleep.completionId !== completion.completionId) continue;
      this.#judge.holds(
        "TIM-1",
        woken.at >= sleep.wakeUpAt,
        () => `${id} was to sleep until ${sleep.wakeUpAt}, and was woken at ${woken.at}`,
      );
    }
  }

  #set(key: string, due: number, put: Set<string>): void {
    put.add(key);
    const [dueDigits = "", sequence = ""] = key.split("-");
    const isNew = !this.#pending.has(key);
    this.#judge.holds(
      "TIM-3",
      Number(dueDigits) === due && dueDigits.length === 16 && sequence.length === 15,
      () => `the timer for ${due} has the key ${key}, which does not sort as that`,
    );
    this.#judge.holds(
      "TIM-3",
      !isNew || Number(sequence) > this.#lastSequence,
      () => `the timer ${key} comes after one with the number ${this.#lastSequence}`,
    );
    this.#lastSequence = Math.max(this.#lastSequence, Number(sequence));
    this.#pending.add(key);
  }

  #fire(keys: readonly string[], at: number, put: ReadonlySet<string>): void {
    let before = "";
    for (const key of keys) {
      const last = before;
      this.#judge.holds("TIM-3", key > last, () => `timer ${key} fired after ${last}, in one record`);
      before = key;
      // Cleared while it was on its way.
      if (!this.#pending.has(key)) continue;
      // Put back, since it is not due by the record's clock: whoever reported it had another.
      const isPutBack = put.has(key);
      this.#judge.holds(
        "TIM-1",
        isPutBack || timerDue(key) <= at,
        () => `the timer due at ${timerDue(key)} fired at ${at}`,
      );
      if (!isPutBack) this.#pending.delete(key);
    }
  }

  observe(event: WorldEvent): void {
    if (event.kind === "recovered") this.#checkKept(event.tables);
  }

  #checkKept(tables: RestFacts["tables"]): void {
    const present = new Set([...tables.timers.all()].map(([key]) => key));
    for (const key of this.#pending) {
      this.#judge.holds(
        "TIM-2",
        present.has(key),
        () => `the timer ${key} is set, did not fire, and is gone from the tables`,
      );
    }
  }

  atRest({ tables, now, timerSlackMs }: RestFacts): void {
    this.#checkKept(tables);
    for (const key of this.#pending) {
      this.#judge.holds(
        "TIM-2",
        timerDue(key) + timerSlackMs >= now,
        () => `the timer due at ${timerDue(key)} has not fired at ${now}`,
      );
    }
  }
}

/** What a client is told whose awakeable nobody waits for. */
const IGNORED = JSON.stringify({ status: "ignored" } satisfies CompletionResponse);

/** What a durable promise was settled with. */
type Promises = Map<string, string>;

export class SignalMonitor implements Monitor {
  readonly ids = ["SIG-1", "SIG-2"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  /** Awakeables that have their outcome, by invocation. */
  readonly #settled = new Map<Account, Set<number>>();
  /** By workflow, then by the promise's name. */
  readonly #promises = new Map<string, Promises>();
  readonly #signals = new Map<number, string>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  follow(step: Step): void {
    const { body } = step.record;
    if (body.kind === "signal") this.#checkAddressee(step, body.id);
    if (body.kind === "complete-promise" && step.outcome.ok) {
      const { existed, result } = step.outcome.detail ?? {};
      const seen = existed === true ? result : body.result;
      if (seen !== undefined) this.#settle(body.service, body.key, body.name, seen);
    }
    for (const { account, entry } of step.appended) {
      if (entry.attempt === 0) continue;
      const notification = notificationOf(entry);
      if (notification === undefined) continue;
      if (notification.type === MessageType.Signal) this.#signal(account, notification.index);
      else if (notification.type === MessageType.GetPromiseCompletion)
        this.#followPromise(account, notification.completionId, notification.result);
    }
    for (const { target } of step.removed) {
      if (target.kind === "run") this.#promises.delete(`${target.service}/${target.key}`);
    }
  }

  /** Somebody unknown gets nothing, and whoever sent it is told. */
  #checkAddressee({ outcome, effects, created, removed }: Step, id: string): void {
    const account = this.#fold.account(id);
    const isThere = account !== undefined && !account.isRemoved;
    // A signal that cancels what had not begun ends it, and where nothing is kept it is gone then.
    if (isThere || removed.some((each) => each.id === id)) return;
    this.#judge.holds(
      "SIG-2",
      !outcome.ok && effects.length === 0 && created.length === 0,
      () => `a signal to ${id}, which does not exist, was accepted`,
    );
  }

  #signal(account: Account, index: number | undefined): void {
    if (index === undefined || index < FIRST_AWAKEABLE_SIGNAL) return;
    const settled = this.#settled.get(account) ?? new Set<number>();
    this.#settled.set(account, settled);
    this.#judge.holds(
      "SIG-1",
      !settled.has(index),
      () => `awakeable ${index} of ${account.id} got a second outcome`,
    );
    settled.add(index);
  }

  #followPromise({ entries, target }: Account, completionId: number, result: NotificationResult): void {
    for (const entry of entries) {
      if (entry.type !== MessageType.GetPromise) continue;
      const command = messageOf(entry);
      if (command.type !== MessageType.GetPromise || command.completionId !== completionId) continue;
      // A promise of a workflow that has ended fails whoever waits for it, and is not settled by that.
      if (isClosed(result)) return;
      this.#settle(target.service, target.key, command.key, result);
    }
  }

  #settle(service: string, key: string, name: string, result: NotificationResult): void {
    const workflow = `${service}/${key}`;
    const promises = this.#promises.get(workflow) ?? new Map<string, string>();
    this.#promises.set(workflow, promises);
    const known = promises.get(name);
    const seen = describeResult(result);
    this.#judge.holds(
      "SIG-1",
      known === undefined || known === seen,
      () => `promise ${name} of ${workflow} is ${known}, and was told as ${seen}`,
    );
    promises.set(name, seen);
  }

  observe(event: WorldEvent): void {
    if (event.kind === "client-sent" && event.verb === "signal" && event.invocation !== undefined)
      this.#signals.set(event.operation, event.invocation);
    else if (event.kind === "client-told") this.#hear(event);
  }

  #hear({ operation, outcome, status, body }: EventOf<"client-told">): void {
    const id = this.#signals.get(operation);
    this.#signals.delete(operation);
    if (id === undefined || outcome !== "ok") return;
    this.#judge.holds(
      "SIG-2",
      body === IGNORED || this.#fold.account(id) !== undefined,
      () => `a client was told ${status} for a signal to ${id}, which never existed`,
    );
  }
}

function isClosed(result: NotificationResult): boolean {
  return result.kind === "failure" && result.failure.code === 409;
}
