import {
  decodeRecords,
  defaultFoldSettings,
  type Effect,
  type LogRecord,
  type Outcome,
  type RecordBody,
} from "@holdfast/engine";
/** A partition processor whose log, store, clock and invoker belong to the test. */
import { encodeMessage, MessageType, type EndpointManifest } from "@holdfast/protocol";

import type { AppendOutcome, LogBatch, PartitionLog } from "../log/log.ts";
import { LogMemory, MemoryLog } from "../log/memory-log.ts";
import { MemoryStore, StoreMemory } from "../store/memory-store.ts";
import type { CheckpointStore, RowWrite } from "../store/store.ts";
import { VirtualClock } from "../virtual-clock.ts";
import { defaultCheckpointThresholds } from "./checkpointer.ts";
import { PartitionProcessor, type ProcessorOptions } from "./processor.ts";

export const START_TIME = 1_900_000_000_000;

/** Lets the event loop come round so many times. */
export async function turns(count = 4): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

/** A memory log whose appends wait until the test lets them through, or makes them fail. */
export class StagedLog implements PartitionLog {
  readonly memory: LogMemory;
  readonly appended: LogBatch[] = [];
  /** While set, appends wait for `release`. */
  isHeld = false;
  /** Decides instead of the log, for the append of this position. */
  verdict: ((position: number) => AppendOutcome | Error | undefined) | undefined;
  trimError: Error | undefined;
  /** As a log does that finds out by itself that it can take nothing more. */
  tellFailure: (reason: Error) => void = () => {};
  readonly #log: MemoryLog;
  #held: Array<() => void> = [];

  private constructor(log: MemoryLog, memory: LogMemory) {
    this.#log = log;
    this.memory = memory;
  }

  static async open(memory = new LogMemory()): Promise<StagedLog> {
    const staged: { log?: StagedLog } = {};
    const defer = (run: () => void): void => {
      if (staged.log?.isHeld === true) staged.log.#held.push(run);
      else queueMicrotask(run);
    };
    staged.log = new StagedLog(await MemoryLog.open({ memory, defer }), memory);
    return staged.log;
  }

  get epoch(): number {
    return this.#log.epoch;
  }

  tail(): number {
    return this.#log.tail();
  }

  head(): number {
    return this.#log.head();
  }

  append(batch: LogBatch, expectedTail: number): Promise<AppendOutcome> {
    const decided = this.verdict?.(batch.position);
    if (decided instanceof Error) return Promise.reject(decided);
    if (decided !== undefined) return Promise.resolve(decided);
    // The bytes are the log's only until the append has resolved.
    this.appended.push({ ...batch, payload: batch.payload.slice() });
    return this.#log.append(batch, expectedTail);
  }

