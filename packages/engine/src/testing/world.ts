/**
 * A partition with everything around it played by the test: log, checkpoint store, clock, timers. Everything that happens
 * is one record, encoded when it is applied, so that the world can end at any time and be raised again from the newest
 * checkpoint and the records behind it. Whenever that happens, the new instance must equal the one that went on.
 */
import {
  encodeMessage,
  MessageType,
  type RestateEndpoint,
  type Result,
  type ServiceManifest,
} from "@holdfast/protocol";

import { assert, must } from "../assert.ts";
import { BinaryWriter } from "../codec/binary.ts";
import { chunkKey } from "../codec/journal-codec.ts";
import { decodeRecords, encodeRecord } from "../codec/record-codec.ts";
import type { Effect, Outcome } from "../effect.ts";
import { hashBytes } from "../hash.ts";
import { defaultFoldSettings, type FoldSettings } from "../limits.ts";
import { Partition, type Applied } from "../partition/apply.ts";
import type { LogRecord, RecordBody } from "../record.ts";
import { Tables, timerDue } from "../tables/tables.ts";
import { Attempt } from "./attempt.ts";
import { describeEffect, describeFields, describeOutcome, describeResult, shortTimer } from "./describe.ts";
import { differences, dumpTables, type Dump } from "./dump.ts";
import { bytesOf, endpoint, parseAddress, runId, type Address } from "./handlers.ts";
import { MemoryRows } from "./memory-rows.ts";
import { Monitor } from "./monitor.ts";
import { Trace } from "./trace.ts";

export type WorldOptions = {
  readonly settings?: Partial<FoldSettings>;
  readonly services?: readonly ServiceManifest[];
  /** Writes down what each operation does. */
  readonly traced?: boolean;
  /** Checks the invariants after each record: yes, unless the test is about many. */
  readonly monitored?: boolean;
  /** Keeps every record, for `replayAll`. */
  readonly historic?: boolean;
  readonly watcher?: WorldWatcher;
};

/** Is told what happens. */
export interface WorldWatcher {
  applied(record: LogRecord, applied: Applied, tables: Tables): void;
  /** Another instance took over, which has applied every record that there was. */
  restarted?(tables: Tables): void;
}

export type InvokeOptions = {
  /** Its id; otherwise one is made up, or follows from what is called. */
  readonly as?: string;
  readonly input?: string;
  readonly idempotencyKey?: string;
  readonly delayMs?: number;
};

export type RegisterOptions = {
  readonly id?: string;
  readonly url?: string;
  readonly force?: boolean;
  readonly breaking?: boolean;
  readonly dryRun?: boolean;
  /** Its handlers are behind an SDK of Restate. */
  readonly restate?: RestateEndpoint;
};

/** A record as the log has it, and what applying it came to. */
type LoggedRecord = { readonly bytes: Uint8Array; readonly applied: string };

const EPOCH_START = 1_000_000;

export class World {
  /** The wall clock, which a test may also turn back. */
  now = EPOCH_START;
  readonly trace = new Trace();
  readonly #traced: boolean;
  readonly #writer = new BinaryWriter();
  readonly #rows = new MemoryRows();
  #partition: Partition;
  readonly #monitor: Monitor | undefined;
  readonly #watcher: WorldWatcher | undefined;
  /** Records since the newest committed checkpoint. */
  #log: LoggedRecord[] = [];
  /** Every record there was, where a test wants to replay them all. */
  readonly #history: LoggedRecord[] | undefined;
  /** How many records of the log a checkpoint in progress covers. */
  #covered: number | undefined;
  #timers = new Set<string>();
  #made = 0;
  readonly #completionIds = new Map<string, number>();

  constructor(options: WorldOptions = {}) {
    this.#traced = options.traced ?? false;
    this.#watcher = options.watcher;
    this.#partition = new Partition(new Tables(this.#rows));
    if (options.historic ?? false) this.#history = [];
    if (options.monitored ?? true) this.#monitor = new Monitor(this.tables);
    const settings: FoldSettings = { ...defaultFoldSettings, ...options.settings };
    this.apply({ kind: "engine-started", epoch: 1, settings });
    if (options.services !== undefined) this.register(options.services);
  }

  get tables(): Tables {
    return this.#partition.tables;
  }

  // -- records -------------------------------------------------------------------------------------------------------

