/** Waiting and being told: INV-9 (no lost wakeup), INV-10 (the order is the journal's, also in a replay). */
import { CANCEL_SIGNAL, MessageType, type SuspensionMessage } from "@holdfast/protocol";

import type { Account, DurableFold, Step } from "./durable-fold.ts";
import { endOf, nameOf, notificationNames, notificationOf } from "./entries.ts";
import type { Judge, Monitor, RestFacts } from "./monitor.ts";
import type { EventOf, WorldEvent } from "./world-event.ts";

/** Signals below the first awakeable's are the engine's own: cancel can be there from before. */
const RESERVED_SIGNALS_MAX = 16;

/** What the newest attempt's handler has seen. */
type Session = {
  readonly attempt: number;
  readonly knownEntries: number;
  readonly told: string[];
  /** Completions among them. */
  readonly completions: Set<string>;
};

type Awaiting = Pick<SuspensionMessage, "completions" | "signals" | "namedSignals">;

/** Which notifications a journal holds, by name, and how often. */
type Arrived = { readonly account: Account; readonly counts: Map<string, number>; read: number };

export class NotificationMonitor implements Monitor {
  readonly ids = ["INV-9", "INV-10"];
  readonly #judge: Judge;
  readonly #fold: DurableFold;
  readonly #sessions = new Map<string, Session>();
  readonly #arrived = new Map<string, Arrived>();

  constructor(judge: Judge, fold: DurableFold) {
    this.#judge = judge;
    this.#fold = fold;
  }

  follow(step: Step): void {
    for (const { id } of step.created) this.#sessions.delete(id);
    this.#checkWakeUp(step);
    for (const id of step.touched) {
      const account = this.#fold.account(id);
      if (account !== undefined && !account.isRemoved) this.#checkAwaiting(account);
    }
  }

  /** Nothing that a suspended invocation waits for is in its journal: not at the suspension, and not later. */
  #checkAwaiting(account: Account): void {
    const row = this.#fold.tables.invocations.get(account.id);
    if (row?.status !== "suspended") return;
    const there = this.#arrivedOf(account, row.awaiting ?? {}, row.attempt);
    this.#judge.holds("INV-9", there.length === 0 && row.awaiting !== undefined, () =>
      row.awaiting === undefined
        ? `${account.id} is suspended and waits for nothing`
        : `${account.id} is suspended for ${there.join(", ")}, which it has`,
    );
  }

  /** A handler that suspends goes on at once only where something that it waits for is there: it would wait in circles. */
  #checkWakeUp({ record: { body }, effects }: Step): void {
    const end = body.kind === "attempt-messages" ? endOf(body) : undefined;
    if (body.kind !== "attempt-messages" || end?.type !== MessageType.Suspension) return;
    const account = this.#fold.account(body.id);
    const goesOn = effects.some((effect) => effect.kind === "start-attempt" && effect.id === body.id);
    if (account === undefined || !goesOn) return;
    // What a handler never asked for will not come: its word for it is passed over.
    const row = this.#fold.tables.invocations.get(account.id);
    if (end.completions.some((id) => row?.open.has(id) !== true)) return;
    this.#judge.holds(
      "INV-9",
      this.#arrivedOf(account, end, body.attempt).length > 0,
      () => `attempt ${body.attempt} of ${account.id} suspends, and goes on with nothing that it waits for`,
    );
  }

  /** What of the things that an attempt waits for is in the journal. */
  #arrivedOf(account: Account, awaiting: Partial<Awaiting>, attempt: number): string[] {
    const counts = this.#read(account);
    const { completions = [], signals = [], namedSignals = [] } = awaiting;
    const names = [
      ...completions.map((id) => `completion ${id}`),
      ...signals.filter((index) => index > RESERVED_SIGNALS_MAX).map((index) => `signal ${index}`),
    ];
    const there = names.filter((name) => counts.has(name));
    for (const [name, consumed] of namedSignals) {
      if ((counts.get(`signal ${name}`) ?? 0) > consumed) there.push(`signal ${name}`);
    }
    // A cancel that came before the attempt was in the journal that it began with.
    if (signals.includes(CANCEL_SIGNAL) && hasCancel(account, attempt)) there.push("cancel");
    return there;
  }

  #read(account: Account): ReadonlyMap<string, number> {
    let known = this.#arrived.get(account.id);
    if (known === undefined || known.account !== account) {
      known = { account, counts: new Map(), read: 0 };
      this.#arrived.set(account.id, known);
    }
    for (; known.read < account.entries.length; known.read++) {
      const entry = account.entries[known.read];
      const notification = entry === undefined ? undefined : notificationOf(entry);
      if (notification === undefined) continue;
      const name = nameOf(notification);
      known.counts.set(name, (known.counts.get(name) ?? 0) + 1);
    }
    return known.counts;
  }

  observe(event: WorldEvent): void {
    switch (event.kind) {
      case "attempt-started":
        this.#checkReplay(event);
        return;
      case "delivered": {
        const notification = notificationOf(event.entry);
        if (notification !== undefined) this.#tell(event, nameOf(notification));
        return;
      }
      case "run-acked":
        this.#tell(event, `completion ${event.completionId}`);
        return;
      default:
    }
  }

  #tell({ invocation, attempt }: EventOf<"delivered" | "run-acked">, name: string): void {
    const session = this.#sessions.get(invocation);
    if (session?.attempt !== attempt) return;
    // A step's result that is proposed twice is acknowledged twice, and takes its place once.
    if (session.completions.has(name)) return;
    if (name.startsWith("completion")) session.completions.add(name);
    session.told.push(name);
  }

  /** What the attempt before was told comes again, in the same order and from the same place on. */
  #checkReplay({ invocation, attempt, knownEntries, journal }: EventOf<"attempt-started">): void {
    const before = this.#sessions.get(invocation);
    this.#sessions.set(invocation, { attempt, knownEntries, told: [], completions: new Set() });
    if (before === undefined || before.attempt >= attempt) return;
    const replayed = notificationNames(journal.slice(before.knownEntries));
    // What is missing is INV-4's business; what is there must be in order.
    const present = new Set(replayed);
    const told = before.told.filter((name) => present.has(name));
    this.#judge.holds(
      "INV-10",
      told.every((name, index) => replayed[index] === name),
      () =>
        `attempt ${before.attempt} of ${invocation} was told ${told.join(", ")}, and attempt ${attempt} is told ${replayed.join(", ")}`,
    );
  }

  atRest({ tables }: RestFacts): void {
    for (const [, row] of tables.invocations.all()) {
      const account = row.status === "suspended" ? this.#fold.account(row.id) : undefined;
      if (account !== undefined) this.#checkAwaiting(account);
    }
  }
}

function hasCancel({ entries }: Account, attempt: number): boolean {
  return entries.some((entry) => {
    const signal = entry.attempt === attempt ? notificationOf(entry) : undefined;
    return signal?.type === MessageType.Signal && signal.index === CANCEL_SIGNAL;
  });
}
