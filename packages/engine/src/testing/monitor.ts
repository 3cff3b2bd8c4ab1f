/**
 * Watches a partition from outside and holds it to what it promises, record by record. It keeps its own account of what
 * the records said, and compares the tables and effects with that.
 */
import { decodeMessage, isNotificationType, MessageType } from "@holdfast/protocol";

import { assert } from "../assert.ts";
import { checkTables } from "../check/check-tables.ts";
import type { Effect } from "../effect.ts";
import type { Applied } from "../partition/apply.ts";
import type { LogRecord } from "../record.ts";
import type { Invocation, JournalEntry } from "../tables/rows.ts";
import { objectKey, type Tables } from "../tables/tables.ts";
import { describeOutcome, describeResult, describeValue } from "./describe.ts";

const LOCKED = new Set(["running", "backing-off", "suspended", "paused"]);

/** What is known of an invocation from the records so far. */
type Account = {
  status: string;
  attempt: number;
  result: string | undefined;
  journalLength: number;
  readonly completions: Set<number>;
  readonly signals: Set<number>;
  readonly named: Map<string, number>;
};

/** What a running attempt was told, in order. */
type Session = { readonly attempt: number; readonly knownEntries: number; readonly told: string[] };

export class Monitor {
  #tables: Tables;
  readonly #accounts = new Map<string, Account>();
  readonly #sessions = new Map<string, Session>();
  /** Who waits for an object's lock, in the order they came. */
  readonly #queues = new Map<string, string[]>();
  readonly #states = new Map<string, Map<string, string>>();
  readonly #promises = new Map<string, string>();
  #now = 0;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  /** Another instance took over: the sessions are gone, everything else must be as it was. */
  restarted(tables: Tables): void {
    this.#tables = tables;
    this.#sessions.clear();
  }

  check(record: LogRecord, applied: Applied, armedTimers: ReadonlySet<string>): void {
    const { meta, invocations } = this.#tables;
    assert(meta.now >= this.#now, `the partition's clock went back from ${this.#now} to ${meta.now}`);
    this.#now = meta.now;
    this.#checkFence(record, applied);
    const completed = new Set<string>();
    for (const effect of applied.effects) {
      this.#followEffect(effect);
      if (effect.kind === "completed") completed.add(effect.id);
    }
    const rows = new Map(invocations.all());
    this.#followState(record, applied, rows);
    // Several may have been queued by one record: in the order of their places.
    const inOrder = [...rows.values()].sort((a, b) => a.inboxSeq - b.inboxSeq);
    for (const row of inOrder) this.#followRow(row, record);
    for (const [id, account] of this.#accounts) {
      if (!rows.has(id)) this.#forget(id, account, completed);
    }
    this.#checkLocks(rows);
    this.#checkPromises();
    this.#checkLive(rows);
    const { problems } = checkTables(this.#tables);
    assert(problems.length === 0, describeValue(problems));
    const timers = new Set([...this.#tables.timers.all()].map(([key]) => key));
    assert(timers.size === armedTimers.size, `${timers.size} timers, and ${armedTimers.size} are armed`);
    for (const key of timers) assert(armedTimers.has(key), `timer ${key} is not armed`);
  }

  /** INV-6: what is not from the running attempt changes nothing. */
  #checkFence({ body }: LogRecord, { outcome, effects }: Applied): void {
    if (body.kind !== "attempt-messages" && body.kind !== "attempt-lost") return;
    const account = this.#accounts.get(body.id);
    if (account?.status === "running" && account.attempt === body.attempt) return;
    assert(!outcome.ok, `accepted from attempt ${body.attempt} of ${body.id}: ${describeOutcome(outcome)}`);
    assert(effects.length === 0, `a refused record of ${body.id} has effects`);
  }

  // -- sessions: what an attempt was told is what a replay would tell it (INV-10) ---------------------------------------

  #followEffect(effect: Effect): void {
    switch (effect.kind) {
      case "start-attempt": {
        const { knownEntries } = effect.start;
        this.#sessions.set(effect.id, { attempt: effect.attempt, knownEntries, told: [] });
        return;
      }
      case "deliver": {
        // Unknown: begun before a restart, and not yet given up.
        const session = this.#sessions.get(effect.id);
        const isNewest = session === undefined || session.attempt === effect.attempt;
        assert(isNewest, `delivered to attempt ${effect.attempt} of ${effect.id}`);
        session?.told.push(nameOf(effect.entry));
        return;
      }
      case "ack-run": {
        const name = `completion ${effect.completionId}`;
        const told = this.#sessionOf(effect)?.told;
        const isRepeated = this.#accounts.get(effect.id)?.completions.has(effect.completionId) === true;
        if (told !== undefined && !told.includes(name) && !isRepeated) told.push(name);
        return;
      }
      default:
    }
  }

  #sessionOf(effect: { readonly id: string; readonly attempt: number }): Session | undefined {
    const session = this.#sessions.get(effect.id);
    return session?.attempt === effect.attempt ? session : undefined;
  }

  #checkSession(row: Readonly<Invocation>): void {
    const session = this.#sessions.get(row.id);
    if (session === undefined || row.status !== "running") return;
    assert(session.attempt === row.attempt, `${row.id} runs ${row.attempt}, last started ${session.attempt}`);
    const later = this.#tables.journal(row).slice(session.knownEntries);
    const expected = later.filter(({ type }) => isNotificationType(type)).map(nameOf);
    assert(
      describeValue(expected) === describeValue(session.told),
      `${row.id}#${row.attempt} was told ${describeValue(session.told)}, a replay tells ${describeValue(expected)}`,
    );
  }

