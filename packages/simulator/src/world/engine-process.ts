/**
 * The engine's process: the product's log, store, engine, ingress and admin, composed as the server does it, over the
 * simulated disk, network and clock of its machine.
 */
import { objectKey, type Tables } from "@holdfast/engine";
import { encodeValue } from "@holdfast/protocol";
import {
  createAdmin,
  createIngress,
  EmbeddedLog,
  Engine,
  MemoryStore,
  NativeWire,
  PlainConnection,
} from "@holdfast/server/parts";
import type { CheckpointStore, Clock, EngineOptions, HttpHandler } from "@holdfast/server/parts";

import type { WorldEvent } from "../invariants/world-event.ts";
import type { EngineMachine } from "./engine-machine.ts";
import { httpSettings } from "./http-settings.ts";
import { Lane, Lifetime } from "./lifetime.ts";
import { batchesOf, ObservedLog } from "./observed-log.ts";
import { ObservedWire } from "./observed-wire.ts";
import { processClock } from "./process-clock.ts";
import type { SimSocket } from "./sim-socket.ts";

export const INGRESS = "engine:8080";
export const ADMIN = "engine:9070";
const LOG_DIRECTORY = "/data/log";
const NONCE_BYTES = 8;
/** As the log's thread has it, ms. */
const SEAL_AFTER_MS = 20;
const PLAIN_LIMITS = { headBytesMax: 64 * 1024, bodyBytesMax: 1024 * 1024 };

export type EngineProcessEvents = {
  readonly emit: (event: WorldEvent) => void;
  /** The process has ended by itself: it could not start, or could not go on. */
  readonly ended: (process: EngineProcess, reason: Error) => void;
  /** The log is open. */
  readonly opened: (report: EmbeddedLog["report"]) => void;
  /** It has recovered, and has read whatever it reads of the log. */
  readonly recovered: () => void;
  /** Something that no correct program does. */
  readonly defect: (error: unknown) => void;
};

export class EngineProcess {
  readonly life: number;
  readonly lifetime: Lifetime;
  readonly #machine: EngineMachine;
  readonly #events: EngineProcessEvents;
  readonly #clock: Clock;
  #engine: Engine | undefined;
  #tables: Tables | undefined;
  #isSealing = false;
  #commits = 0;
  readonly #http = httpSettings();
  /** Position of the last batch that a seal vouches for. */
  #sealed: number | undefined;
  #log: EmbeddedLog | undefined;

  constructor(machine: EngineMachine, life: number, events: EngineProcessEvents) {
    this.#machine = machine;
    this.life = life;
    this.#events = events;
    this.lifetime = new Lifetime(machine.scheduler);
    this.#clock = processClock(machine.scheduler, machine.wall, this.lifetime);
  }

  get engine(): Engine | undefined {
    return this.#engine;
  }

  /** A checkpoint is being stored. */
  get isCommitting(): boolean {
    return this.#commits > 0;
  }

