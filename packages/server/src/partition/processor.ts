/**
 * A partition at work. This file decides what is durable when:
 *
 *   propose → stamp the time → encode into the open batch → apply to the tables → append → durable → perform effects, tell
 *   the proposer.
 *
 * Encoding comes first, because it is what a record can be refused for while nothing has changed. Applying comes before
 * durability, so that the next record sees the state it will have; acting comes after it, so that nobody outside ever learns
 * of something that a crash could undo. Recovery applies the same records and drops the effects.
 */
import {
  decodeRecords,
  Partition,
  Tables,
  type Applied,
  type Effect,
  type FoldSettings,
  type LogRecord,
  type Outcome,
  type RecordBody,
} from "@holdfast/engine";
import { HoldfastError, type Result } from "@holdfast/protocol";

import type { Clock } from "../clock.ts";
import type { PartitionLog } from "../log/log.ts";
import { storeDamage } from "../store/store-damage.ts";
import type { CheckpointStore } from "../store/store.ts";
import { Batcher, type Batch, type Urgency } from "./batcher.ts";
import { Checkpointer, type CheckpointThresholds } from "./checkpointer.ts";
import { lossOf, planRestarts, runningOf, type CrashRules } from "./crash-suspects.ts";
import { DurabilityWaits } from "./durability-waits.ts";
import { EngineClock } from "./engine-clock.ts";
import { HeldProposals } from "./held-proposals.ts";
import { rowSource } from "./row-source.ts";
import { TimerService } from "./timer-service.ts";

/** Running invocations that recovery starts anew with one look into the store. */
const RECOVERY_PAGE = 1_000;

/** Performs the effects that concern attempts. Implemented by the invoker. */
export interface AttemptEffects {
  perform(effect: Effect): void;
  /** Hands over what sessions have sent in this turn, by proposing it. */
  flush(): void;
  /** Sends what was performed so far to the handlers now, and not only at the end of the turn. */
  send(): void;
}

export type ProcessorOptions = {
  readonly clock: Clock;
  readonly log: PartitionLog;
  readonly store: CheckpointStore;
  readonly settings: FoldSettings;
  readonly checkpoints: CheckpointThresholds;
  /** A batch is closed early when it reaches this size. */
  readonly batchBytesMax: number;
  /** Outside proposals are refused while more than this is accepted and not durable. */
  readonly pendingBytesMax: number;
  /** What a start does about invocations that may have brought the last process down. Default: it ended as it should. */
  readonly afterCrash?: CrashRules;
  /** Timers kept in memory. */
  readonly timerWindow?: number;
  /** The partition cannot go on: the process (or whoever embeds it) must end. Called once. */
  readonly onFailed: (reason: Error) => void;
  /** Something that is handled and that an operator wants to know. */
  readonly onWarning: (message: string) => void;
};

type CompletionListener = (result: Result) => void;

export class PartitionProcessor {
  readonly tables: Tables;
  /** The partition's time: what everything in it is stamped with and compared to. */
  readonly clock: EngineClock;
  readonly #options: ProcessorOptions;
  readonly #partition: Partition;
  readonly #batcher: Batcher;
  readonly #checkpointer: Checkpointer;
  readonly #timers: TimerService;
  readonly #held: HeldProposals;
  readonly #listeners = new Map<string, Set<CompletionListener>>();
  /** Of the engine itself: as long as it takes. */
  readonly #durabilityWaits = new DurabilityWaits();
  /**
   * Readers of what a crash could take back. Where the log has no room they are refused, since that can take hours; callers
   * whose records wait there cannot be, because those records will happen.
   */
  readonly #durableReads = new DurabilityWaits();
  /** Proposers who are owed an answer, and get this one when the partition fails. */
  readonly #unanswered = new Set<(reason: Error) => void>();
  #attempts: AttemptEffects | undefined;
  #failure: Error | undefined;
  #closing = false;

