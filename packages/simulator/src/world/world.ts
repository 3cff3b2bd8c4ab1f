/**
 * A simulated world: one engine, the processes that serve handlers, clients, and everything that can happen to them. All of
 * it is the product's own code but for what the product is given (clock, disk, network, randomness), and all of it follows
 * from one seed.
 */
import { HoldfastError, type EndpointManifest } from "@holdfast/protocol";
import type { Servable } from "@holdfast/sdk";
import {
  FaultDisk,
  LogCorruptError,
  parseManifest,
  StoreMemory,
  type InjectedFault,
} from "@holdfast/server/parts";

import type { WorldEvent } from "../invariants/world-event.ts";
import type { ProgramHost } from "../programs/host.ts";
import type { ServicesVersion } from "../programs/services.ts";
import type { Random } from "../random.ts";
import { Clients } from "./clients.ts";
import type { EngineMachine } from "./engine-machine.ts";
import { EngineProcess } from "./engine-process.ts";
import { HandlerProcess } from "./handler-process.ts";
import { Lifetime } from "./lifetime.ts";
import { Network } from "./network.ts";
import type { Fault } from "./plan.ts";
import { WallClock } from "./process-clock.ts";
import { Scheduler } from "./scheduler.ts";
import type { Tuning } from "./tuning.ts";
import type { WorldMarker } from "./world-markers.ts";

/** A process that could not start tries again after at least so long, ms. */
const START_AGAIN_MS = 5_000;
/** As the log has it. */
const FRAME_ALIGNMENT = 512;
/** Probability that a sector which was being written when power was lost holds neither what was there nor what was written. */
const GARBAGE = 0.1;
const LOG_DIRECTORY = "/data/log";

/** What a process says that ends because of a fault of the disk, and which faults those are. */
const ENDS: ReadonlyArray<{ readonly text: RegExp; readonly faults: readonly InjectedFault[] }> = [
  { text: /STOPPED/, faults: ["stop"] },
  { text: /EIO/, faults: ["sync", "read"] },
  { text: /EMFILE/, faults: ["open"] },
  { text: /ENOSPC|disk is full/, faults: ["full"] },
];

export type WorldOptions = {
  readonly random: Random;
  readonly tuning: Tuning;
  readonly services: (host: ProgramHost, version: ServicesVersion) => readonly Servable[];
  /** Hears of everything, in order. What it throws ends the run. */
  readonly observe: (event: WorldEvent, at: number) => void;
  readonly onVerb: (invocation: string, attempt: number, verb: string) => void;
};

/** Bits that are others than those that were written. */
type Rot = { readonly path: string; readonly offset: number; readonly masks: readonly number[] };

export class World {
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly wall: WallClock;
  readonly disk: FaultDisk;
  readonly clients: Clients;
  readonly clientsLifetime: Lifetime;
  readonly seen = new Set<WorldMarker>();
  /** The first thing that was wrong. */
  failure: Error | undefined;
  engine: EngineProcess | undefined;
  /** How much slower than usual the disk is. */
  slowness = 1;
  commitsFail = false;
  /** Operations of the disk that were slower than usual, and commits that failed. */
  slowed = 0;
  failedCommits = 0;
  /** What a crash that begins inside the disk is, and how long the process then stays away, ms. */
  crashHow: "kill" | "power" = "kill";
  downMs = 1;
  readonly #options: WorldOptions;
  readonly #storeMemory = new StoreMemory();
  readonly #handlers = new Map<ServicesVersion, HandlerProcess>();
  readonly #failures = new Map<string, number>();
  readonly #rot: Rot[] = [];
  #lives = 0;
  /** What the disk had done to the processes before the present one. */
  #injectedBefore: ReadonlyMap<InjectedFault, number> = new Map();

  constructor(options: WorldOptions) {
    const { random, tuning } = options;
    this.#options = options;
    this.scheduler = new Scheduler(random.fork("scheduler"));
    this.wall = new WallClock(this.scheduler);
    this.network = new Network(this.scheduler, random.fork("network"), {
      delayMinMs: 0.01,
      delayMaxMs: tuning.networkMs,
      cutChance: tuning.cutChance,
    });
    const disk = random.fork("disk");
    this.disk = new FaultDisk({
      random: () => disk.below(2 ** 32) / 2 ** 32,
      sectorBytes: tuning.sectorBytes,
    });
    this.disk.writeBytesMax = tuning.writeBytesMax;
    this.clientsLifetime = new Lifetime(this.scheduler);
    this.clients = new Clients({
      network: this.network,
      lifetime: this.clientsLifetime,
      emit: (event) => this.emit(event),
      patchState: (key) => this.engine?.patchState(key),
    });
  }

  emit(event: WorldEvent): void {
    if (this.failure !== undefined) return;
    try {
      this.#options.observe(event, this.wall.now());
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the run. The first reason counts. */
  fail(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error));
    this.scheduler.stop();
  }

  start(): void {
    for (const version of [1, 2] as const) this.#startHandlers(version);
    this.#startEngine();
  }

  // -- the engine ----------------------------------------------------------------------------------------------------

