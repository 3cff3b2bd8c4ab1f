/**
 * The partition as it follows from what is durable: a second instance of the fold that is fed each batch once it can no
 * longer be taken back, and never anything else. So it is also the replay of the whole log from zero, and whatever leaves the
 * engine must follow from a record that this one has applied.
 */
import {
  Partition,
  Tables,
  type Applied,
  type Effect,
  type LogRecord,
  type Outcome,
  type RecordBody,
} from "@holdfast/engine";
import type { InvocationSource, JournalEntry, SessionMessage, Target } from "@holdfast/engine";
import { MemoryRows } from "@holdfast/engine/testing";
import { decodeMessage, isCommandType, MessageType, parseAwakeableId, type Result } from "@holdfast/protocol";

/** What applies records. A test may pass one that is wrong in some way. */
export interface RecordFold {
  readonly tables: Tables;
  apply(record: LogRecord): Applied;
}

/** What is known of an invocation from its creation on, also when its row is gone. */
export type Account = {
  readonly id: string;
  readonly target: Target;
  readonly source: InvocationSource;
  readonly idempotencyKey: string | undefined;
  /** Position of the batch that created it. */
  readonly createdIn: number;
  /** The whole journal, also when retention removed it. */
  readonly entries: JournalEntry[];
  /** Newest attempt that the log says was started. */
  attempt: number;
  outcome: { readonly result: Result; readonly position: number; readonly at: number } | undefined;
  isRemoved: boolean;
};

/** One durable record, and what it came to. */
export type Step = {
  readonly position: number;
  readonly record: LogRecord;
  /** The partition's clock: never goes back. Epoch milliseconds. */
  readonly now: number;
  readonly outcome: Outcome;
  readonly effects: readonly Effect[];
  /** Invocations that the record names or has effects on, in the order in which it does. May name some that do not exist. */
  readonly touched: readonly string[];
  readonly created: readonly Account[];
  readonly removed: readonly Account[];
  /** Entries that were appended to the journals of those touched, since they were last looked at. */
  readonly appended: ReadonlyArray<{ readonly account: Account; readonly entry: JournalEntry }>;
  /** The batch became durable while its engine ran, which therefore acts on it. Found by a recovery otherwise. */
  readonly isLive: boolean;
};

const TAKING_ID: ReadonlySet<number> = new Set([
  MessageType.Call,
  MessageType.OneWayCall,
  MessageType.AttachInvocation,
  MessageType.GetInvocationOutput,
]);
const NAMING: ReadonlySet<number> = new Set([
  MessageType.SendSignal,
  MessageType.Reschedule,
  MessageType.CompleteAwakeable,
]);

export class DurableFold {
  readonly #partition: RecordFold;
  readonly #accounts = new Map<string, Account>();

  constructor(partition: RecordFold = new Partition(new Tables(new MemoryRows()))) {
    this.#partition = partition;
  }

  get tables(): Tables {
    return this.#partition.tables;
  }

  account(id: string): Account | undefined {
    return this.#accounts.get(id);
  }

  accounts(): IterableIterator<Account> {
    return this.#accounts.values();
  }

  apply(record: LogRecord, position: number, isLive: boolean): Step {
    const before = this.#namedBefore(record);
    const deployment =
      "id" in record.body ? this.tables.invocations.get(record.body.id)?.deployment : undefined;
    const { outcome, effects } = this.#partition.apply(record);
    const touched = [...new Set([...before, ...namedAfter(record, outcome, effects)])];
    const created: Account[] = [];
    const removed: Account[] = [];
    const appended: Array<{ readonly account: Account; readonly entry: JournalEntry }> = [];
    const now = this.tables.meta.now;
    for (const id of touched) {
      const account = this.#follow(id, position, created, removed);
      if (account !== undefined) this.#readJournal(account, appended);
    }
    for (const effect of effects) {
      this.#followEffect(effect, position, now);
      if (effect.kind === "completed") this.#readUnkept(record, effect.id, deployment ?? "", appended);
    }
    return { position, record, now, outcome, effects, touched, created, removed, appended, isLive };
  }