  /** Appends a record to the log and applies it. */
  apply(body: RecordBody, operation: string = describeBody(body)): Applied {
    const record: LogRecord = { at: this.now, body };
    encodeRecord(this.#writer, record);
    const bytes = this.#writer.take();
    const before = this.#traced ? dumpTables(this.tables) : undefined;
    const applied = this.#partition.apply(record);
    const logged = { bytes, applied: describeApplied(applied) };
    this.#log.push(logged);
    this.#history?.push(logged);
    this.#forgetCompletionIds(record);
    for (const effect of applied.effects) this.#followTimers(effect);
    this.#monitor?.check(record, applied, this.#timers);
    this.#watcher?.applied(record, applied, this.tables);
    if (before !== undefined) {
      this.trace.operation(operation);
      this.trace.applied(applied, before, dumpTables(this.tables));
    }
    return applied;
  }

  /** As `apply`, of a record that must be accepted. */
  must(body: RecordBody, operation?: string): Outcome & { readonly ok: true } {
    const { outcome } = this.apply(body, operation);
    assert(outcome.ok, `${operation ?? describeBody(body)}: ${describeOutcome(outcome)}`);
    return outcome;
  }

  register(services: readonly ServiceManifest[], options: RegisterOptions = {}): Outcome {
    const id = options.id ?? `dp${this.#count()}`;
    const names = services.map(({ name }) => name).join(", ");
    return this.apply(
      {
        kind: "register-deployment",
        id,
        url: options.url ?? `http://${id}`,
        manifest: {
          ...endpoint(services),
          ...(options.restate === undefined ? {} : { restate: options.restate }),
        },
        metadata: {},
        headers: {},
        force: options.force ?? false,
        breaking: options.breaking ?? false,
        dryRun: options.dryRun ?? false,
      },
      `register ${id}: ${names}${options.url === undefined ? "" : ` at ${options.url}`}`,
    ).outcome;
  }

  /** Calls a handler from outside: "service/handler" or "service/key/handler". Returns the invocation's id. */
  invoke(address: string, options: InvokeOptions = {}): string {
    const outcome = this.tryInvoke(address, options);
    assert(outcome.ok, `invoke ${address}: ${describeOutcome(outcome)}`);
    return must(outcome.detail?.id, "invoke answers with an id");
  }

  tryInvoke(address: string, options: InvokeOptions = {}): Outcome {
    const { input = "", delayMs = 0, idempotencyKey, as } = options;
    const target = parseAddress(address);
    const id = as ?? this.idOf(target, idempotencyKey);
    const kind = this.tables.service(target.service)?.handlers.get(target.handler)?.kind ?? "plain";
    const parameter = bytesOf(input);
    return this.apply(
      {
        kind: "invoke",
        id,
        target: { ...target, kind },
        input: encodeMessage({ type: MessageType.Input, headers: [], value: parameter }),
        inputHash: hashBytes(parameter),
        idempotencyKey,
        startAt: delayMs === 0 ? 0 : this.now + delayMs,
        source: { kind: "ingress", id: "" },
      },
      `invoke ${address} ${describeFields({ as: id, ...options })}`,
    ).outcome;
  }

  /** The id of what is called: derived where the caller's choice says which invocation is meant, new otherwise. */
  idOf(target: Address, idempotencyKey: string | undefined, parent = "i"): string {
    const { service, key, handler } = target;
    const kind = this.tables.service(service)?.handlers.get(handler)?.kind;
    if (kind === "run") return runId(service, key);
    if (idempotencyKey !== undefined) return `ik:${service}/${key}/${handler}/${idempotencyKey}`;
    // Of the first caller and not of the whole chain, which may be long.
    return `${parent.split(".")[0]}.${this.#count()}`;
  }

  #count(): number {
    this.#made += 1;
    return this.#made;
  }

  /** An attempt of an invocation: the newest, unless the number is given. */
  attempt(id: string, number?: number): Attempt {
    const { attempt } = must(this.tables.invocations.get(id), `invocation ${id}`);
    return new Attempt(this, id, number ?? attempt);
  }

  /** The next completion id of an invocation, as its SDK would count. */
  takeCompletionId(id: string): number {
    const next = (this.#completionIds.get(id) ?? 0) + 1;
    this.#completionIds.set(id, next);
    return next;
  }

  /** Makes an invocation count on from where another one is: it was restarted from the other's journal. */
  continueCompletionIds(id: string, from: string): void {
    this.#completionIds.set(id, this.#completionIds.get(from) ?? 0);
  }

  /** Whoever has the id of an invocation that is gone is another one, and counts from 1 again. */
  #forgetCompletionIds({ body }: LogRecord): void {
    if (body.kind !== "purge" && body.kind !== "expire") return;
    for (const id of body.kind === "purge" ? [body.id] : body.ids) {
      if (this.tables.invocations.get(id) === undefined) this.#completionIds.delete(id);
    }
  }

  signal(id: string, to: number | string, value: string): Outcome {
    const result: Result = { kind: "value", value: bytesOf(value) };
    const index = typeof to === "number" ? to : undefined;
    const name = typeof to === "string" ? to : undefined;
    return this.apply({ kind: "signal", id, index, name, result, cause: "ingress" }).outcome;
  }

  lose(
    id: string,
    options: { readonly counted?: boolean; readonly pause?: boolean; readonly code?: string } = {},
  ): Outcome {
    const { attempt } = must(this.tables.invocations.get(id), `invocation ${id}`);
    return this.apply({
      kind: "attempt-lost",
      id,
      attempt,
      code: options.code ?? "connection-lost",
      message: "The connection was lost",
      counted: options.counted ?? false,
      pause: options.pause ?? false,
      retryDelayMs: -1,
    }).outcome;
  }

  // -- time ----------------------------------------------------------------------------------------------------------

