/**
 * For tests: a partition played by hand, whose every record and act the invariants see. Each record is a batch of its own,
 * and durable at once.
 */
import assert from "node:assert/strict";
import { test } from "node:test";

import type { Applied, Effect, LogRecord, RecordBody, Tables } from "@holdfast/engine";
import { Partition, Tables as PartitionTables } from "@holdfast/engine";
import { MemoryRows, object, service, workflow, World, type WorldWatcher } from "@holdfast/engine/testing";
import { MessageType } from "@holdfast/protocol";

import type { RecordFold, Step } from "./durable-fold.ts";
import { notificationOf } from "./entries.ts";
import { Invariants } from "./invariants.ts";
import { InvariantViolation, type Monitor, type RestFacts } from "./monitor.ts";
import type { EventOf, LoggedBatch, WorldEvent } from "./world-event.ts";

const SERVICES = [
  service("mail", ["send"], {
    retryPolicy: { initialIntervalMs: 100, factor: 2, maxAttempts: 3, onMaxAttempts: "pause" },
  }),
  object("cart", ["add", "shared show"]),
  object("lazy", ["add"], { lazyState: true }),
  workflow("flow", ["ask"]),
];

/** Tells the invariants what a world does, and what a test says that it does. */
export class Watch implements WorldWatcher {
  readonly invariants: Invariants;
  /** Batches that the log holds, the first at position 1. */
  readonly batches: LoggedBatch[] = [];
  /** Of the world that is watched; empty until it did something. */
  tables: Tables = new PartitionTables(new MemoryRows());
  life = 1;
  /** Effects become acts; otherwise the test makes them. */
  isActing = true;
  /** Steps are executed; otherwise their results come out of nothing. */
  executesSteps = true;
  #operations = 0;
  readonly #executed = new Set<string>();