  /** Whom a record concerns can be told of some only before it is applied. */
  #namedBefore({ body }: LogRecord): string[] {
    if (body.kind === "timers-fired") {
      const ids = body.keys.map((key) => this.tables.timers.get(key)?.id);
      return ids.filter((id) => id !== undefined);
    }
    if (body.kind === "attempt-messages") {
      const ids = [...body.childIds];
      return [body.id, ...body.messages.flatMap((sent) => this.#addressedBy(sent, ids))];
    }
    const mayCancel = body.kind === "cancel" || body.kind === "kill" || body.kind === "signal";
    return mayCancel ? this.treeOf(body.id) : [];
  }

  /** Whom a handler's message concerns beside itself. Messages that name an invocation by what it is take the next id. */
  #addressedBy({ type, body, message }: SessionMessage, ids: string[]): string[] {
    if (TAKING_ID.has(type)) {
      const id = ids.shift();
      return id === undefined ? [] : [id];
    }
    if (!NAMING.has(type)) return [];
    const command = message ?? decodeMessage(type, body);
    switch (command.type) {
      case MessageType.SendSignal:
        // It may be a cancel, which goes on to the callees.
        return this.treeOf(command.target);
      case MessageType.Reschedule:
        return [command.target];
      case MessageType.CompleteAwakeable: {
        const awakeable = parseAwakeableId(command.awakeableId);
        return awakeable === undefined ? [] : [awakeable.invocationId];
      }
      default:
        return [];
    }
  }

  /** An invocation and the callees that it waits for, theirs included. */
  treeOf(root: string): string[] {
    const ids = new Set([root]);
    for (const id of ids) {
      for (const { kind, detail } of this.tables.invocations.get(id)?.open.values() ?? []) {
        if (kind === "call") ids.add(detail);
      }
    }
    return [...ids];
  }

  #follow(id: string, position: number, created: Account[], removed: Account[]): Account | undefined {
    const row = this.tables.invocations.get(id);
    const known = this.#accounts.get(id);
    if (row === undefined) {
      if (known !== undefined && !known.isRemoved) {
        known.isRemoved = true;
        removed.push(known);
      }
      return undefined;
    }
    // The id of one that is gone may come again: it follows from an idempotency key or a workflow's key.
    if (known !== undefined && !known.isRemoved) return known;
    const { target, source, idempotencyKey } = row;
    const account: Account = {
      id,
      target,
      source,
      idempotencyKey,
      createdIn: position,
      entries: [],
      attempt: 0,
      outcome: undefined,
      isRemoved: false,
    };
    this.#accounts.set(id, account);
    created.push(account);
    return account;
  }

  #readJournal(
    account: Account,
    appended: Array<{ readonly account: Account; readonly entry: JournalEntry }>,
  ): void {
    const row = this.tables.invocations.get(account.id);
    if (row === undefined || row.journalLength <= account.entries.length) return;
    // No checkpoint is ever taken of these tables: the whole journal is in the row.
    for (let place = account.entries.length; place < row.tail.length; place++) {
      const entry = row.tail[place] as JournalEntry;
      account.entries.push(entry);
      appended.push({ account, entry });
    }
  }

  /** Where nothing is kept, the last commands are gone in the record that brings them, and have taken effect all the same. */
  #readUnkept(
    { body, at }: LogRecord,
    id: string,
    deployment: string,
    appended: Array<{ readonly account: Account; readonly entry: JournalEntry }>,
  ): void {
    const account = this.#accounts.get(id);
    if (body.kind !== "attempt-messages" || body.id !== id || account === undefined) return;
    if ((this.tables.invocations.get(id)?.journalLength ?? 0) > 0) return;
    for (const { type, body: bytes } of body.messages) {
      if (!isCommandType(type)) continue;
      const entry = { type, body: bytes, at, attempt: body.attempt, deployment, cause: "" };
      account.entries.push(entry);
      appended.push({ account, entry });
    }
  }

  #followEffect(effect: Effect, position: number, at: number): void {
    if (effect.kind === "start-attempt") {
      const account = this.#accounts.get(effect.id);
      if (account !== undefined) account.attempt = effect.attempt;
    } else if (effect.kind === "completed") {
      const account = this.#accounts.get(effect.id);
      if (account !== undefined) account.outcome ??= { result: effect.result, position, at };
    }
  }
}

/** Its id, if it has one, is a deployment's. */
function isOfDeployment({ kind }: RecordBody): boolean {
  return kind.endsWith("-deployment");
}

function namedAfter({ body }: LogRecord, outcome: Outcome, effects: readonly Effect[]): string[] {
  const ids: string[] = [];
  if (body.kind === "expire") ids.push(...body.ids);
  else if (body.kind === "restart") ids.push(body.newId);
  else if (!isOfDeployment(body) && "id" in body) ids.push(body.id);
  if (body.kind === "invoke" && outcome.ok && outcome.detail?.id !== undefined) ids.push(outcome.detail.id);
  for (const effect of effects) if ("id" in effect) ids.push(effect.id);
  return ids;
}
