/**
 * State of objects and workflows: KEY-3 (what a handler reads), KEY-4 (what the tables hold), both against a fold of its own
 * over the writes that are recorded.
 */
import { objectKey, splitObjectKey, type JournalEntry, type Tables } from "@holdfast/engine";
import { MessageType, type CompletionNotification } from "@holdfast/protocol";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import { isSameBytes, messageOf } from "./entries.ts";
import type { Judge, Monitor, RestFacts } from "./monitor.ts";
import type { WorldEvent } from "./world-event.ts";

type State = ReadonlyMap<string, Uint8Array>;

const EMPTY: State = new Map();

export class StateMonitor implements Monitor {
  readonly ids = ["KEY-3", "KEY-4"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  /** Never changed in place: whoever reads keeps the one that it began with. */
  readonly #states = new Map<string, State>();
  /** What the newest attempt of an invocation was started with. */
  readonly #startedWith = new Map<string, State>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  follow({ record: { body }, outcome, appended, effects, removed }: Step): void {
    const written = new Set<string>();
    if (body.kind === "patch-state" && outcome.ok) {
      const key = objectKey(body.service, body.key);
      this.#states.set(key, new Map(body.entries));
      written.add(key);
    }
    for (const { account, entry } of appended) this.#followEntry(account, entry, written);
    // With a workflow's run goes its state.
    for (const { target } of removed) {
      if (target.kind === "run") this.#states.delete(objectKey(target.service, target.key));
    }
    for (const key of written) this.#checkTable(key, this.#fold.tables, "the fold");
    for (const effect of effects) {
      const account = effect.kind === "start-attempt" ? this.#fold.account(effect.id) : undefined;
      if (account !== undefined) this.#startedWith.set(account.id, this.#stateOf(account));
    }
  }

  #stateOf({ target }: Account): State {
    return this.#states.get(objectKey(target.service, target.key)) ?? EMPTY;
  }

  #followEntry(account: Account, entry: JournalEntry, written: Set<string>): void {
    // Entries of attempt 0 were copied from another journal: what they did was done then.
    if (entry.attempt === 0) return;
    const message = messageOf(entry);
    const key = objectKey(account.target.service, account.target.key);
    switch (message.type) {
      case MessageType.SetState:
        this.#states.set(key, new Map([...this.#stateOf(account), [message.key, message.value]]));
        written.add(key);
        return;
      case MessageType.ClearState:
        this.#states.set(key, new Map([...this.#stateOf(account)].filter(([name]) => name !== message.key)));
        written.add(key);
        return;
      case MessageType.ClearAllState:
        this.#states.set(key, EMPTY);
        written.add(key);
        return;
      case MessageType.GetEagerState:
        this.#checkRead(account, message.key, message.value);
        return;
      case MessageType.GetLazyStateCompletion:
        this.#checkLazyRead(account, message);
        return;
      default:
    }
  }

  /** Answered by the SDK: a handler that may write sees what is recorded, any other what there was when its attempt began. */
  #checkRead(account: Account, name: string, seen: Uint8Array | undefined): void {
    const { target } = account;
    const isWriter = target.kind === "exclusive" || target.kind === "run";
    const state = isWriter ? this.#stateOf(account) : (this.#startedWith.get(account.id) ?? EMPTY);
    this.#holdsRead(account, name, seen, state.get(name));
  }

  /** Answered by the engine, of what is recorded at that moment. */
  #checkLazyRead(account: Account, { completionId, result }: CompletionNotification): void {
    // It is answered at once, so that it stands right behind its command.
    const asked = account.entries.findLast(({ type }) => type === MessageType.GetLazyState);
    const command = asked === undefined ? undefined : messageOf(asked);
    if (command?.type !== MessageType.GetLazyState || command.completionId !== completionId) return;
    const seen = result.kind === "value" ? result.value : undefined;
    this.#holdsRead(account, command.key, seen, this.#stateOf(account).get(command.key));
  }

  #holdsRead(
    { id, target }: Account,
    name: string,
    seen: Uint8Array | undefined,
    expected: Uint8Array | undefined,
  ): void {
    this.#judge.holds(
      "KEY-3",
      isSame(expected, seen),
      () =>
        `${id} read ${show(seen)} as ${name} of ${target.service}/${target.key}, which is ${show(expected)}`,
    );
  }

  observe(event: WorldEvent): void {
    if (event.kind === "recovered") this.#checkAll(event.tables, `life ${event.life}`);
  }

  atRest({ tables }: RestFacts): void {
    this.#checkAll(tables, "the engine at rest");
  }

  #checkAll(tables: Tables, who: string): void {
    for (const key of this.#states.keys()) this.#checkTable(key, tables, who);
    for (const [key] of tables.objects.all()) if (!this.#states.has(key)) this.#checkTable(key, tables, who);
  }

  #checkTable(key: string, tables: Tables, who: string): void {
    const expected = this.#states.get(key) ?? EMPTY;
    const present: State = tables.objects.get(key)?.state ?? EMPTY;
    const names = new Set([...expected.keys(), ...present.keys()]);
    const wrong = [...names].find((name) => !isSame(expected.get(name), present.get(name)));
    this.#judge.holds("KEY-4", wrong === undefined, () => {
      const { service, key: object } = splitObjectKey(key);
      const name = wrong ?? "";
      return `${who} has ${show(present.get(name))} as ${name} of ${service}/${object}; ${show(expected.get(name))} was recorded`;
    });
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : isSameBytes(a, b);
}

function show(value: Uint8Array | undefined): string {
  return value === undefined ? "nothing" : JSON.stringify(new TextDecoder().decode(value));
}