  // -- invocations -----------------------------------------------------------------------------------------------------

  #followRow(row: Readonly<Invocation>, record: LogRecord): void {
    const account = this.#accounts.get(row.id) ?? newAccount();
    const isNew = !this.#accounts.has(row.id);
    this.#accounts.set(row.id, account);
    if (account.status === "completed") this.#checkStaysCompleted(row, account);
    assert(
      row.attempt >= account.attempt,
      `${row.id} went from attempt ${account.attempt} to ${row.attempt}`,
    );
    if (row.journalLength > account.journalLength) this.#followJournal(row, account);
    this.#followQueue(row, account);
    account.status = row.status;
    account.attempt = row.attempt;
    account.result = row.result === undefined ? undefined : describeResult(row.result);
    account.journalLength = row.journalLength;
    if (row.status === "suspended") checkAwaiting(row, account);
    this.#checkSession(row);
    assert(!isNew || row.journalLength > 0, `${row.id} began without an input in ${record.body.kind}`);
    const entryBytes = this.#tables.journal(row).reduce((sum, entry) => sum + entry.body.length + 16, 0);
    assert(entryBytes === row.journalBytes, `${row.id} counts ${row.journalBytes} bytes, has ${entryBytes}`);
  }

  /** INV-2, CAN-2, CAN-3: one outcome, and nothing after it. */
  #checkStaysCompleted(row: Readonly<Invocation>, account: Account): void {
    assert(row.status === "completed", `${row.id} had completed and is ${row.status}`);
    const result = row.result === undefined ? undefined : describeResult(row.result);
    assert(result === account.result, `${row.id} changed its outcome from ${account.result} to ${result}`);
    const grew = row.journalLength > account.journalLength;
    assert(!grew, `${row.id} has completed, and its journal grew`);
  }

  /** INV-4, SIG-1: one completion for an id, one outcome for an awakeable; a call's is its callee's. */
  #followJournal(row: Readonly<Invocation>, account: Account): void {
    const journal = this.#tables.journal(row);
    for (const entry of journal.slice(account.journalLength)) {
      if (!isNotificationType(entry.type)) continue;
      const message = decodeMessage(entry.type, entry.body);
      if (message.type === MessageType.Signal) {
        if (message.index !== undefined && message.index > 16) {
          assert(!account.signals.has(message.index), `${row.id} has signal ${message.index} twice`);
        }
        if (message.index !== undefined) account.signals.add(message.index);
        else if (message.signalName !== undefined) {
          account.named.set(message.signalName, (account.named.get(message.signalName) ?? 0) + 1);
        }
      } else if ("completionId" in message) {
        const { completionId } = message;
        assert(!account.completions.has(completionId), `${row.id} has completion ${completionId} twice`);
        account.completions.add(completionId);
        this.#checkCause(row, entry);
      }
    }
  }

  /** Every waiter sees the outcome that is recorded. */
  #checkCause(row: Readonly<Invocation>, entry: JournalEntry): void {
    const message = decodeMessage(entry.type, entry.body);
    const cause = this.#tables.invocations.get(entry.cause)?.result;
    if (cause === undefined || !("result" in message)) return;
    const seen = describeResult(message.result);
    assert(seen === describeResult(cause), `${row.id} was told ${seen} of ${entry.cause}`);
  }

  #forget(id: string, account: Account, completed: ReadonlySet<string>): void {
    const had = account.status === "completed" || completed.has(id);
    assert(had, `${id} is gone and was ${account.status}`);
    this.#accounts.delete(id);
    for (const queue of this.#queues.values()) if (queue.includes(id)) queue.splice(queue.indexOf(id), 1);
  }

  // -- objects ---------------------------------------------------------------------------------------------------------

  /** KEY-2: who came first starts first. */
  #followQueue(row: Readonly<Invocation>, account: Account): void {
    if (row.target.kind !== "exclusive") return;
    const key = objectKey(row.target.service, row.target.key);
    const queue = this.#queues.get(key) ?? [];
    this.#queues.set(key, queue);
    const place = queue.indexOf(row.id);
    if (row.status === "queued" && place < 0) queue.push(row.id);
    if (row.status !== "queued" && place >= 0) {
      if (row.status !== "completed") {
        const before = queue.slice(0, place);
        const skipped = before.filter((id) => this.#tables.invocations.get(id)?.status === "queued");
        assert(skipped.length === 0, `${row.id} started before ${skipped.join(", ")}`);
      }
      queue.splice(place, 1);
    }
    assert(account.status !== "running" || row.status !== "queued", `${row.id} ran and is queued again`);
  }

  /** KEY-1, KEY-5: whoever is between its start and its end holds the lock, and nobody else. */
  #checkLocks(rows: ReadonlyMap<string, Readonly<Invocation>>): void {
    for (const row of rows.values()) {
      if (row.target.kind !== "exclusive") continue;
      const holder = this.#tables.objects.get(objectKey(row.target.service, row.target.key))?.holder;
      const holds = holder === row.id;
      assert(LOCKED.has(row.status) === holds, `${row.id} is ${row.status}, the lock is held by ${holder}`);
    }
  }

  /** KEY-4: the state is the fold of the writes that were recorded. */
  #followState(record: LogRecord, applied: Applied, rows: ReadonlyMap<string, Readonly<Invocation>>): void {
    const { body } = record;
    if (body.kind === "patch-state" && applied.outcome.ok) {
      const entries = body.entries.map(([name, value]) => [name, describeValue(value)] as const);
      this.#states.set(objectKey(body.service, body.key), new Map(entries));
    }
    for (const row of rows.values()) {
      const known = this.#accounts.get(row.id)?.journalLength ?? 0;
      if (row.journalLength <= known) continue;
      for (const entry of this.#tables.journal(row).slice(known)) this.#followWrite(row, entry);
    }
    for (const [key, object] of this.#tables.objects.all()) {
      const expected = [...(this.#states.get(key) ?? [])].sort(byName);
      const present = [...object.state].map(([name, value]) => [name, describeValue(value)] as const);
      const seen = describeValue(present.sort(byName));
      assert(describeValue(expected) === seen, `state of ${key}: ${seen}, not ${describeValue(expected)}`);
      const bytes = [...object.state].reduce((sum, [name, value]) => sum + name.length + value.length, 0);
      assert(bytes === object.stateBytes, `state of ${key} counts ${object.stateBytes} bytes, has ${bytes}`);
    }
    for (const key of this.#states.keys()) {
      if (this.#tables.objects.get(key) === undefined) this.#states.delete(key);
    }
  }

  #followWrite(row: Readonly<Invocation>, entry: JournalEntry): void {
    // Entries of attempt 0 were copied from another journal: their writes were made then.
    if (isNotificationType(entry.type) || entry.attempt === 0) return;
    const key = objectKey(row.target.service, row.target.key);
    const state = this.#states.get(key) ?? new Map<string, string>();
    this.#states.set(key, state);
    const message = decodeMessage(entry.type, entry.body);
    if (message.type === MessageType.SetState) state.set(message.key, describeValue(message.value));
    else if (message.type === MessageType.ClearState) state.delete(message.key);
    else if (message.type === MessageType.ClearAllState) state.clear();
  }

  /** SIG-1: the first outcome of a promise stays. */
  #checkPromises(): void {
    const present = new Set<string>();
    for (const [key, object] of this.#tables.objects.all()) {
      for (const [name, { result }] of object.promises) {
        const promise = `${key}/${name}`;
        present.add(promise);
        const known = this.#promises.get(promise);
        const now = result === undefined ? undefined : describeResult(result);
        assert(known === undefined || known === now, `promise ${promise} went from ${known} to ${now}`);
        if (now !== undefined) this.#promises.set(promise, now);
      }
    }
    for (const promise of this.#promises.keys()) if (!present.has(promise)) this.#promises.delete(promise);
  }

  #checkLive(rows: ReadonlyMap<string, Readonly<Invocation>>): void {
    const live = new Map<string, number>();
    for (const { deployment, status } of rows.values()) {
      if (deployment === undefined || status === "completed") continue;
      live.set(deployment, (live.get(deployment) ?? 0) + 1);
    }
    for (const [id, row] of this.#tables.deployments.all()) {
      const expected = live.get(id) ?? 0;
      assert(row.live === expected, `deployment ${id} counts ${row.live} live invocations, has ${expected}`);
    }
  }
}

