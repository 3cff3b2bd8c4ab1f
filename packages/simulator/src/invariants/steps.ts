/**
 * Steps and what they did to the outside: INV-4, INV-5, EXT-1. A step's key, which its closure passes on to the outside, is
 * "<invocation>:<completion id>", in every attempt the same.
 */
import type { JournalEntry } from "@holdfast/engine";
import { MessageType } from "@holdfast/protocol";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import { isSameEntry, messageOf, notificationNames, notificationOf } from "./entries.ts";
import type { Judge, Monitor } from "./monitor.ts";
import type { EventOf, WorldEvent } from "./world-event.ts";

/** Name of the step by which the SDK reads the clock. */
const CLOCK_STEP = "now";

/** Executions of one step in one attempt. */
type Executions = {
  /** Began, did not end, and the SDK has not given it up. */
  isRunning: boolean;
  /** One that the SDK still listened to did what it does to the outside. */
  hasActed: boolean;
  /** The SDK gave up so many of them, for having failed or taken too long: such a one may still be running, and may still act. */
  givenUp: number;
};

/** The completions that one invocation's journal holds. */
type Completions = { readonly account: Account; readonly places: Map<number, number>; read: number };

export class StepMonitor implements Monitor {
  readonly ids = ["INV-4", "INV-5", "EXT-1"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #completions = new Map<string, Completions>();
  /** Journal entries that each invocation's attempts began with, by attempt. */
  readonly #known = new Map<string, Map<number, number>>();
  readonly #executions = new Map<string, Executions>();
  /** Keys of the steps by which the SDK itself reads the clock: nobody is told of their execution. */
  readonly #ownSteps = new Set<string>();
  /** Whose each key is: invocation and step name. */
  readonly #owners = new Map<string, string>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  follow({ appended, created }: Step): void {
    for (const account of created) this.#beginAnew(account);
    for (const { account } of appended) this.#readCompletions(account);
  }