  #startEngine(): void {
    this.#lives += 1;
    this.#injectedBefore = new Map(this.disk.injected);
    const process = new EngineProcess(this.#machine(), this.#lives, {
      emit: (event) => this.emit(event),
      opened: (report) => {
        if (report.tornTail !== undefined) this.seen.add("log: a torn tail was cut off");
        if (report.rewrittenBatches > 0)
          this.seen.add("log: batches that nothing vouched for were written again");
      },
      recovered: () => this.#repairQuietRot(),
      ended: (ended, reason) => this.#engineEnded(ended, reason),
      defect: (error) => this.fail(error),
    });
    this.engine = process;
    process.start();
  }

  #machine(): EngineMachine {
    const { random, tuning } = this.#options;
    const latencies = random.fork(`latencies ${this.#lives}`);
    const draw = (max: number): number => (max * (1 + latencies.below(1_000)) * this.slowness) / 1_000;
    return {
      scheduler: this.scheduler,
      network: this.network,
      wall: this.wall,
      disk: this.disk,
      storeMemory: this.#storeMemory,
      random,
      tuning,
      latency: { diskMs: () => this.#slowed(draw(tuning.diskMs)), commitMs: () => draw(tuning.commitMs) },
      failCommit: () => {
        if (this.commitsFail) this.failedCommits += 1;
        return this.commitsFail;
      },
      discover: (url) => this.#discover(url),
    };
  }

  #slowed(ms: number): number {
    if (this.slowness > 1) this.slowed += 1;
    return ms;
  }

  /** The process ended by itself. A program that is told why ends with an error, and whoever watches over it starts it again. */
  #engineEnded(process: EngineProcess, reason: Error): void {
    // What cannot be read counts as damage, and is there again when it can.
    if (reason instanceof LogCorruptError && reason.message.includes("the disk cannot read it")) {
      this.crashEngine("kill", START_AGAIN_MS);
    } else if (reason instanceof LogCorruptError) {
      if (this.#rot.length === 0) {
        this.fail(new Error(`LOG-8: nothing is rotten, and yet: ${reason.message}`));
        return;
      }
      this.seen.add("log: damage was found and stopped the start");
      this.#restoreRotten();
      this.crashEngine("kill", START_AGAIN_MS);
    } else if (this.#isExpected(reason)) {
      this.#noteEnd(reason, process);
      const how = reason.message.includes("STOPPED") ? this.crashHow : "kill";
      const couldStart = process.engine !== undefined;
      this.crashEngine(how, couldStart ? this.downMs : Math.max(START_AGAIN_MS, this.downMs));
    } else {
      this.fail(new Error(`The engine of life ${process.life} ended: ${reason.message}`, { cause: reason }));
    }
  }

  /** Only what was done to this very process may end it. */
  #isExpected({ message }: Error): boolean {
    const { injected } = this.disk;
    return ENDS.some(
      ({ text, faults }) =>
        text.test(message) &&
        faults.some((fault) => (injected.get(fault) ?? 0) > (this.#injectedBefore.get(fault) ?? 0)),
    );
  }

  #noteEnd({ message }: Error, process: EngineProcess): void {
    if (message.includes("STOPPED")) this.seen.add("log: the machine stopped inside a change of the disk");
    if (message.includes("EIO") && process.engine !== undefined)
      this.seen.add("log: a failed sync ended the process");
    if (/ENOSPC|disk is full/.test(message) && process.engine === undefined)
      this.seen.add("log: too little room to start");
  }

  /** Ends the process, if there is one, and starts another one after `downMs`. */
  crashEngine(how: "kill" | "power", downMs: number): void {
    const process = this.engine;
    if (process === undefined) return;
    this.engine = undefined;
    if (process.isCommitting) this.seen.add("store: a checkpoint was lost in a crash");
    process.lifetime.end();
    this.network.processEnded(process.lifetime, how === "power");
    // Frames begin at multiples of 512. A larger sector holds acknowledged ones too: the log takes for granted that it is
    // written as a whole or not at all.
    const garbage = this.#options.tuning.sectorBytes === FRAME_ALIGNMENT ? GARBAGE : 0;
    if (how === "power") this.disk.cutPower({ garbage });
    else this.disk.killProcess();
    this.emit({ kind: "crashed", life: process.life, how });
    this.scheduler.after(downMs, () => {
      this.#startEngine();
    });
  }

  /** Changes a part of a log segment for which something vouches: others follow it, or a seal is in it. False when there is none. */
  rot(where: number, what: (Fault & { readonly kind: "rot" })["what"]): boolean {
    if (this.engine === undefined || this.#rot.length > 0) return false;
    const segments = this.disk
      .list(LOG_DIRECTORY)
      .filter((name) => name.endsWith(".segment"))
      .sort();
    const vouched = this.engine.isLogSealed ? segments : segments.slice(0, -1);
    const name = vouched[where % Math.max(1, vouched.length)];
    if (name === undefined) return false;
    const path = `${LOG_DIRECTORY}/${name}`;
    // Segments are files of zeros, most of which nothing was written to yet.
    const contents = this.disk.contents(path);
    const written = contents.subarray(0, contents.findLastIndex((byte) => byte !== 0) + 1);
    if (written.length === 0) return false;
    const rot = { path, ...rotIn(written, where, what) };
    if (rot.masks.every((mask) => mask === 0)) return false;
    this.#rot.push(rot);
    this.#flip(rot);
    this.crashEngine("kill", 1);
    return true;
  }

  /** Twice is not at all. */
  #flip({ path, offset, masks }: Rot): void {
    for (const [index, mask] of masks.entries()) this.disk.corrupt(path, offset + index, mask);
  }

  /** From a copy, as an operator would. */
  #restoreRotten(): void {
    for (const rot of this.#rot.splice(0)) this.#flip(rot);
  }

  /** Damage that recovery passed over lies where nothing is read: it is taken back, so that later damage can be told from it. */
  #repairQuietRot(): void {
    for (const rot of this.#rot.splice(0)) {
      const stillThere = this.disk.list(LOG_DIRECTORY).some((name) => rot.path.endsWith(`/${name}`));
      if (stillThere) this.#flip(rot);
    }
  }

  // -- handlers ------------------------------------------------------------------------------------------------------

  handlers(version: ServicesVersion): HandlerProcess | undefined {
    return this.#handlers.get(version);
  }

  #startHandlers(version: ServicesVersion): void {
    const { tuning, services } = this.#options;
    const lifetime = new Lifetime(this.scheduler);
    const process = new HandlerProcess({
      scheduler: this.scheduler,
      network: this.network,
      wall: this.wall,
      address: `handlers-${version}:9080`,
      services: services(this.#host(lifetime), version),
      sessionsMax: tuning.sessionsMax,
      creditBytes: tuning.creditBytes,
      lifetime,
    });
    this.#handlers.set(version, process);
  }

  crashHandlers(version: ServicesVersion, downMs: number): boolean {
    const process = this.#handlers.get(version);
    if (process === undefined) return false;
    this.#handlers.delete(version);
    process.lifetime.end();
    this.network.processEnded(process.lifetime, false);
    this.scheduler.after(downMs, () => this.#startHandlers(version));
    return true;
  }

  #discover(url: string): Promise<EndpointManifest> {
    const version = url.includes("handlers-1") ? 1 : 2;
    const process = this.#handlers.get(version);
    return process === undefined
      ? Promise.reject(new HoldfastError("deployment-unreachable", { url, reason: "ECONNREFUSED" }))
      : Promise.resolve(parseManifest(url, JSON.stringify(process.manifest)));
  }

  /** What handlers of one process reach. A process that is dead reaches nothing. */
  #host(lifetime: Lifetime): ProgramHost {
    return {
      verb: (invocation, attempt, verb) => this.#options.onVerb(invocation, attempt, verb),
      stepBegan: (invocation, attempt, name, key) =>
        this.emit({ kind: "step-began", invocation, attempt, name, key }),
      stepEnded: (invocation, attempt, name, key, ok) =>
        this.emit({ kind: "step-ended", invocation, attempt, name, key, ok }),
      sleepInStep: (ms, signal) =>
        new Promise((resolve, reject) => {
          const cancel = lifetime.after(ms, resolve);
          signal.addEventListener("abort", () => {
            cancel();
            reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
          });
        }),
      fails: (invocation, place, times) => {
        const key = `${invocation} ${place}`;
        const count = this.#failures.get(key) ?? 0;
        if (count >= times) return false;
        this.#failures.set(key, count + 1);
        return true;
      },
      violated: (invocation, problem) => {
        // An operator who changes the state of an object changes what its handlers read.
        if (!this.clients.hasPatchedState) this.fail(new Error(`KEY-3: ${invocation}: ${problem}`));
      },
      handOver: (what) => {
        const { tuning, random } = this.#options;
        const soon = 1 + tuning.networkMs;
        this.clientsLifetime.after(soon, () => this.clients.settle(what));
        // People click twice.
        const isRepeated = random.fork(`again ${JSON.stringify(what)}`).chance(0.3);
        if (isRepeated) this.clientsLifetime.after(20 * soon, () => this.clients.settle(what));
      },
    };
  }
}

/** What is different in a file, as bits by place. */
function rotIn(
  written: Uint8Array,
  where: number,
  what: (Fault & { readonly kind: "rot" })["what"],
): Omit<Rot, "path"> {
  if (typeof what !== "string") {
    const offset = where % written.length;
    return { offset, masks: what.slice(0, written.length - offset) };
  }
  const sectors = Math.ceil(written.length / FRAME_ALIGNMENT);
  const sector = where % sectors;
  const sectorOf = (number: number): Uint8Array =>
    written.subarray(number * FRAME_ALIGNMENT, (number + 1) * FRAME_ALIGNMENT);
  // Segments are zeros before they are written. What lands in a wrong place was meant for one nearby.
  const instead = what === "stale" ? new Uint8Array(0) : sectorOf((sector + 1) % sectors);
  const masks = Array.from(sectorOf(sector), (byte, index) => byte ^ (instead[index] ?? 0));
  return { offset: sector * FRAME_ALIGNMENT, masks };
}