  /** Lets time pass; timers that come due fire at their time, all of one time in one record. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (let due = this.nextDue(); due !== undefined && due <= until; due = this.nextDue()) {
      this.now = Math.max(this.now, due);
      this.fireDue();
    }
    this.now = until;
  }

  nextDue(): number | undefined {
    const [first] = [...this.#timers].sort();
    return first === undefined ? undefined : timerDue(first);
  }

  fireDue(): void {
    const keys = [...this.#timers].filter((key) => timerDue(key) <= this.now).sort();
    for (const key of keys) this.#timers.delete(key);
    if (keys.length > 0) this.apply({ kind: "timers-fired", keys });
  }

  #followTimers(effect: Effect): void {
    if (effect.kind === "set-timer") this.#timers.add(effect.key);
    else if (effect.kind === "clear-timer") this.#timers.delete(effect.key);
  }

  // -- checkpoints and restarts --------------------------------------------------------------------------------------

  get isCheckpointing(): boolean {
    return this.#covered !== undefined;
  }

  beginCheckpoint(): void {
    assert(this.#covered === undefined, "one checkpoint at a time");
    this.#covered = this.#log.length;
    this.tables.freeze();
  }

  /** Encodes up to `limit` rows. True when none is left. */
  encodeSlice(limit: number): boolean {
    return this.tables.encodeFrozen(limit);
  }

  /** Makes the checkpoint durable. What it covers leaves the log. */
  commitCheckpoint(): void {
    while (!this.encodeSlice(1000)) continue;
    this.#rows.commit(this.tables.frozenWrites());
    this.#log = this.#log.slice(must(this.#covered, "a checkpoint is being taken"));
    this.#covered = undefined;
  }

  /** A whole checkpoint; `during` happens between freezing and the commit, a row encoded before each of its steps. */
  checkpoint(during: ReadonlyArray<() => void> = []): void {
    this.beginCheckpoint();
    for (const step of during) {
      this.encodeSlice(1);
      step();
    }
    this.commitCheckpoint();
    this.thaw();
  }

  /** Lets go of what is stored; what is read back must be what was let go. */
  thaw(): void {
    const before = dumpTables(this.tables);
    this.tables.thaw();
    this.#mustEqual(before, "what the checkpoint stored");
  }

  /** Ends the process and starts another one on what is durable. A checkpoint that was not committed is lost. */
  restart(): void {
    const before = dumpTables(this.tables);
    this.#covered = undefined;
    const partition = new Partition(new Tables(this.#rows));
    replay(partition, this.#log);
    this.#partition = partition;
    this.#monitor?.restarted(this.tables);
    this.#mustEqual(before, "the restarted partition");
    this.#watcher?.restarted?.(this.tables);
    this.#reloadTimers();
  }

  /** Applies every record there was to an empty partition: it must end where this one is. */
  replayAll(): void {
    const partition = new Partition(new Tables(new MemoryRows()));
    replay(partition, must(this.#history, "a historic world"));
    this.#mustEqual(
      dumpTables(partition.tables),
      "the partition, compared with a replay of all its records,",
    );
  }

  #mustEqual(before: Dump, what: string): void {
    const changed = differences(before, dumpTables(this.tables));
    assert(changed.length === 0, `${what} differs:\n${changed.map(describeFields).join("\n")}`);
  }

  #reloadTimers(): void {
    const keys = [...this.tables.timers.all()].map(([key]) => key);
    const lost = keys.filter((key) => !this.#timers.has(key));
    assert(lost.length === 0, `timers that no effect told of: ${lost.join(", ")}`);
    this.#timers = new Set(keys);
  }

  /** Whether everything in the store belongs to something, once all is stored. */
  checkStore(): void {
    this.checkpoint();
    const referred = new Set<string>();
    for (const [id, row] of this.tables.invocations.all()) {
      for (const first of row.chunks) referred.add(chunkKey(id, first));
    }
    const stored = this.#rows.keys("journal");
    const orphans = stored.filter((key) => !referred.has(key));
    assert(orphans.length === 0, `journal chunks that belong to nothing: ${orphans.join(", ")}`);
    assert(
      stored.length === referred.size,
      `${referred.size} journal chunks are referred to, ${stored.length} stored`,
    );
  }
}

function describeApplied({ outcome, effects }: Applied): string {
  return [describeOutcome(outcome), ...effects.map(describeEffect)].join("\n");
}

function describeBody(body: RecordBody): string {
  const { kind, ...fields } = body;
  if ("result" in body)
    return `${kind} ${describeFields({ ...fields, result: undefined })} ${describeResult(body.result)}`;
  if (kind === "engine-started") return kind;
  if (kind === "timers-fired") return `fire ${body.keys.map(shortTimer).join(", ")}`;
  return `${kind} ${describeFields(fields)}`;
}

/** Applies records as a recovery reads them, each of which must come to what it came to before. */
function replay(partition: Partition, log: readonly LoggedRecord[]): void {
  const payload = concatenate(log.map(({ bytes }) => bytes));
  for (const [index, record] of decodeRecords(payload).entries()) {
    const applied = describeApplied(partition.apply(record));
    const expected = log[index]?.applied;
    assert(applied === expected, `replayed record ${index} came to\n${applied}\ninstead of\n${expected}`);
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
