/** An engine whose handlers are reached over one wire or the other, for tests that must hold over both. */
import assert from "node:assert/strict";
import type { KeyObject } from "node:crypto";

import type { FoldSettings, Invocation, OutcomeDetail, RecordBody } from "@holdfast/engine";
import { defaultFoldSettings } from "@holdfast/engine";
import { decodeMessage, type EndpointManifest, type Message, type Servable } from "@holdfast/protocol";
import { serve } from "@holdfast/sdk";

import { systemClock } from "../clock.ts";
import { endpointsOf } from "../embedded/endpoints.ts";
import { LocalClient } from "../embedded/local-client.ts";
import { Engine, type EngineLimits } from "../engine.ts";
import { LogMemory } from "../log/memory-log.ts";
import { StagedLog } from "../partition/partition-rig.contract.ts";
import { MemoryStore, StoreMemory } from "../store/memory-store.ts";
import { EndpointAddresses } from "./endpoint-address.ts";
import { networkRules } from "./network-rules.ts";
import { RequestSigner } from "./request-signer.ts";

/** Where handlers may be when nothing is configured. */
export function anyAddress(): EndpointAddresses {
  return new EndpointAddresses(networkRules({ allowed: [], denied: [] }));
}

/** How handlers are reached. */
export interface Reach {
  readonly endpoints: ReturnType<typeof endpointsOf>;
  /** Where the deployment is registered; `undefined` for handlers in the engine's process. */
  readonly url: string | undefined;
  /** What the engine signs its requests with. */
  readonly identity?: KeyObject;
  close(): Promise<void>;
}

export type ReachHandlers = (services: readonly Servable[]) => Promise<Reach>;

/** Handlers in the engine's own process. */
export const inProcess: ReachHandlers = (services) =>
  Promise.resolve({ endpoints: endpointsOf(services), url: undefined, close: () => Promise.resolve() });

/** Handlers behind a socket on this machine. */
export const overSocket: ReachHandlers = async (services) => {
  const served = await serve({ services, port: 0, drainTimeout: "1s" });
  return { endpoints: new Map(), url: served.url, close: () => served.close() };
};

/** The same, behind an endpoint that listens to this engine's key alone. */
export function overSignedSocket(identity: KeyObject): ReachHandlers {
  const { publicKey } = new RequestSigner(identity, Date.now);
  return async (services) => {
    const served = await serve({ services, port: 0, drainTimeout: "1s", identityKeys: [publicKey] });
    return { endpoints: new Map(), url: served.url, identity, close: () => served.close() };
  };
}

export type WorldOptions = {
  readonly settings?: Partial<FoldSettings>;
  readonly limits?: Partial<EngineLimits>;
};

/** One engine after the other on the same log and store, and the handlers they reach. */
export class SessionWorld {
  engine!: Engine;
  client!: LocalClient;
  log!: StagedLog;
  readonly failures: Error[] = [];
  readonly #reach: Reach;
  readonly #options: WorldOptions;
  readonly #logMemory = new LogMemory();
  readonly #storeMemory = new StoreMemory();

  private constructor(reach: Reach, options: WorldOptions) {
    this.#reach = reach;
    this.#options = options;
  }

  static async open(reach: Reach, options: WorldOptions = {}): Promise<SessionWorld> {
    const world = new SessionWorld(reach, options);
    await world.#start();
    if (reach.url !== undefined) await world.register(reach.url);
    return world;
  }

  async #start(): Promise<void> {
    this.log = await StagedLog.open(this.#logMemory);
    this.engine = await Engine.open({
      clock: systemClock,
      log: this.log,
      store: await MemoryStore.open({ memory: this.#storeMemory }),
      endpoints: this.#reach.endpoints,
      settings: { ...defaultFoldSettings, ...this.#options.settings },
      ...(this.#options.limits === undefined ? {} : { limits: this.#options.limits }),
      ...(this.#reach.identity === undefined ? {} : { identity: this.#reach.identity }),
      onFailed: (reason) => this.failures.push(reason),
      onWarning: (message) => this.failures.push(new Error(message)),
    });
    this.client = new LocalClient(this.engine);
  }

  async register(url: string, manifest?: EndpointManifest): Promise<OutcomeDetail> {
    return this.request({
      kind: "register-deployment",
      id: this.engine.deploymentId(),
      url,
      manifest: manifest ?? (await this.engine.discover(url, {})),
      metadata: {},
      headers: {},
      force: false,
      breaking: true,
      dryRun: false,
    });
  }

  async request(body: RecordBody): Promise<OutcomeDetail> {
    const outcome = await this.engine.propose(body);
    assert.ok(outcome.ok, JSON.stringify(outcome));
    return outcome.detail ?? {};
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
    return this.engine.tables.invocations.get(id)?.status ?? "gone";
  }

  journal(id: string): Message[] {
    return this.engine.tables.journal(this.row(id)).map((entry) => decodeMessage(entry.type, entry.body));
  }

  /** Why it was paused, or why its last attempt failed: "code: message". */
  reason(id: string): string {
    const event = this.row(id).events.at(-1);
    return `${event?.code}: ${event?.message}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    // Whatever a test left running ends here.
    this.log.isHeld = false;
    this.log.release();
    await this.engine.close();
    await this.#reach.close();
  }
}

const PATIENCE_MS = 20_000;
const LOOK_AGAIN_MS = 2;

/** Waits until something holds that needs real time: sockets, timeouts. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > deadline) assert.fail(`${what}: did not come about`);
    await pause(LOOK_AGAIN_MS);
  }
}

/** Gives whatever must not happen the time to happen. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Counts the attempts that a handler's process has in memory: begun, neither ended nor suspended. */
export class AttemptsInMemory {
  current = 0;
  begun = 0;

  enter(signal: AbortSignal): void {
    this.current += 1;
    this.begun += 1;
    signal.addEventListener("abort", () => {
      this.current -= 1;
    });
  }
}
