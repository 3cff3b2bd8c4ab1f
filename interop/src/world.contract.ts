/** A real engine in this process, and handlers of Restate's SDK that it reaches over a socket. */
import assert from "node:assert/strict";
import type { KeyObject } from "node:crypto";
import { afterEach } from "node:test";

import { defaultFoldSettings, type FoldSettings, type Invocation, type RecordBody } from "@holdfast/engine";
import { messageTypeName, type HandlerKind, type HandlerRef } from "@holdfast/protocol";
import { LocalClient } from "@holdfast/server";
import {
  Engine,
  LogMemory,
  MemoryLog,
  MemoryStore,
  StoreMemory,
  systemClock,
  type EngineLimits,
} from "@holdfast/server/parts";

/** A handler by its name, for whom no definition of ours exists. */
export function ref<Input, Output>(
  name: string,
  kind: HandlerKind = "plain",
): HandlerRef<[input?: Input], Output> {
  const [service = "", handler = ""] = name.split("/");
  return { service, handler, kind } as HandlerRef<[input?: Input], Output>;
}

/** As `ref`, of an object or workflow. */
export function keyedRef<Input, Output>(
  name: string,
  kind: HandlerKind = "exclusive",
): HandlerRef<[key: string, input?: Input], Output> {
  return ref(name, kind) as unknown as HandlerRef<[key: string, input?: Input], Output>;
}

export type WorldOptions = {
  readonly settings?: Partial<FoldSettings>;
  readonly limits?: Partial<EngineLimits>;
  readonly identity?: KeyObject;
  readonly http11Only?: boolean;
  readonly isLambda?: boolean;
};

/** Tries again at once: what is tested is how often, not how long. */
export const quickRetries = {
  initialIntervalMs: 5,
  factor: 1,
  maxIntervalMs: 5,
  maxAttempts: 5,
  onMaxAttempts: "pause",
} as const;

/** As the server is told it: so everything can be run in another version of the protocol. */
export const protocolVersionMax = Number(process.env["HOLDFAST_RESTATE_PROTOCOL_VERSION_MAX"] ?? 6);

const open = new Set<World>();
afterEach(async () => {
  for (const world of open) await world.close();
});

type Closable = { readonly url: string; close(): Promise<void> };

export class World {
  engine!: Engine;
  client!: LocalClient;
  readonly troubles: string[] = [];
  readonly #options: WorldOptions;
  readonly #endpoints: Closable[];
  readonly #logMemory = new LogMemory();
  readonly #storeMemory = new StoreMemory();

  private constructor(endpoints: readonly Closable[], options: WorldOptions) {
    this.#endpoints = [...endpoints];
    this.#options = options;
  }

  /** Registers what the endpoints serve. Is closed, with them, after the test. */
  static async open(endpoints: readonly Closable[], options: WorldOptions = {}): Promise<World> {
    const world = new World(endpoints, options);
    open.add(world);
    await world.#start();
    for (const { url } of endpoints) await world.register(url);
    return world;
  }

  /** Closes this one with the world, too. */
  closeWith(endpoint: Closable): void {
    this.#endpoints.push(endpoint);
  }

  async #start(): Promise<void> {
    const { settings, limits, identity } = this.#options;
    this.engine = await Engine.open({
      clock: systemClock,
      log: await MemoryLog.open({ memory: this.#logMemory }),
      store: await MemoryStore.open({ memory: this.#storeMemory }),
      settings: {
        ...defaultFoldSettings,
        restateVersionMax: protocolVersionMax,
        retryPolicy: quickRetries,
        ...settings,
      },
      ...(limits === undefined ? {} : { limits }),
      ...(identity === undefined ? {} : { identity }),
      onFailed: (reason) => this.troubles.push(String(reason)),
      onWarning: (message) => this.troubles.push(message),
    });
    this.client = new LocalClient(this.engine);
  }

  async register(url: string): Promise<void> {
    const { http11Only = false, isLambda = false } = this.#options;
    await this.propose({
      kind: "register-deployment",
      id: this.engine.deploymentId(),
      url,
      manifest: await this.engine.discover(url, {}, { http11Only, isLambda }),
      metadata: {},
      headers: {},
      force: false,
      breaking: true,
      dryRun: false,
    });
  }

  async propose(body: RecordBody): Promise<void> {
    const outcome = await this.engine.propose(body);
    assert.ok(outcome.ok, JSON.stringify(outcome));
  }

  /** Ends the engine as a crash would, and starts the next one on what is durable. */
  async crash(): Promise<void> {
    this.engine.abandon();
    await this.#start();
  }

  row(id: string): Readonly<Invocation> {
    const row = this.engine.tables.invocations.get(id);
    assert.ok(row, `${id} is gone`);
    return row;
  }

  status(id: string): string {
    return this.row(id).status;
  }

  /** Names of the messages in a journal, in order. */
  journal(id: string): string[] {
    return this.engine.tables.journal(this.row(id)).map(({ type }) => messageTypeName(type));
  }

  countOf(id: string, name: string): number {
    return this.journal(id).filter((entry) => entry === name).length;
  }

  /** Why it was paused, or why its last attempt failed: "code: message". */
  reason(id: string): string {
    const event = this.row(id).events.at(-1);
    return `${event?.code}: ${event?.message}`;
  }

  /** Why each of its attempts failed, as far as that is kept. */
  failures(id: string): string[] {
    return this.row(id)
      .events.filter(({ kind }) => kind === "attempt-failed")
      .map(({ code, message }) => `${code}: ${message}`);
  }

  async close(): Promise<void> {
    open.delete(this);
    await this.engine.close();
    for (const endpoint of this.#endpoints) await endpoint.close();
  }
}

let names = 0;
/** What a handler counts under must be no other test's. */
export function fresh(what: string): string {
  names += 1;
  return `${what}-${names}`;
}

const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 2;

/** Waits until something holds that needs real time. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > deadline) assert.fail(`${what}: did not come about`);
    await pause(LOOK_AGAIN_MS);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
