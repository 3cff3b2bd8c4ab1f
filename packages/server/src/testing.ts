/**
 * The real engine in the test's own process: a log in memory, and a clock that moves when the test says so. Waiting three
 * days takes as long as what happens in them.
 */
import { defaultFoldSettings, type FoldSettings } from "@holdfast/engine";
import { parseDuration, type HandlerEndpoint, type Servable } from "@holdfast/protocol";

import { endpointsOf } from "./embedded/endpoints.ts";
import { LocalClient } from "./embedded/local-client.ts";
import { Engine, type EngineLimits } from "./engine.ts";
import type { PartitionLog } from "./log/log.ts";
import { LogMemory, MemoryLog } from "./log/memory-log.ts";
import type { CheckpointThresholds } from "./partition/checkpointer.ts";
import { MemoryStore, StoreMemory } from "./store/memory-store.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** 2030-01-01T00:00:00Z: a time that no code mistakes for now. */
const DEFAULT_START = 1_893_456_000_000;
/** Turns of the event loop without anything to do after which a test engine counts as idle. */
const IDLE_TURNS = 3;
/** A step that does real work is waited for this long, real ms. One that waits for the test itself must not hang it. */
const STEP_WAIT_MS_MAX = 100;
const RETENTION_INTERVAL_MS = 3_600_000;

export type TestEngineOptions = {
  readonly services: readonly Servable[];
  /** Where the virtual clock begins, milliseconds since the epoch. Default: 2030-01-01. */
  readonly startTime?: number;
  /** Timeouts, retry policy, retention and limits of journals and state, where they shall not be the defaults. */
  readonly settings?: Partial<FoldSettings>;
  readonly limits?: Partial<EngineLimits>;
  /** When checkpoints are taken. */
  readonly checkpoints?: Partial<CheckpointThresholds>;
};

/**
 * Starts a test engine. Close it at the end of the test, or write `await using engine = await createTestEngine(…)`.
 *
 * @example
 * const engine = await createTestEngine({ services: [deploy, cleanup] });
 * const handle = await engine.send(deploy, { app: "shop", rev: "42" });
 * await engine.advance("3d");
 * assert.equal(await handle.attach(), "live");
 */
export function createTestEngine(options: TestEngineOptions): Promise<TestEngine> {
  return TestEngine.open(options);
}

export type TestEngineInternals = {
  /** Opens the log on each start. */
  readonly openLog?: (memory: LogMemory) => Promise<PartitionLog>;
  /** Endpoints of this process instead of one for `services`. May grow while the engine runs. */
  readonly endpoints?: ReadonlyMap<string, HandlerEndpoint>;
};

export class TestEngine extends LocalClient {
  readonly engine: Engine;
  readonly clock: VirtualClock;
  readonly #parts: Parts;
  /** Progress at which waiting for steps was given up: they wait for the test, and not for the processor. */
  #gaveUpAt = -1;

  private constructor(engine: Engine, parts: Parts) {
    super(engine);
    this.engine = engine;
    this.clock = parts.clock;
    this.#parts = parts;
  }

  /** `internals` is for tests of the engine itself. */
  static async open(options: TestEngineOptions, internals: TestEngineInternals = {}): Promise<TestEngine> {
    const clock = new VirtualClock(options.startTime ?? DEFAULT_START);
    return TestEngine.#start({
      clock,
      memory: new LogMemory(),
      store: new StoreMemory(),
      options,
      internals,
    });
  }

  static async #start(parts: Parts): Promise<TestEngine> {
    const { services, settings, limits, checkpoints } = parts.options;
    const { openLog, endpoints } = parts.internals;
    const engine = await Engine.open({
      clock: parts.clock,
      log: await (openLog?.(parts.memory) ?? MemoryLog.open({ memory: parts.memory })),
      store: await MemoryStore.open({ memory: parts.store }),
      endpoints: endpoints ?? endpointsOf(services, parts.clock),
      retentionIntervalMs: RETENTION_INTERVAL_MS,
      settings: { ...defaultFoldSettings, ...settings },
      ...(limits === undefined ? {} : { limits }),
      ...(checkpoints === undefined ? {} : { checkpoints }),
      onFailed: (reason) => {
        throw reason;
      },
      onWarning: (message) => {
        throw new Error(message);
      },
    });
    return new TestEngine(engine, parts);
  }

  /** Lets everything happen that needs no time to pass. */
  async settle(): Promise<void> {
    let idle = 0;
    let seen = this.engine.progress;
    let busySince = performance.now();
    while (idle < IDLE_TURNS) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      const moved = this.engine.progress !== seen;
      seen = this.engine.progress;
      if (moved) busySince = performance.now();
      const isWaiting = !moved && !this.engine.isQuiet && this.#gaveUpAt !== seen;
      if (isWaiting && performance.now() - busySince >= STEP_WAIT_MS_MAX) this.#gaveUpAt = seen;
      idle = moved || isWaiting ? 0 : idle + 1;
    }
  }

  /** Moves the clock, waking everything that becomes due on the way, in order. Milliseconds, or a duration like "3d". */
  async advance(by: number | string): Promise<void> {
    const ms = typeof by === "number" ? by : parseDuration(by);
    if (ms === undefined)
      throw new RangeError(`Not a duration: "${by}". Write for example "90s", "3d" or "1h30m"`);
    const until = this.clock.now() + ms;
    await this.settle();
    while (this.clock.step(until)) await this.settle();
  }

  /** Ends the engine as a crash would, and starts it again on what was durable, with the same or with new code. */
  async restart(services: readonly Servable[] = this.#parts.options.services): Promise<TestEngine> {
    this.engine.abandon();
    return TestEngine.#start({ ...this.#parts, options: { ...this.#parts.options, services } });
  }

  async close(): Promise<void> {
    await this.engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

type Parts = {
  readonly clock: VirtualClock;
  readonly memory: LogMemory;
  readonly store: StoreMemory;
  readonly internals: TestEngineInternals;
  readonly options: TestEngineOptions;
};