  #readCompletions(account: Account): Completions {
    let known = this.#completions.get(account.id);
    // Another invocation with the id of one that is gone starts from nothing.
    if (known === undefined || known.account !== account) {
      known = { account, places: new Map(), read: 0 };
      this.#completions.set(account.id, known);
    }
    for (; known.read < account.entries.length; known.read++) this.#readEntry(known, known.read);
    return known;
  }

  #readEntry({ account, places }: Completions, place: number): void {
    const entry = account.entries[place];
    if (entry?.type === MessageType.Run) this.#noteOwnStep(account, entry);
    const notification = entry === undefined ? undefined : notificationOf(entry);
    if (entry === undefined || notification === undefined || notification.type === MessageType.Signal) return;
    const { completionId, result } = notification;
    this.#judge.holds(
      "INV-4",
      !places.has(completionId),
      () =>
        `${account.id} has completion ${completionId} at entry ${places.get(completionId)} and at ${place}`,
    );
    places.set(completionId, place);
    // Entries of attempt 0 were copied from another invocation's journal.
    if (notification.type !== MessageType.RunCompletion || entry.attempt === 0) return;
    if (result.kind === "failure" || this.#ownSteps.has(`${account.id}:${completionId}`)) return;
    this.#judge.holds(
      "INV-5",
      this.#owners.has(`${account.id}:${completionId}`),
      () => `${account.id} has a result for step ${completionId}, which was never executed`,
    );
  }

  #noteOwnStep({ id }: Account, entry: JournalEntry): void {
    const command = messageOf(entry);
    if (command.type === MessageType.Run && command.name === CLOCK_STEP)
      this.#ownSteps.add(`${id}:${command.completionId}`);
  }

  /**
   * An id that follows from an idempotency key or a workflow's key comes again once retention has forgotten who had it, and
   * with it the keys of its steps.
   */
  #beginAnew({ id }: Account): void {
    this.#known.delete(id);
    for (const keys of [this.#executions, this.#owners, this.#ownSteps]) {
      for (const key of keys.keys()) if (key.startsWith(`${id}:`)) keys.delete(key);
    }
  }

  observe(event: WorldEvent): void {
    switch (event.kind) {
      case "attempt-started":
        this.#checkJournal(event);
        return;
      case "step-began":
        this.#begin(event);
        return;
      case "step-ended":
        this.#end(event);
        return;
      case "received": {
        const { message, invocation, attempt } = event;
        if (message.type !== MessageType.RunAttemptFailed) return;
        const execution = this.#executions.get(`${invocation}:${message.completionId} ${attempt}`);
        if (execution === undefined) return;
        execution.isRunning = false;
        execution.givenUp += 1;
        return;
      }
      default:
    }
  }

  /** Whatever is recorded is what the handler sees again. */
  #checkJournal({ invocation, attempt, knownEntries, journal }: EventOf<"attempt-started">): void {
    const attempts = this.#known.get(invocation) ?? new Map<number, number>();
    this.#known.set(invocation, attempts.set(attempt, knownEntries));
    const account = this.#fold.account(invocation);
    if (account === undefined) return;
    const recorded = account.entries.slice(0, knownEntries);
    const differsAt = recorded.findIndex((entry, index) => {
      const sent = journal[index];
      return sent === undefined || !isSameEntry(entry, sent);
    });
    this.#judge.holds(
      "INV-4",
      differsAt < 0 && journal.length === knownEntries,
      () =>
        `attempt ${attempt} of ${invocation} got ${journal.length} of ${knownEntries} entries, which differ from what is recorded at ${differsAt}: ${notificationNames(journal).join(", ")} instead of ${notificationNames(recorded).join(", ")}`,
    );
  }

  #begin({ invocation, attempt, name, key }: EventOf<"step-began">): void {
    const owner = `${invocation} ${JSON.stringify(name)}`;
    const known = this.#owners.get(key);
    this.#judge.holds(
      "EXT-1",
      known === undefined || known === owner,
      () => `the key ${key} was given to step ${known}, and now to ${owner}`,
    );
    this.#owners.set(key, owner);
    this.#checkNotRecorded(invocation, attempt, key);
    const place = `${key} ${attempt}`;
    const execution = this.#executions.get(place) ?? { isRunning: false, hasActed: false, givenUp: 0 };
    this.#executions.set(place, execution);
    this.#judge.holds(
      "INV-5",
      !execution.isRunning,
      () => `step ${key} began in attempt ${attempt}, and is executing in it already`,
    );
    this.#judge.holds(
      "EXT-1",
      !execution.hasActed,
      () =>
        `step ${key} began again in attempt ${attempt}, in which it has acted already and nothing crashed`,
    );
    execution.isRunning = true;
  }

  #checkNotRecorded(invocation: string, attempt: number, key: string): void {
    const account = this.#fold.account(invocation);
    const known = this.#known.get(invocation)?.get(attempt);
    if (account === undefined || known === undefined) return;
    const completionId = Number(key.slice(key.lastIndexOf(":") + 1));
    const place = this.#readCompletions(account).places.get(completionId);
    this.#judge.holds(
      "INV-4",
      place === undefined || place >= known,
      () =>
        `attempt ${attempt} of ${invocation} executes step ${completionId}, whose result is entry ${place} of the ${known} that it began with`,
    );
  }

  #end({ key, attempt, ok }: EventOf<"step-ended">): void {
    const execution = this.#executions.get(`${key} ${attempt}`);
    if (execution === undefined) return;
    execution.isRunning = false;
    // It cannot be told whose end this is, once some that were given up may be running still.
    if (ok && execution.givenUp === 0) execution.hasActed = true;
  }

  /** Under the keys that an invocation's steps were given, no more happened outside than its journal has steps. */
  atRest(): void {
    const keys = new Map<string, number>();
    for (const owner of this.#owners.values()) keys.set(owner, (keys.get(owner) ?? 0) + 1);
    for (const account of this.#fold.accounts()) {
      // What was killed may have executed a step whose command was not recorded any more.
      if (account.outcome?.result.kind !== "value") continue;
      const steps = new Map<string, number>();
      for (const entry of account.entries) {
        const message = entry.type === MessageType.Run ? messageOf(entry) : undefined;
        if (message?.type !== MessageType.Run) continue;
        steps.set(message.name ?? "", (steps.get(message.name ?? "") ?? 0) + 1);
      }
      for (const [name, count] of steps) {
        const used = keys.get(`${account.id} ${JSON.stringify(name)}`) ?? 0;
        this.#judge.holds(
          "EXT-1",
          used <= count,
          () =>
            `step ${JSON.stringify(name)} of ${account.id} is recorded ${count} times and was given ${used} keys`,
        );
      }
    }
  }
}
