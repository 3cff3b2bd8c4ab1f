/**
 * An engine for tests of ingress and admin: the real fold over real tables, without log, timers and sessions. Records are
 * applied at once and reported a turn of the event loop later; handlers are functions that answer within one attempt.
 */
import { Partition, Tables, type Effect, type Outcome, type RecordBody } from "@holdfast/engine";
import {
  decodeMessage,
  encodeMessage,
  HoldfastError,
  MessageType,
  type EndpointManifest,
  type Message,
  type Result,
  type StartMessage,
} from "@holdfast/protocol";

import type { WholeAnswer } from "../invoker/restate/whole-answer.ts";
import type { EngineAccess, EngineHealth, InvocationAddress } from "../partition/engine-access.ts";
import { InvocationIds } from "../partition/invocation-ids.ts";
import { MemoryStore } from "../store/memory-store.ts";
import type { CheckpointStore } from "../store/store.ts";

export type FakeInput = {
  readonly start: StartMessage;
  readonly value: Uint8Array;
  readonly headers: ReadonlyArray<readonly [string, string]>;
};

/** What a handler does in an attempt: ends with a result, sends these messages, or keeps the attempt open. */
export type FakeHandler = (input: FakeInput) => Result | readonly Message[] | "running";

type Discovery = Parameters<EngineAccess["discover"]>;
type Asked = Parameters<EngineAccess["askDeployment"]>;
type StartEffect = Extract<Effect, { readonly kind: "start-attempt" }>;

export class FakeEngine implements EngineAccess {
  readonly tables: Tables;
  readonly store: CheckpointStore;
  /** By "Service/handler". One that is not here keeps its attempts open. */
  readonly handlers = new Map<string, FakeHandler>();
  /** What `discover` finds, by URL. */
  readonly endpoints = new Map<string, EndpointManifest>();
  /** Every call of `askDeployment`, and what it comes to. */
  readonly asked: Asked[] = [];
  answerAsked: (...asked: Asked) => Promise<WholeAnswer> = () => Promise.reject(new Error("nobody answers"));
  /** Every call of `discover`. */
  readonly discovered: Discovery[] = [];
  /** Every record that was proposed. */
  readonly proposed: RecordBody[] = [];
  /** Set to refuse what is proposed. */
  refusal: HoldfastError | undefined;
  healthNow: Partial<EngineHealth> = {};
  /** Set to have readers wait for a turn of the event loop, as if the newest record were not durable. */
  isBehind = false;
  /** Readers who had to wait. */
  waited = 0;
  time = Date.parse("2030-01-01T00:00:00Z");
  readonly #partition: Partition;
  readonly #ids = new InvocationIds(() => this.time);
  readonly #listeners = new Map<string, Set<(result: Result) => void>>();
  #position = 0;
  #durable = 0;

  private constructor(store: CheckpointStore) {
    this.store = store;
    this.tables = new Tables({
      get: (table, key) => store.get(table as never, key),
      scan: (table, from, to, limit) => store.scan(table as never, from, to, limit),
    });
    this.#partition = new Partition(this.tables);
  }

  static async open(): Promise<FakeEngine> {
    return new FakeEngine(await MemoryStore.open());
  }

  get listenerCount(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  now(): number {
    return this.time;
  }

  propose(body: RecordBody): Promise<Outcome> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    return new Promise((resolve) => {
      this.submit(body, resolve);
    });
  }

  submit(body: RecordBody, done: (outcome: Outcome) => void): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.proposed.push(body);
    const { outcome, effects } = this.#partition.apply({ at: this.time, body });
    const position = ++this.#position;
    setImmediate(() => {
      this.#durable = position;
      done(outcome);
      for (const effect of effects) this.#perform(effect);
    });
  }

  whenDurable(tell: () => void, refuse: (error: HoldfastError) => void): void {
    if (this.#durable >= this.#position && !this.isBehind) {
      tell();
      return;
    }
    this.waited += 1;
    const { refusal } = this;
    if (refusal === undefined) setImmediate(tell);
    else refuse(refusal);
  }

  onCompleted(id: string, listener: (result: Result) => void): () => void {
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
    };
  }

  deploymentId(): string {
    return this.#ids.forDeployment();
  }

  invocationIdFor(target: InvocationAddress): string {
    return this.#ids.forInvocation(target);
  }

  discover(...asked: Discovery): Promise<EndpointManifest> {
    this.discovered.push(asked);
    const [url] = asked;
    const manifest = this.endpoints.get(url);
    if (manifest !== undefined) return Promise.resolve(manifest);
    return Promise.reject(
      new HoldfastError("deployment-unreachable", { url, reason: "nothing listens there" }),
    );
  }

  askDeployment(...asked: Asked): Promise<WholeAnswer> {
    this.asked.push(asked);
    return this.answerAsked(...asked);
  }

  async checkpoint(): Promise<void> {
    this.tables.freeze();
    while (!this.tables.encodeFrozen(1_000));
    await this.store.commit(this.tables.frozenWrites() as never, this.#position);
    this.tables.thaw();
  }

  health(): EngineHealth {
    return {
      status: "ok",
      durablePosition: this.#durable,
      appliedPosition: this.#position,
      checkpointPosition: this.store.appliedPosition(),
      runningAttempts: 0,
      deploymentsUnreachable: [],
      ...this.healthNow,
    };
  }

  #perform(effect: Effect): void {
    if (effect.kind === "start-attempt") this.#attempt(effect);
    if (effect.kind !== "completed") return;
    const listeners = this.#listeners.get(effect.id);
    this.#listeners.delete(effect.id);
    for (const listener of listeners ?? []) listener(effect.result);
  }

  #attempt({ id, attempt, start }: StartEffect): void {
    const handler = this.handlers.get(`${start.service}/${start.handler}`);
    const row = this.tables.invocations.get(id);
    if (handler === undefined || row === undefined) return;
    const [entry] = this.tables.journal(row, 1);
    const input = entry === undefined ? undefined : decodeMessage(entry.type, entry.body);
    if (input?.type !== MessageType.Input) return;
    const did = handler({ start, value: input.value, headers: input.headers });
    if (did === "running") return;
    const messages =
      "kind" in did
        ? [{ type: MessageType.Output, result: did } as const, { type: MessageType.End } as const]
        : did;
    this.send(id, attempt, messages);
  }

  /** What an attempt says, from outside of its handler function. */
  send(id: string, attempt: number, messages: readonly Message[]): void {
    const childIds = messages.map(() =>
      this.invocationIdFor({ service: "", handler: "", key: "", isRun: false }),
    );
    this.submit(
      {
        kind: "attempt-messages",
        id,
        attempt,
        messages: messages.map((message) => ({ type: message.type, body: encodeMessage(message), message })),
        childIds,
      },
      () => {},
    );
  }
}

/** A manifest as an SDK would send it, from the little that a test wants to say. */
export function manifestOf(
  services: EndpointManifest["services"],
  rest: Partial<EndpointManifest> = {},
): EndpointManifest {
  return { wires: ["native"], sdk: "test/1.0.0", runtime: "node/24.0.0", services, ...rest };
}

export function value(json: unknown): Result {
  return { kind: "value", value: Buffer.from(JSON.stringify(json)) };
}