function newAccount(): Account {
  return {
    status: "",
    attempt: 0,
    result: undefined,
    journalLength: 0,
    completions: new Set(),
    signals: new Set(),
    named: new Map(),
  };
}

/** INV-9: nothing that a suspended invocation waits for has arrived. */
function checkAwaiting(row: Readonly<Invocation>, account: Account): void {
  const { completions = [], signals = [], namedSignals = [] } = row.awaiting ?? {};
  const arrived = [
    ...completions.filter((id) => account.completions.has(id)).map((id) => `completion ${id}`),
    ...signals.filter((index) => index > 16 && account.signals.has(index)).map((index) => `signal ${index}`),
    ...namedSignals
      .filter(([name, consumed]) => (account.named.get(name) ?? 0) > consumed)
      .map(([name]) => name),
  ];
  assert(arrived.length === 0, `${row.id} is suspended although it has ${arrived.join(", ")}`);
}

/** A notification, as short as it can be told apart. */
function nameOf(entry: JournalEntry): string {
  const message = decodeMessage(entry.type, entry.body);
  if (message.type === MessageType.Signal) return `signal ${message.index ?? message.signalName ?? ""}`;
  return "completionId" in message ? `completion ${message.completionId}` : "";
}

function byName(a: readonly [string, string], b: readonly [string, string]): number {
  return a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0;
}
