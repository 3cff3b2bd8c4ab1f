/** A small world for tests of programs: the real engine on a clock that is moved, and a host that remembers. */
import assert from "node:assert/strict";

import { decodeRecords, objectKey, type Invocation } from "@holdfast/engine";
import {
  decodeMessage,
  decodeValue,
  MessageType,
  type AnyHandlerRef,
  type HandlerEndpoint,
  type Message,
} from "@holdfast/protocol";
import { inProcessEndpoint } from "@holdfast/sdk";
import { MemoryLog } from "@holdfast/server/parts";
import { TestEngine } from "@holdfast/server/testing";

import { CounterLedger } from "./counter-ledger.ts";
import { VerbCoverage } from "./coverage.ts";
import type { Outcome } from "./expected-outcome.ts";
import type { HandedOver, ProgramHost } from "./host.ts";
import { COUNTER, FRESH_KEY, type Program } from "./program.ts";
import { programServices, type ServicesVersion } from "./services.ts";
import type { Verb } from "./verbs.ts";

/** Rounds of the event loop in which nothing becomes durable, after which only time can change anything. */
const IDLE_ROUNDS = 4;
/** Virtual time after which a batch that has not ended never will. */
const PATIENCE_MS = 200 * 86_400_000;
/** How often an operator looks: each look reads all invocations. Virtual ms. */
const OPERATOR_INTERVAL_MS = 6 * 3_600_000;
/** Nothing that was submitted may be forgotten while a batch runs. */
const RETENTION_MS = 1_000 * 86_400_000;

export class World implements ProgramHost {
  readonly coverage = new VerbCoverage();
  readonly violations: string[] = [];
  stepsBegun = 0;
  /** Executions of steps that have not ended, by the step's idempotency key. */
  readonly stepsUnderWay = new Map<string, number>();
  readonly #failures = new Map<string, number>();
  readonly #handedOver: HandedOver[] = [];
  readonly #ids: string[] = [];
  readonly #endpoints = new Map<string, HandlerEndpoint>();
  /** Lines that handlers have logged. */
  logged = 0;
  #engine!: TestEngine;
  /** What became durable, in order. The log itself is trimmed when checkpoints are taken. */
  readonly #payloads: Uint8Array[] = [];
  /** Increments that were found in the log. */
  increments = 0;
  #keys = 0;

