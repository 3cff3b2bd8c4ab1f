/** The lock of an object's key: KEY-1 (one at a time), KEY-2 (first come, first served), KEY-5 (always released). */
import { splitObjectKey, type Tables } from "@holdfast/engine";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import type { Judge, Monitor, RestFacts } from "./monitor.ts";
import type { WorldEvent } from "./world-event.ts";

/** One object, by what the log says of its exclusive invocations. */
type Lock = {
  /** Started and not ended. */
  holder: { readonly account: Account; readonly position: number } | undefined;
  /** Those that wait, in the order in which they came. */
  readonly queue: Set<Account>;
};

export class LockMonitor implements Monitor {
  readonly ids = ["KEY-1", "KEY-2", "KEY-5"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #locks = new Map<string, Lock>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  follow(step: Step): void {
    // The effect that starts the next stands before the one that tells of the end. Who was queued has none, and comes last.
    for (const effect of step.effects) {
      if (effect.kind === "completed") this.#end(effect.id, step);
      else if (effect.kind === "start-attempt") this.#start(effect.id, step);
    }
    for (const id of step.touched) this.#queue(id);
  }

  #lockOf({ target }: Account): Lock {
    const name = nameOf(target);
    let lock = this.#locks.get(name);
    if (lock === undefined) {
      lock = { holder: undefined, queue: new Set() };
      this.#locks.set(name, lock);
    }
    return lock;
  }

  #queue(id: string): void {
    const account = this.#fold.account(id);
    if (account?.target.kind !== "exclusive" || account.outcome !== undefined) return;
    if (this.#fold.tables.invocations.get(id)?.status !== "queued") return;
    const lock = this.#lockOf(account);
    if (lock.holder?.account !== account) lock.queue.add(account);
  }

  #start(id: string, { position }: Step): void {
    const account = this.#fold.account(id);
    if (account?.target.kind !== "exclusive") return;
    const lock = this.#lockOf(account);
    if (lock.holder?.account === account) return;
    const { holder } = lock;
    this.#judge.holds(
      "KEY-1",
      holder === undefined || holder.account.outcome !== undefined,
      () =>
        `${id} started at position ${position}, while ${holder?.account.id}, started at ${holder?.position}, holds ${nameOf(account.target)}`,
    );
    const ahead: string[] = [];
    for (const each of lock.queue) {
      if (each === account) break;
      if (each.outcome === undefined) ahead.push(each.id);
    }
    this.#judge.holds(
      "KEY-2",
      ahead.length === 0,
      () =>
        `${id} started at position ${position} before ${ahead.join(", ")}, which came first to ${nameOf(account.target)}`,
    );
    lock.queue.delete(account);
    lock.holder = { account, position };
  }

  #end(id: string, { position }: Step): void {
    const account = this.#fold.account(id);
    if (account?.target.kind !== "exclusive") return;
    const lock = this.#lockOf(account);
    lock.queue.delete(account);
    if (lock.holder?.account === account) lock.holder = undefined;
    const { service, key } = account.target;
    const row = this.#fold.tables.objects.get(`${service}\u0000${key}`);
    this.#judge.holds(
      "KEY-5",
      row?.holder !== id,
      () => `${id} ended at position ${position}, and holds ${nameOf(account.target)} still`,
    );
  }

  observe(event: WorldEvent): void {
    if (event.kind === "recovered") this.#checkTables(event.tables);
    if (event.kind !== "attempt-started") return;
    const account = this.#fold.account(event.invocation);
    if (account?.target.kind !== "exclusive") return;
    const holder = this.#lockOf(account).holder?.account;
    // Its attempt may leave the engine after its end, should it have been killed meanwhile.
    this.#judge.holds(
      "KEY-1",
      holder === account || account.outcome !== undefined,
      () =>
        `attempt ${event.attempt} of ${event.invocation} started, and ${holder?.id} holds ${nameOf(account.target)}`,
    );
  }

  /** Nobody who has ended holds a lock, and nobody waits for one that nobody holds. */
  #checkTables(tables: Tables): void {
    for (const [name, { holder, inboxLength }] of tables.objects.all()) {
      const account = holder === undefined ? undefined : this.#fold.account(holder);
      const { service, key } = splitObjectKey(name);
      this.#judge.holds(
        "KEY-5",
        holder === undefined
          ? inboxLength === 0
          : account !== undefined && account.outcome === undefined && !account.isRemoved,
        () =>
          holder === undefined
            ? `${inboxLength} wait for ${service}/${key}, which nobody holds`
            : `${service}/${key} is held by ${holder}, which has ended`,
      );
    }
  }

  atRest({ tables }: RestFacts): void {
    this.#checkTables(tables);
    for (const [name, { holder, queue }] of this.#locks) {
      this.#judge.holds(
        "KEY-2",
        queue.size === 0 || holder !== undefined,
        () => `${[...queue].map(({ id }) => id).join(", ")} wait for ${name} for ever: nobody holds it`,
      );
    }
  }
}

function nameOf({ service, key }: Account["target"]): string {
  return `${service}/${key}`;
}