  start(): void {
    this.#open().catch((error: unknown) => {
      if (this.lifetime.isAlive)
        this.#events.ended(this, error instanceof Error ? error : new Error(String(error)));
    });
  }

  async #open(): Promise<void> {
    const { disk, random, tuning, latency } = this.#machine;
    const commits = new Lane(this.lifetime, () => latency.commitMs());
    const store = await MemoryStore.open({ memory: this.#machine.storeMemory, defer: commits.run });
    const nonces = random.fork(`nonce ${this.life}`);
    const turns = new Lane(this.lifetime, () => latency.diskMs());
    const log = await EmbeddedLog.open({
      dir: LOG_DIRECTORY,
      disk,
      segmentBytes: tuning.segmentBytes,
      minimumTail: store.appliedPosition(),
      nonce: () => nonces.bytes(NONCE_BYTES),
      defer: turns.run,
    });
    this.#log = log;
    this.#events.opened(log.report);
    const observed = new ObservedLog(log, this.life, (event) => {
      this.#events.emit(event);
      if (event.kind === "durable") this.#sealWhenIdle();
    });
    const batches = await batchesOf(log);
    const engine = await Engine.open(this.#options(observed, store, batches));
    this.#engine = engine;
    this.#events.recovered();
    this.#listen(engine);
  }

  #options(
    log: ObservedLog,
    store: CheckpointStore,
    batches: Awaited<ReturnType<typeof batchesOf>>,
  ): EngineOptions {
    const { tuning, random, discover } = this.#machine;
    const ids = random.fork(`ids ${this.life}`);
    return {
      clock: this.#clock,
      log,
      store: this.#observedStore(store),
      settings: tuning.fold,
      limits: tuning.limits,
      checkpoints: tuning.checkpoints,
      retentionIntervalMs: tuning.retentionIntervalMs,
      outside: {
        connect: (deployment) => this.#connect(deployment.id, deployment.url),
        discover,
        fillRandom: (bytes) => bytes.set(ids.bytes(bytes.length)),
      },
      onRecovered: (tables) => {
        this.#tables = tables;
        this.#events.emit({
          kind: "recovered",
          life: this.life,
          epoch: log.epoch,
          checkpointPosition: store.appliedPosition(),
          batches,
          tables,
        });
      },
      onFailed: (reason) => {
        if (this.lifetime.isAlive) this.lifetime.after(0, () => this.#events.ended(this, reason));
      },
      onWarning: () => {},
    };
  }

  #observedStore(store: CheckpointStore): CheckpointStore {
    const { life } = this;
    const { emit } = this.#events;
    const { failCommit } = this.#machine;
    return new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (name !== "commit")
          return typeof value === "function" ? (value as () => unknown).bind(target) : value;
        return async (...args: Parameters<CheckpointStore["commit"]>) => {
          this.#commits += 1;
          using _ended = { [Symbol.dispose]: () => void (this.#commits -= 1) };
          if (failCommit()) throw Object.assign(new Error("ENOSPC: injected, the store"), { code: "ENOSPC" });
          await target.commit(...args);
          emit({ kind: "checkpointed", life, position: args[1] });
        };
      },
    });
  }

  #connect(deployment: string, url: string): ObservedWire {
    const { network, tuning } = this.#machine;
    const wire = new NativeWire({
      clock: this.#clock,
      url,
      headers: {},
      messageBytesMax: tuning.limits.messageBytesMax,
      sessionNumberMax: tuning.sessionNumberMax,
      creditBytes: tuning.creditBytes,
      dial: (target, listener) => {
        network.connect(new URL(target.url).host, this.lifetime, {
          opened: (socket) => listener.opened(socket, new Uint8Array(0)),
          failed: (reason) => listener.failed(`${target.url} cannot be reached: ${reason}`),
        });
        return () => {};
      },
    });
    return new ObservedWire(wire, {
      deployment,
      life: this.life,
      emit: this.#events.emit,
      attemptOf: (invocation) => this.#tables?.invocations.get(invocation)?.attempt ?? 0,
    });
  }

  #listen(engine: Engine): void {
    const { network } = this.#machine;
    const serve = (handle: HttpHandler) => (socket: SimSocket) => this.#serve(socket, handle);
    const ingress = createIngress(engine, this.#http.ingress, this.#events.defect);
    const admin = createAdmin(engine, this.#http.admin, this.#events.defect);
    network.listen(INGRESS, this.lifetime, serve(ingress));
    network.listen(ADMIN, this.lifetime, serve(admin));
  }

  /** As the product's listener does it, with one difference: a head that comes in pieces is Node's there, and waited for here. */
  #serve(socket: SimSocket, handle: HttpHandler): void {
    void new PlainConnection({
      socket,
      limits: PLAIN_LIMITS,
      keepAliveS: 60,
      budget: this.#http.budget,
      noRoom: () => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
      now: () => this.#clock.now(),
      handle,
      handOver: (bytes) => {
        const begun = Buffer.from(bytes);
        if (begun.includes("\r\n\r\n"))
          this.#events.defect(
            new Error(
              "A request of the simulated client is not plain: " +
                JSON.stringify(begun.toString().slice(0, 400)),
            ),
          );
        const goOn = (chunk: Buffer): void => {
          socket.off("data", goOn);
          this.#serve(socket, handle);
          socket.received(Buffer.concat([begun, chunk]));
        };
        socket.on("data", goOn);
      },
      onEnd: () => {},
    });
  }

  /** What the log's own thread does: an idle log gets a seal, by which recovery tells what was torn off from what was lost. */
  #sealWhenIdle(): void {
    if (this.#isSealing) return;
    this.#isSealing = true;
    const tail = this.#log?.tail();
    this.lifetime.after(SEAL_AFTER_MS, () => {
      this.#isSealing = false;
      if (this.#log?.tail() !== tail) this.#sealWhenIdle();
      else this.#seal(tail);
    });
  }

  #seal(tail: number | undefined): void {
    // It fails only with the log, and that is told otherwise.
    this.#log?.seal().then(
      () => (this.#sealed = tail),
      () => undefined,
    );
  }

  /** Nothing was handed to the log since it was idle for so long that it sealed itself. */
  get isLogSealed(): boolean {
    return this.#sealed !== undefined && this.#sealed === this.#log?.tail() && this.isQuiet;
  }

  /** As an operator would: requests that change state by other methods than POST are not plain. */
  patchState(key: string): void {
    const engine = this.#engine;
    const state = engine?.tables.objects.get(objectKey("thing", key))?.state;
    if (engine === undefined || state === undefined) return;
    const entries = [...new Map([...state, ["patched", encodeValue(1)] as const])];
    // Refused while there is no room, and that is an answer too.
    engine
      .propose({ kind: "patch-state", service: "thing", key, expectedVersion: -1, entries })
      .catch(() => undefined);
  }

  /** Whether there is nothing on its way. */
  get isQuiet(): boolean {
    return this.#engine?.isQuiet === true;
  }
}