  /** Makes everything durable that was appended until now; what comes later waits again while `isHeld`. */
  release(): void {
    for (const run of this.#held.splice(0)) run();
  }

  read(from: number): AsyncIterable<LogBatch> {
    return this.#log.read(from);
  }

  onFailed(listener: (reason: Error) => void): void {
    this.tellFailure = listener;
  }

  trim(upTo: number): Promise<void> {
    return this.trimError === undefined ? this.#log.trim(upTo) : Promise.reject(this.trimError);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  /** What is durable, decoded. */
  async records(): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    for await (const { payload } of this.#log.read(this.head())) records.push(...decodeRecords(payload));
    return records;
  }
}

/** A memory store whose commits can be made to fail. */
export async function failingStore(
  memory: StoreMemory,
  failures: { left: number },
): Promise<CheckpointStore> {
  const store = await MemoryStore.open({ memory });
  const { commit } = store;
  store.commit = (writes: readonly RowWrite[], position: number): Promise<void> => {
    if (failures.left === 0) return commit.call(store, writes, position);
    failures.left -= 1;
    return Promise.reject(new Error("no space left on the device"));
  };
  return store;
}

/** A memory store whose commits wait for `release` when asked to, and all fail if it says so. */
export async function slowStore(
  memory: StoreMemory,
): Promise<{ readonly store: CheckpointStore; hold(): void; release(failure?: Error): void }> {
  const store = await MemoryStore.open({ memory });
  const { commit } = store;
  let gate = Promise.withResolvers<void>();
  gate.resolve();
  store.commit = async (writes: readonly RowWrite[], position: number): Promise<void> => {
    await gate.promise;
    await commit.call(store, writes, position);
  };
  return {
    store,
    hold() {
      gate = Promise.withResolvers();
    },
    release(failure) {
      if (failure === undefined) gate.resolve();
      else gate.reject(failure);
    },
  };
}

export const rigManifest: EndpointManifest = {
  wires: ["in-process"],
  sdk: "rig",
  runtime: "rig",
  services: [
    { name: "greeter", kind: "service", handlers: [{ name: "greet", kind: "plain" }] },
    { name: "counter", kind: "object", handlers: [{ name: "add", kind: "exclusive" }] },
  ],
};

export type RigOptions = Partial<ProcessorOptions> & {
  readonly logMemory?: LogMemory;
  readonly storeMemory?: StoreMemory;
  /** Runs between the beginning of the start and its end. */
  readonly whileStarting?: (rig: PartitionRig) => Promise<void>;
};

export class PartitionRig {
  readonly clock: VirtualClock;
  readonly log: StagedLog;
  readonly storeMemory: StoreMemory;
  readonly processor: PartitionProcessor;
  /** Effects for the invoker, in the order they were performed. */
  readonly performed: Effect[] = [];
  readonly failures: Error[] = [];
  readonly warnings: string[] = [];
  /** Runs when the processor asks for what sessions have sent. */
  onFlush: () => void = () => {};
  /** Runs when the processor wants handlers to be sent what was performed. */
  onSend: () => void = () => {};
  #nextId = 1;

  private constructor(parts: {
    readonly clock: VirtualClock;
    readonly log: StagedLog;
    readonly storeMemory: StoreMemory;
    readonly processor: PartitionProcessor;
    readonly failures: Error[];
    readonly warnings: string[];
  }) {
    this.clock = parts.clock;
    this.log = parts.log;
    this.storeMemory = parts.storeMemory;
    this.processor = parts.processor;
    this.failures = parts.failures;
    this.warnings = parts.warnings;
  }

  /** Recovers a partition and starts it, with the rig's deployment registered. */
  static async open(options: RigOptions = {}): Promise<PartitionRig> {
    const clock = (options.clock as VirtualClock | undefined) ?? new VirtualClock(START_TIME);
    const log = await StagedLog.open(options.logMemory);
    const storeMemory = options.storeMemory ?? new StoreMemory();
    const failures: Error[] = [];
    const warnings: string[] = [];
    const processor = await PartitionProcessor.recover({
      clock,
      log,
      store: await MemoryStore.open({ memory: storeMemory }),
      settings: defaultFoldSettings,
      checkpoints: defaultCheckpointThresholds,
      batchBytesMax: 1024 * 1024,
      pendingBytesMax: 64 * 1024 * 1024,
      onFailed: (reason) => failures.push(reason),
      onWarning: (message) => warnings.push(message),
      ...options,
    });
    const rig = new PartitionRig({ clock, log, storeMemory, processor, failures, warnings });
    await rig.#start(options.whileStarting);
    return rig;
  }

  async #start(whileStarting: RigOptions["whileStarting"]): Promise<void> {
    await this.processor.propose({
      kind: "register-deployment",
      id: "dp_rig",
      url: "in-process:rig",
      manifest: rigManifest,
      metadata: {},
      headers: {},
      force: false,
      breaking: false,
      dryRun: false,
    });
    const started = this.processor.start({
      perform: (effect) => this.performed.push(effect),
      flush: () => this.onFlush(),
      send: () => this.onSend(),
    });
    await whileStarting?.(this);
    await started;
    this.log.appended.length = 0;
  }

  /** A new invocation of `greeter/greet`, or of `counter/<key>/add`. */
  invoke(
    options: { readonly startAt?: number; readonly key?: string; readonly bytes?: number } = {},
  ): RecordBody & {
    readonly id: string;
  } {
    const { startAt = 0, key = "", bytes = 0 } = options;
    const id = `inv_${String(this.#nextId++).padStart(6, "0")}`;
    return {
      kind: "invoke",
      id,
      target:
        key === ""
          ? { service: "greeter", handler: "greet", key, kind: "plain" }
          : { service: "counter", handler: "add", key, kind: "exclusive" },
      input: encodeMessage({ type: MessageType.Input, headers: [], value: new Uint8Array(bytes) }),
      inputHash: 0,
      idempotencyKey: undefined,
      startAt,
      source: { kind: "ingress", id: "" },
    };
  }

  /** Ends an attempt with success. */
  end(id: string, attempt = 1): RecordBody {
    const end = { type: MessageType.End } as const;
    const message = { type: end.type, body: encodeMessage(end), message: end };
    return { kind: "attempt-messages", id, attempt, messages: [message], childIds: [] };
  }

  /** Proposes, and notes outcomes in `into` in the order they are told. */
  propose(bodies: readonly RecordBody[], into: Outcome[] = []): Outcome[] {
    for (const body of bodies) this.processor.submitFromOutside(body, (outcome) => into.push(outcome));
    return into;
  }

  /** Moves the clock, waking what becomes due. */
  async advance(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    await turns();
    while (this.clock.step(until)) await turns();
  }
}