  private constructor(options: ProcessorOptions, tables: Tables) {
    this.#options = options;
    this.tables = tables;
    this.clock = new EngineClock(options.clock);
    this.#partition = new Partition(tables);
    this.#batcher = new Batcher({
      clock: options.clock,
      log: options.log,
      batchBytesMax: options.batchBytesMax,
      beforeClose: () => this.#attempts?.flush(),
      onDurable: (batch) => this.#onDurable(batch),
      onClosed: (batch) => this.#checkpointer.noteBatch(batch.bytes),
      onFull: () => {
        this.#durableReads.refuseAll(new HoldfastError("disk-full"));
        // Whoever closes is not kept waiting for room: what is not durable was promised to nobody.
        if (this.#closing) this.#stopWaiting();
      },
      onFailed: (reason) => this.#fail(reason),
    });
    this.#checkpointer = new Checkpointer({
      clock: options.clock,
      tables,
      store: options.store,
      log: options.log,
      thresholds: options.checkpoints,
      closeBatch: () => this.#batcher.close(),
      whenDurable: (position) => this.#whenDurable(position),
      onCaughtUp: () => this.#held.release(),
      onCommitFailed: (error) => {
        options.onWarning(`The checkpoint could not be written and is tried again: ${String(error)}`);
        this.#refuseHeld();
      },
      onTrimFailed: (error) =>
        options.onWarning(`The log could not be trimmed and stays longer than needed: ${String(error)}`),
      onBroken: (reason) => this.#fail(reason),
    });
    this.#held = new HeldProposals({
      soon: (run) => options.clock.soon(run),
      mustWait: () => this.#checkpointer.isBehind && !this.#closing,
      submit: (body, done, urgency) => this.submit(body, done, urgency),
    });
    this.#timers = new TimerService({
      clock: this.clock,
      timers: tables.timers,
      fire: (keys) => this.#record({ kind: "timers-fired", keys }),
      // A million that are due at once must not gather in memory any more than what comes from outside.
      mustWait: () => this.#checkpointer.isBehind,
      ...(options.timerWindow === undefined ? {} : { window: options.timerWindow }),
    });
  }

  /** Recovers the partition: newest checkpoint, then the log behind it. Nothing acts before `start`. */
  static async recover(options: ProcessorOptions): Promise<PartitionProcessor> {
    const tables = new Tables(rowSource(options.store));
    const processor = new PartitionProcessor(options, tables);
    for await (const batch of options.log.read(options.store.appliedPosition() + 1)) {
      for (const record of decodeRecords(batch.payload)) processor.#partition.apply(record);
    }
    processor.clock.startAt(tables.meta.now);
    return processor;
  }

  /**
   * Begins to act. Every invocation that was running when the last process ended gets a new attempt: its number fences off
   * whatever the old one still sends. Rejects when the partition fails before that.
   */
  async start(attempts: AttemptEffects): Promise<void> {
    this.#attempts = attempts;
    // What was damaged before has kept the partition from being recovered.
    this.#options.store.onDamaged?.((reason) => this.#fail(reason));
    this.#options.log.onFailed?.((reason) => {
      if (!this.#closing) this.#fail(reason);
    });
    // Looked for before the timers run: what they wake from here on is running for the first time.
    const running = this.#runningInvocations();
    const started = this.#proposeInternal({
      kind: "engine-started",
      epoch: this.#options.log.epoch,
      settings: this.#options.settings,
    });
    this.#startAnew(running);
    this.#timers.start();
    await started;
  }

  #startAnew(ids: ReadonlySet<string>): void {
    const { afterCrash } = this.#options;
    const rows = [...ids].flatMap((id) => this.tables.invocations.get(id) ?? []);
    const running = rows.filter(({ status }) => status === "running");
    const plan = afterCrash === undefined ? undefined : planRestarts(running.map(runningOf), afterCrash);
    for (const { id, attempt } of running) {
      const restart = plan?.get(id);
      this.#record({ kind: "attempt-lost", id, attempt, counted: false, ...lossOf(restart) });
      if (restart?.kind === "pause") this.#warnOfPause(id);
    }
  }

  #warnOfPause(id: string): void {
    const target = this.tables.invocations.get(id)?.target;
    this.#options.onWarning(
      `${id} (${target?.service}/${target?.handler}) was running in each of the last crashes and is paused: see its events`,
    );
  }

  #runningInvocations(): Set<string> {
    const ids = new Set<string>();
    // What is sealed is at rest.
    for (const [id, row] of this.tables.invocations.loaded(() => false))
      if (row?.status === "running") ids.add(id);
    let found = 0;
    let after: { sortValue: number; id: string } | undefined;
    for (;;) {
      const hits = this.#options.store.findInvocations({
        status: ["running"],
        order: "oldest",
        limit: RECOVERY_PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const hit of hits) ids.add(hit.id);
      found += hits.length;
      const last = hits.at(-1);
      if (last === undefined || hits.length < RECOVERY_PAGE) break;
      after = { sortValue: last.columns.createdAt, id: last.id };
    }
    this.#checkFound(found);
    return ids;
  }

  /** The list comes from an index. An entry that is damaged must not leave an invocation behind. */
  #checkFound(found: number): void {
    const counted = this.#options.store
      .countInvocations()
      .filter(({ status }) => status === "running")
      .reduce((sum, { count }) => sum + count, 0);
    if (found === counted) return;
    throw storeDamage(
      "checkpoint.db",
      { table: "invocations" },
      `an index has ${found} running ones, and there are ${counted}`,
    );
  }

  get durablePosition(): number {
    return this.#batcher.durablePosition;
  }

  get appliedPosition(): number {
    return this.#batcher.appliedPosition;
  }

  get checkpointPosition(): number {
    return this.#checkpointer.position;
  }

  get isFull(): boolean {
    return this.#batcher.isFull;
  }

  /** Why the newest checkpoint could not be written; `undefined` when it could. */
  get checkpointFailure(): string | undefined {
    return this.#checkpointer.commitFailure;
  }

  get isSlow(): boolean {
    return this.#batcher.isSlow;
  }

  /** Something is accepted and not durable yet, or about to be handed over. */
  get isBusy(): boolean {
    return this.#batcher.isBusy || this.#held.count > 0;
  }

  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Due time of the next timer, for virtual clocks. */
  nextTimerDue(): number {
    return this.#timers.nextDue();
  }

  /** Proposes from outside: refused under overload, on a full disk, and when closing. */
  propose(body: RecordBody): Promise<Outcome> {
    const refusal = this.#refusal();
    return refusal === undefined
      ? this.#proposeInternal(body, (done) => this.#held.take(body, done))
      : Promise.reject(refusal);
  }

  /** As `propose` for the hot path. Throws the refusal. */
  submitFromOutside(body: RecordBody, done: (outcome: Outcome) => void, urgency?: Urgency): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    this.#held.take(body, done, urgency);
  }

  #refusal(): HoldfastError | undefined {
    if (this.#failure !== undefined || this.#closing) return new HoldfastError("shutting-down");
    if (this.#batcher.isFull) return new HoldfastError("disk-full");
    const { pendingBytesMax } = this.#options;
    const { pendingBytes } = this.#batcher;
    const reason =
      pendingBytes > pendingBytesMax
        ? `${pendingBytes} bytes wait for the disk, and pendingBytesMax allows ${pendingBytesMax}`
        : this.#held.isFull
          ? "the store cannot keep up, and more than may wait for it is waiting"
          : undefined;
    return reason === undefined ? this.#storeRefusal() : new HoldfastError("overloaded", { reason });
  }

  /** A store that cannot be written is not caught up with by waiting. */
  #storeRefusal(): HoldfastError | undefined {
    const { commitFailure, isBehind } = this.#checkpointer;
    if (commitFailure === undefined || !isBehind) return undefined;
    const reason = `the checkpoint cannot be written (${commitFailure}), and as much as may wait for it is waiting`;
    return new HoldfastError("overloaded", { reason });
  }

  #refuseHeld(): void {
    const refusal = this.#storeRefusal();
    if (refusal !== undefined && !this.#closing) this.#held.refuse(refusal);
  }

  #proposeInternal(
    body: RecordBody,
    submit: (done: (outcome: Outcome) => void) => void = (done) => this.submit(body, done),
  ): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(outcomeUnknown(this.#failure));
        return;
      }
      this.#unanswered.add(reject);
      try {
        submit((outcome) => {
          this.#unanswered.delete(reject);
          resolve(outcome);
        });
      } catch (error) {
        this.#unanswered.delete(reject);
        reject(error);
      }
    });
  }

  /** Records what the engine has found out by itself. What it cannot record it must not go on without. */
  #record(body: RecordBody): void {
    try {
      this.submit(body, ignore);
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  /**
   * Proposes without asking whether there is room: for what sessions and the engine itself must record. Throws a
   * `request-invalid` when the record cannot be written down; nothing has changed then.
   */
  submit(body: RecordBody, done: (outcome: Outcome) => void, urgency: Urgency = "urgent"): void {
    if (this.#failure !== undefined) return;
    const record: LogRecord = { at: this.clock.now(), body };
    try {
      this.#batcher.encode(record);
    } catch (error) {
      throw unrecordable(body, error);
    }
    try {
      const applied = this.#partition.apply(record);
      const waits = urgency === "urgent" || movedSomething(applied) ? "urgent" : "patient";
      this.#batcher.add(applied, done === ignore ? undefined : done, waits);
    } catch (error) {
      // The tables may be half changed. They are thrown away with the process, and so is the open batch with the record.
      this.#fail(asError(error));
    }
  }

  /** Asks for a flush of the sessions at the end of this turn. */
  requestTurn(): void {
    this.#batcher.requestTurn();
  }

  /** Handlers come first: they go on while callers are answered, which takes a system call for each. */
  #onDurable(batch: Batch): void {
    let completed = 0;
    for (const effect of batch.effects) {
      if (effect.kind === "completed") completed += 1;
      else this.#perform(effect);
    }
    if (completed + batch.proposers.length > 0) this.#attempts?.send();
    if (completed > 0) this.#announceAll(batch);
    for (let i = 0; i < batch.proposers.length; i++) {
      batch.proposers[i]?.(batch.outcomes[i] as Outcome);
    }
    this.#durableReads.reached(batch.position);
    this.#durabilityWaits.reached(batch.position);
  }

  #announceAll({ effects }: Batch): void {
    for (const effect of effects) if (effect.kind === "completed") this.#announce(effect.id, effect.result);
  }

  #perform(effect: Exclude<Effect, { readonly kind: "completed" }>): void {
    switch (effect.kind) {
      case "set-timer":
        this.#timers.set(effect.key);
        return;
      case "clear-timer":
        this.#timers.clear(effect.key);
        return;
      case "start-attempt":
      case "deliver":
      case "ack-run":
      case "abort-attempt":
      case "deployments-changed":
        this.#attempts?.perform(effect);
        return;
    }
  }

  #announce(id: string, result: Result): void {
    const listeners = this.#listeners.get(id);
    if (listeners === undefined) return;
    this.#listeners.delete(id);
    for (const listener of listeners) listener(result);
  }

  onCompleted(id: string, listener: CompletionListener): () => void {
    const listeners = this.#listeners.get(id);
    if (listeners === undefined) this.#listeners.set(id, new Set([listener]));
    else listeners.add(listener);
    return () => {
      const present = this.#listeners.get(id);
      if (present?.delete(listener) === true && present.size === 0) this.#listeners.delete(id);
    };
  }

  /**
   * Calls `tell` when all that is in the tables now is durable, at once if it is, or `refuse` when that may take for ever
   * ("disk-full", "shutting-down").
   */
  whenDurable(tell: () => void, refuse: (error: HoldfastError) => void): void {
    const { appliedPosition, durablePosition, isFull } = this.#batcher;
    if (durablePosition >= appliedPosition) tell();
    else if (this.#failure !== undefined) refuse(new HoldfastError("shutting-down"));
    else if (isFull) refuse(new HoldfastError("disk-full"));
    else {
      this.#durableReads.add(appliedPosition, tell, refuse);
      this.#batcher.hurry();
    }
  }

  /** Resolves with false when the position will not become durable in this process. */
  #whenDurable(position: number): Promise<boolean> {
    if (position <= this.#batcher.durablePosition) return Promise.resolve(true);
    if (this.#failure !== undefined || (this.#closing && this.#batcher.isFull)) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#durabilityWaits.add(
        position,
        () => resolve(true),
        () => resolve(false),
      );
    });
  }

  #stopWaiting(): void {
    const reason = new HoldfastError("shutting-down");
    this.#durableReads.refuseAll(reason);
    this.#durabilityWaits.refuseAll(reason);
  }

  /** Makes the store reflect everything proposed so far. Rejects when the partition ends before that. */
  async checkpoint(): Promise<void> {
    const position = this.#batcher.close();
    // The first may have been begun before; the second then covers what came since.
    while (this.#checkpointer.position < position) {
      if (!(await this.#checkpointer.take())) throw new HoldfastError("shutting-down");
    }
  }

  #fail(reason: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#batcher.stop();
    this.#timers.close();
    this.#held.drop();
    this.#stopWaiting();
    for (const reject of this.#unanswered) reject(outcomeUnknown(reason));
    this.#unanswered.clear();
    this.#options.onFailed(reason);
  }

  /** Ends at once, as a crash would. */
  abandon(): void {
    this.#closing = true;
    this.#timers.close();
    this.#held.drop();
    this.#batcher.stop();
    this.#stopWaiting();
    void this.#checkpointer.close(); // Never rejects.
  }

  /** Stops accepting, lets what was accepted become durable, and lets go. A crash instead of this loses nothing. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#timers.close();
    this.#held.releaseAll();
    await this.#whenDurable(this.#batcher.close());
    await this.#checkpointer.close();
    this.#batcher.stop();
  }
}

function ignore(): void {}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** Whoever proposed it is at fault: every record that the engine's own types allow can be written. */
function unrecordable({ kind }: RecordBody, cause: unknown): HoldfastError {
  const reason = `it cannot be recorded as "${kind}": ${asError(cause).message}`;
  return new HoldfastError("request-invalid", { reason }, { cause });
}

/** Whether its proposer is told something, or something goes on, when it is durable: not so for what only queued up. */
function movedSomething({ outcome, effects }: Applied): boolean {
  return effects.length > 0 || !outcome.ok || outcome.detail?.existed !== false;
}

/** The record may have become durable or not: only the next start knows. */
function outcomeUnknown(cause: Error): HoldfastError {
  const message = `The engine failed before it could tell whether this was recorded: ${cause.message}`;
  const hint = "Look again after the restart. What is sent with an idempotency key can be repeated safely.";
  return new HoldfastError("shutting-down", {}, { cause, message, hint });
}