  static async open(version: ServicesVersion = 1): Promise<World> {
    const world = new World();
    world.#serve(version);
    world.#engine = await TestEngine.open(
      {
        services: [],
        settings: {
          journalRetentionMs: RETENTION_MS,
          idempotencyRetentionMs: RETENTION_MS,
          workflowRetentionMs: RETENTION_MS,
        },
      },
      {
        endpoints: world.#endpoints,
        openLog: async (memory) => world.#listenTo(await MemoryLog.open({ memory })),
      },
    );
    return world;
  }

  #listenTo(log: MemoryLog): MemoryLog {
    const append = log.append.bind(log);
    log.append = async (batch, expectedTail) => {
      const payload = batch.payload.slice();
      const outcome = await append(batch, expectedTail);
      if (outcome === "ok") this.#payloads.push(payload);
      return outcome;
    };
    return log;
  }

  /** As the engine does with services that it is given, except that nobody reads what the handlers log. */
  #serve(version: ServicesVersion): void {
    const environment = {
      now: () => this.#engine.clock.now(),
      timers: { set: (ms: number, wake: () => void) => this.#engine.clock.after(ms, wake) },
    };
    const log = (): void => {
      this.logged += 1;
    };
    this.#endpoints.set("programs", inProcessEndpoint(programServices(this, version), { log }, environment));
  }

  // -- what the programs see -------------------------------------------------------------------------------------------

  verb(invocation: string, attempt: number, verb: Verb): void {
    this.coverage.note(invocation, attempt, verb);
  }

  stepBegan(_invocation: string, _attempt: number, _name: string, key: string): void {
    this.stepsUnderWay.set(key, (this.stepsUnderWay.get(key) ?? 0) + 1);
    this.stepsBegun += 1;
  }

  stepEnded(_invocation: string, _attempt: number, _name: string, key: string): void {
    const left = (this.stepsUnderWay.get(key) ?? 0) - 1;
    if (left === 0) this.stepsUnderWay.delete(key);
    else this.stepsUnderWay.set(key, left);
  }

  sleepInStep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const stop = this.#engine.clock.after(ms, resolve);
      signal.addEventListener("abort", () => {
        stop();
        resolve();
      });
    });
  }

  fails(invocation: string, place: string, times: number): boolean {
    const key = `${invocation} ${place}`;
    const failed = this.#failures.get(key) ?? 0;
    if (failed >= times) return false;
    this.#failures.set(key, failed + 1);
    return true;
  }

  violated(invocation: string, problem: string): void {
    this.violations.push(`${invocation}: ${problem}`);
  }

  handOver(what: HandedOver): void {
    this.#handedOver.push(what);
  }

  // -- what the tests do -----------------------------------------------------------------------------------------------

  /** Starts a program. Returns the id of its invocation. */
  async submit(program: Program): Promise<string> {
    const { target } = program;
    const handler = target.service === "plain" ? "go" : target.handler;
    const kinds = {
      go: "exclusive",
      pull: "exclusive",
      look: "shared",
      run: "run",
      aside: "shared",
    } as const;
    const kind = target.service === "plain" ? "plain" : kinds[target.handler];
    const ref = { service: target.service, handler, kind } as AnyHandlerRef;
    const key = target.service === "plain" ? [] : [target.key === FRESH_KEY ? this.#freshKey() : target.key];
    const handle = await this.#engine.send(ref, ...key, program);
    this.#ids.push(handle.invocationId);
    return handle.invocationId;
  }

  #freshKey(): string {
    this.#keys += 1;
    return `flow-${this.#keys}`;
  }

  /** Lets everything happen until all invocations have ended, as an operator who resumes what is paused. */
  async runToEnd(): Promise<void> {
    const { clock } = this.#engine;
    const end = clock.now() + PATIENCE_MS;
    let lookAt = 0;
    while (clock.now() < end) {
      await this.#settle();
      if (clock.now() >= lookAt) {
        if ((await this.#operate()) === 0) return;
        lookAt = clock.now() + OPERATOR_INTERVAL_MS;
      } else {
        clock.step(lookAt);
      }
    }
    assert.fail(`These never end:\n${this.open().map(describe).join("\n")}`);
  }

  /** Ends the engine as a crash would, between two events, and goes on with what was durable. */
  async crash(version: ServicesVersion = 1): Promise<void> {
    await this.#settle();
    this.#serve(version);
    this.#engine = await this.#engine.restart();
  }

  /** Moves the clock by single alarms. */
  async step(alarms: number): Promise<void> {
    for (let count = 0; count < alarms; count++) {
      await this.#settle();
      this.#engine.clock.step(this.#engine.clock.nextAlarm());
    }
  }

  async #settle(): Promise<void> {
    let seen = -1;
    for (let idle = 0; idle < IDLE_ROUNDS; idle++) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      for (const what of this.#handedOver.splice(0)) await this.#settleFromOutside(what);
      const { progress } = this.#engine.engine;
      if (progress !== seen) idle = -1;
      seen = progress;
    }
  }

  async #settleFromOutside(what: HandedOver): Promise<void> {
    // Whoever waited may have ended since: then the engine says so, and nothing is left to be done.
    const done =
      what.kind === "awakeable"
        ? what.reject
          ? this.#engine.rejectAwakeable(what.id, "rejected by another")
          : this.#engine.resolveAwakeable(what.id, "awakened")
        : this.#settlePromise(what);
    await Promise.allSettled([done]);
  }

  #settlePromise({ key, name, reject }: Extract<HandedOver, { kind: "promise" }>): Promise<boolean> {
    const flow = { service: "flow", handler: "run", kind: "run" } as AnyHandlerRef;
    const promise = this.#engine.promise(flow, key, name);
    return reject ? promise.reject("rejected by another") : promise.resolve(name);
  }

  /** Resumes what is paused. Returns how many have not ended. */
  async #operate(): Promise<number> {
    const open = this.open();
    for (const { id, status } of open)
      if (status === "paused")
        await this.#engine.engine.propose({ kind: "resume", id, deployment: undefined });
    return open.length;
  }

  open(): Array<Readonly<Invocation>> {
    const rows = [...this.#engine.engine.tables.invocations.all()].map(([, row]) => row);
    return rows.filter(({ status }) => status !== "completed");
  }

  outcome(id: string): Outcome {
    const { tables } = this.#engine.engine;
    const result = tables.invocations.get(id)?.result;
    assert.ok(result, `${id} has not ended`);
    if (result.kind === "failure") return { failure: result.failure.message };
    return { value: result.kind === "value" ? decodeValue(result.value) : undefined };
  }

  /** Holds the counters against the log and the state, and counts what was recorded. */
  checkAndCount(): void {
    assert.deepEqual(this.violations, []);
    const { tables } = this.#engine.engine;
    const ledger = new CounterLedger();
    for (const payload of this.#payloads) {
      for (const { body: record } of decodeRecords(payload)) {
        if (record.kind !== "attempt-messages") continue;
        const target = tables.invocations.get(record.id)?.target;
        if (target === undefined) continue;
        for (const { type, body } of record.messages) {
          const message = decodeMessage(type, body);
          assert.equal(ledger.note(objectKey(target.service, target.key), message), undefined);
          if (isIncrement(message)) this.increments += 1;
        }
      }
    }
    for (const object of ledger.objects()) {
      const stored = tables.objects.get(object)?.state.get(COUNTER);
      assert.equal(stored === undefined ? 0 : decodeValue(stored), ledger.count(object), object);
    }
    let inJournals = 0;
    for (const [, row] of tables.invocations.all()) {
      for (const { type, body } of tables.journal(row)) {
        this.coverage.noteMessage(type);
        if (type === MessageType.SetState && isIncrement(decodeMessage(type, body))) inJournals += 1;
      }
    }
    assert.equal(this.increments, inJournals, "increments in the log and in the journals");
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }
}

function isIncrement(message: Message): boolean {
  return message.type === MessageType.SetState && message.key === COUNTER;
}

function describe(row: Readonly<Invocation>): string {
  const { service, key, handler } = row.target;
  return `${row.id} ${service}/${key}/${handler} is ${row.status}, waits for ${JSON.stringify([...row.open])}, ${row.lastFailure?.message ?? ""}`;
}