  constructor(fold?: RecordFold, impossible: readonly string[] = []) {
    const further = (): Monitor[] => [{ ids: [], observe: () => undefined, follow: this.#forgetSteps }];
    this.invariants = new Invariants({ ...(fold === undefined ? {} : { fold }), impossible, further });
  }

  get position(): number {
    return this.batches.length;
  }

  applied(record: LogRecord, { effects }: Applied, tables: Tables): void {
    this.tables = tables;
    if (this.executesSteps) this.#executeSteps(effects);
    this.append([record]);
    this.see({ kind: "durable", life: this.life, position: this.position });
    if (this.isActing) for (const effect of effects) this.#act(effect);
  }

  /** Hands a batch to the log. */
  append(records: readonly LogRecord[], change: Partial<EventOf<"appended">> = {}): void {
    const position = this.position + 1;
    const batch = { position, records, hash: `hash ${position} of life ${this.life}` };
    this.batches.push(batch);
    this.see({ kind: "appended", life: this.life, epoch: this.life, ...batch, ...change });
  }

  see(event: WorldEvent): void {
    this.invariants.observe(event, this.tables.meta.now);
  }

  /** Whatever result was recorded, somebody had executed the step before. */
  #executeSteps(effects: readonly Effect[]): void {
    for (const effect of effects) {
      const key = effect.kind === "ack-run" ? `${effect.id}:${effect.completionId}` : "";
      if (effect.kind !== "ack-run" || this.#executed.has(key)) continue;
      this.#executed.add(key);
      this.step("step-began", key, effect.attempt);
      this.step("step-ended", key, effect.attempt);
    }
  }

  /**
   * Another invocation with the id of one that is gone executes its own steps, though they have the same keys. One that begins
   * with a prefix of a journal executes those that have their results there no more.
   */
  readonly #forgetSteps = ({ created }: Step): void => {
    for (const { id, entries } of created) {
      for (const key of this.#executed) if (key.startsWith(`${id}:`)) this.#executed.delete(key);
      for (const entry of entries) {
        const notification = notificationOf(entry);
        if (notification?.type === MessageType.RunCompletion)
          this.#executed.add(`${id}:${notification.completionId}`);
      }
    }
  };

  step(kind: "step-began" | "step-ended", key: string, attempt: number): void {
    const step = { invocation: key.slice(0, key.lastIndexOf(":")), attempt, name: "step", key };
    this.see(kind === "step-began" ? { kind, ...step } : { kind, ...step, ok: true });
  }

  #act(effect: Effect): void {
    if (effect.kind === "start-attempt") {
      const { id, attempt, deployment = "", start } = effect;
      this.start(id, attempt, { deployment, knownEntries: start.knownEntries });
    } else if (effect.kind === "deliver") {
      const { id, attempt, entry } = effect;
      this.see({ kind: "delivered", life: this.life, invocation: id, attempt, entry });
    } else if (effect.kind === "ack-run") {
      const { id, attempt, completionId } = effect;
      this.see({ kind: "run-acked", life: this.life, invocation: id, attempt, completionId });
    }
  }

  /** An attempt leaves the engine; with the newest number and all there is, unless the change says otherwise. */
  start(id: string, attempt: number, change: Partial<EventOf<"attempt-started">> = {}): void {
    const row = this.tables.invocations.get(id);
    const journal = row === undefined ? [] : this.tables.journal(row, change.knownEntries);
    this.see({
      kind: "attempt-started",
      life: this.life,
      invocation: id,
      attempt,
      deployment: row?.deployment ?? "",
      knownEntries: journal.length,
      journal,
      ...change,
    });
  }

  /** A client asks. Returns the operation's number. */
  ask(sent: Partial<EventOf<"client-sent">>): number {
    this.#operations += 1;
    const operation = this.#operations;
    const { invocation } = sent;
    const question = { verb: "call", idempotencyKey: undefined, detail: "", ...sent, invocation };
    this.see({ kind: "client-sent", operation, ...question });
    return operation;
  }

  /** And is told. */
  answer(operation: number, told: Partial<EventOf<"client-told">>): void {
    const { invocation } = told;
    const answer = { outcome: "ok", status: 200, body: "", ...told, invocation } as const;
    this.see({ kind: "client-told", operation, ...answer });
  }

  /** Both, with what happens in between. */
  client(
    sent: Partial<EventOf<"client-sent">>,
    told: Partial<EventOf<"client-told">> = {},
    meanwhile: () => void = () => undefined,
  ): void {
    const operation = this.ask(sent);
    meanwhile();
    const invocation = told.invocation ?? sent.invocation;
    this.answer(operation, invocation === undefined ? told : { ...told, invocation });
  }

  /** The process ends and another one recovers. It finds every batch and has the same tables, unless the change says otherwise. */
  recover(change: Partial<EventOf<"recovered">> = {}): void {
    this.see({ kind: "crashed", life: this.life, how: "kill" });
    this.life += 1;
    const found = { checkpointPosition: 0, batches: [...this.batches], tables: this.tables };
    this.see({ kind: "recovered", life: this.life, epoch: this.life, ...found, ...change });
    if (change.batches !== undefined) this.batches.splice(0, this.batches.length, ...change.batches);
  }

  restarted(tables: Tables): void {
    this.tables = tables;
    this.recover();
  }

  rest(change: Partial<RestFacts> = {}): void {
    this.invariants.atRest({
      tables: this.tables,
      now: this.tables.meta.now,
      timerSlackMs: 0,
      retentionSlackMs: 0,
      ...change,
    });
  }
}

/** A world for a history that is written by hand. */
export class WatchedWorld extends Watch {
  readonly world: World = new World({ monitored: false, services: SERVICES, watcher: this });
}

/** A fold that is right, save for what `spoil` makes of it. */
function faultyFold(spoil: Fault): RecordFold {
  const partition = new Partition(new PartitionTables(new MemoryRows()));
  const { tables } = partition;
  return { tables, apply: (record) => spoil(partition.apply(record), record.body, tables) };
}

/** The history breaks this invariant and no other before it. */
function assertCaught(id: string, play: () => void): void {
  assert.throws(play, (error) => {
    assert.ok(error instanceof InvariantViolation, String(error));
    assert.equal(error.id, id, error.message);
    assert.ok(error.message.startsWith(`${id}: `) && error.message.length > id.length + 20, error.message);
    return true;
  });
}

export type Play = (watched: WatchedWorld) => void;
export type Fault = (applied: Applied, body: RecordBody, tables: Tables) => Applied;

/** Histories that one invariant holds in, or is broken by: without them, a monitor that finds nothing says nothing. */
export type InvariantCase = {
  readonly id: string;
  readonly holds: Readonly<Record<string, Play>>;
  readonly broken: Readonly<Record<string, Play | readonly [Fault, Play]>>;
};

export function testInvariants(cases: readonly InvariantCase[]): void {
  for (const { id, holds, broken } of cases) {
    for (const [when, play] of Object.entries(holds)) {
      test(`${id} holds when ${when}`, () => {
        const watched = new WatchedWorld();
        play(watched);
        assert.ok((watched.invariants.checks.get(id) ?? 0) > 0, `${id} was not checked`);
      });
    }
    for (const [when, history] of Object.entries(broken)) {
      test(`${id} is broken when ${when}`, () => {
        const [fault, play] = typeof history === "function" ? [undefined, history] : history;
        const watched = new WatchedWorld(fault === undefined ? undefined : faultyFold(fault));
        assertCaught(id, () => {
          play(watched);
        });
      });
    }
  }
}
