/** One engine: a partition at work with its invoker and the wires to its deployments. Composed here, by hand. */
import type { KeyObject } from "node:crypto";

import {
  defaultFoldSettings,
  type DeploymentRow,
  type FoldSettings,
  type Outcome,
  type RecordBody,
  type Tables,
} from "@holdfast/engine";
import {
  HoldfastError,
  isErrorCode,
  type EndpointManifest,
  type HandlerEndpoint,
  type Result,
} from "@holdfast/protocol";

import type { Clock } from "./clock.ts";
import { checkManifest, discover, discoveryPath, type DiscoveryOptions } from "./invoker/discovery.ts";
import { EndpointAddresses } from "./invoker/endpoint-address.ts";
import { InProcessWire } from "./invoker/in-process-wire.ts";
import { Invoker } from "./invoker/invoker.ts";
import { dialOverHttp } from "./invoker/native-dial.ts";
import { NativeWire } from "./invoker/native-wire.ts";
import { networkRules, type NetworkSettings } from "./invoker/network-rules.ts";
import { authorityOf, RequestSigner } from "./invoker/request-signer.ts";
import { IdentitySigner } from "./invoker/restate/identity-signer.ts";
import { askOnWire, RestateWire } from "./invoker/restate/restate-wire.ts";
import type { WholeAnswer } from "./invoker/restate/whole-answer.ts";
import type { NoWire, Wire } from "./invoker/wire.ts";
import type { PartitionLog } from "./log/log.ts";
import type { Urgency } from "./partition/batcher.ts";
import { defaultCheckpointThresholds, type CheckpointThresholds } from "./partition/checkpointer.ts";
import type { EngineAccess, EngineHealth, InvocationAddress } from "./partition/engine-access.ts";
import { InvocationIds } from "./partition/invocation-ids.ts";
import { PartitionProcessor } from "./partition/processor.ts";
import { Retention } from "./partition/retention.ts";
import type { CheckpointStore } from "./store/store.ts";

const IN_PROCESS_SCHEME = "in-process:";
const RETENTION_INTERVAL_MS = 5_000;

export type EngineLimits = {
  /** A batch is closed early at this size. */
  readonly batchBytesMax: number;
  /** Accepted and not durable: more is refused as overload. */
  readonly pendingBytesMax: number;
  /** One message of a session. */
  readonly messageBytesMax: number;
  /** Attempts under way at a time. */
  readonly attemptsMax: number;
  /** Completed invocations on disk; the oldest go first. 0: no budget. */
  readonly diskBudgetBytes: number;
  /** Crashes in a row, without a finished step, after which an invocation that ran in each is suspected of causing them. */
  readonly crashesMax: number;
  /** First wait of suspects that follow the others after a crash, ms. */
  readonly crashHoldMs: number;
};

export const defaultEngineLimits: EngineLimits = {
  batchBytesMax: 1024 * 1024,
  pendingBytesMax: 64 * 1024 * 1024,
  messageBytesMax: 32 * 1024 * 1024,
  attemptsMax: 100_000,
  diskBudgetBytes: 20 * 1024 * 1024 * 1024,
  crashesMax: 20,
  crashHoldMs: 30_000,
};

export type EngineOptions = {
  readonly clock: Clock;
  readonly log: PartitionLog;
  readonly store: CheckpointStore;
  readonly settings?: FoldSettings;
  readonly limits?: Partial<EngineLimits>;
  readonly checkpoints?: Partial<CheckpointThresholds>;
  /** Handlers in this process, by a name that stays the same over restarts. */
  readonly endpoints?: ReadonlyMap<string, HandlerEndpoint>;
  /** Makes ids that follow from keys unguessable, see `InvocationIds`. Default: "", none. */
  readonly idSecret?: string;
  /** Where deployments may be; default: everywhere but where none can be, see `networkRules`. */
  readonly networks?: NetworkSettings;
  /** Ed25519 key that requests to handler endpoints are signed with. Default: they are not signed. */
  readonly identity?: KeyObject;
  /** The last process on this data ended in the middle of its work. Default: it closed its engine. */
  readonly wasCrash?: boolean;
  /** Time between two looks for what retention may remove, ms. */
  readonly retentionIntervalMs?: number;
  /** The tables are as recovery found them, and nothing has acted yet: for checks. */
  readonly onRecovered?: (tables: Tables) => void;
  /** What reaches beyond this process, where it shall not be the system's: for simulations. */
  readonly outside?: Partial<EngineOutside>;
  /** The engine cannot go on. The process must end, or the embedding program must drop it. */
  readonly onFailed: (reason: Error) => void;
  readonly onWarning: (message: string) => void;
};

/** Everything that an engine asks of the world besides its clock, log and store. */
export type EngineOutside = {
  /** The way to a deployment at a URL. */
  readonly connect: (deployment: DeploymentRow) => Wire;
  readonly discover: (
    url: string,
    headers: Readonly<Record<string, string>>,
    options?: DiscoveryOptions,
  ) => Promise<EndpointManifest>;
  /** Fills with what cannot be guessed: for ids. */
  readonly fillRandom: (bytes: Uint8Array) => void;
};

export class Engine implements EngineAccess {
  readonly store: CheckpointStore;
  readonly #options: EngineOptions;
  readonly #limits: EngineLimits;
  readonly #processor: PartitionProcessor;
  readonly #invoker: Invoker;
  readonly #ids: InvocationIds;
  readonly #retention: Retention;
  readonly #endpoints: ReadonlyMap<string, HandlerEndpoint>;
  readonly #addresses: EndpointAddresses;
  readonly #signer: RequestSigner | undefined;
  /** As `#signer`, for endpoints of Restate's SDKs: the same key in another form. */
  readonly #restateSigner: IdentitySigner | undefined;
  /** Wires by deployment id, made when they are first needed. */
  readonly #wires = new Map<string, { readonly address: string; readonly wire: Wire }>();

  private constructor(options: EngineOptions, limits: EngineLimits, processor: PartitionProcessor) {
    this.#options = options;
    this.#limits = limits;
    this.#processor = processor;
    this.store = options.store;
    this.#endpoints = options.endpoints ?? new Map();
    const now = (): number => options.clock.now();
    this.#addresses = new EndpointAddresses(networkRules(options.networks ?? { allowed: [], denied: [] }));
    this.#signer = options.identity === undefined ? undefined : new RequestSigner(options.identity, now);
    this.#restateSigner =
      options.identity === undefined ? undefined : new IdentitySigner(options.identity, now);
    this.#ids = new InvocationIds(now, options.idSecret, options.outside?.fillRandom);
    this.#invoker = new Invoker({
      clock: processor.clock,
      tables: processor.tables,
      ids: this.#ids,
      attemptsMax: limits.attemptsMax,
      submit: (body, done) => processor.submit(body, done),
      requestTurn: () => processor.requestTurn(),
      wireFor: (deployment) => this.#wireFor(deployment),
      onDeploymentsChanged: () => this.#dropStaleWires(),
      sendOnWires: () => {
        for (const { wire } of this.#wires.values()) wire.send();
      },
    });
    this.#retention = new Retention({
      clock: processor.clock,
      store: options.store,
      budgetBytes: limits.diskBudgetBytes,
      intervalMs: options.retentionIntervalMs ?? RETENTION_INTERVAL_MS,
      expire: (ids, budget) => processor.propose({ kind: "expire", ids, budget }),
      checkpoint: () => processor.checkpoint(),
    });
  }

  /** Recovers, registers the handlers of this process, and begins to act. */
  static async open(options: EngineOptions): Promise<Engine> {
    const limits = { ...defaultEngineLimits, ...options.limits };
    const processor = await PartitionProcessor.recover({
      clock: options.clock,
      log: options.log,
      store: options.store,
      settings: options.settings ?? defaultFoldSettings,
      checkpoints: { ...defaultCheckpointThresholds, ...options.checkpoints },
      batchBytesMax: limits.batchBytesMax,
      pendingBytesMax: limits.pendingBytesMax,
      ...(options.wasCrash === true
        ? { afterCrash: { crashesMax: limits.crashesMax, holdMs: limits.crashHoldMs } }
        : {}),
      onFailed: options.onFailed,
      onWarning: options.onWarning,
    });
    options.onRecovered?.(processor.tables);
    const engine = new Engine(options, limits, processor);
    try {
      // Registered before anything runs, so that no attempt starts on what the last process served.
      for (const [name, endpoint] of engine.#endpoints) await engine.#registerInProcess(name, endpoint);
      await processor.start(engine.#invoker);
    } catch (error) {
      engine.abandon();
      throw error;
    }
    engine.#retention.start();
    return engine;
  }

  get tables(): Tables {
    return this.#processor.tables;
  }

  now(): number {
    return this.#processor.clock.now();
  }

  propose(body: RecordBody): Promise<Outcome> {
    return this.#processor.propose(body);
  }

  submit(body: RecordBody, done: (outcome: Outcome) => void, urgency?: Urgency): void {
    this.#processor.submitFromOutside(body, done, urgency);
  }

  whenDurable(tell: () => void, refuse: (error: HoldfastError) => void): void {
    this.#processor.whenDurable(tell, refuse);
  }

  onCompleted(id: string, listener: (result: Result) => void): () => void {
    return this.#processor.onCompleted(id, listener);
  }

  invocationIdFor(address: InvocationAddress): string {
    return this.#ids.forInvocation(address);
  }

  deploymentId(): string {
    return this.#ids.forDeployment();
  }

  discover(
    url: string,
    headers: Readonly<Record<string, string>>,
    options: DiscoveryOptions = {},
  ): Promise<EndpointManifest> {
    const given = this.#options.outside?.discover;
    if (given !== undefined) return given(url, headers, options);
    const signed = { ...headers, ...this.#signDiscovery(url, headers) };
    const restateVersionMax = this.#options.settings?.restateVersionMax;
    const asked = restateVersionMax === undefined ? options : { restateVersionMax, ...options };
    return discover(url, signed, this.#addresses, asked);
  }

  async askDeployment(id: string, path: string, body: Uint8Array): Promise<WholeAnswer> {
    const url = this.tables.deployments.get(id)?.url ?? id;
    return askOnWire(this.#wireFor(id), { url, path, body });
  }

  #signDiscovery(url: string, headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const base = URL.parse(url);
    if (base === null || this.#signer === undefined) return {};
    const request = { method: "GET", authority: authorityOf(base, headers), path: discoveryPath(base) };
    // Whose endpoint it is turns out only with the answer.
    return { ...this.#signer.sign(request), ...this.#restateSigner?.headersFor("/discover", "") };
  }

  /** What endpoints recognise this engine's requests by; `undefined` when they are not signed. */
  get identityKey(): string | undefined {
    return this.#signer?.publicKey;
  }

  /** The same key in the form in which Restate's SDKs are given it. */
  get restateIdentityKey(): string | undefined {
    return this.#restateSigner?.publicKey;
  }

  checkpoint(): Promise<void> {
    return this.#processor.checkpoint();
  }

  nextTimerDue(): number {
    return this.#processor.nextTimerDue();
  }

  /** Grows with everything that becomes durable. */
  get progress(): number {
    return this.#processor.durablePosition;
  }

  /** Nothing is on its way to the log, and no handler is executing a step. */
  get isQuiet(): boolean {
    return !this.#processor.isBusy && !this.#invoker.isExecutingSteps();
  }

  health(): EngineHealth {
    const { failure, isFull, isSlow, checkpointFailure } = this.#processor;
    const unreachable: string[] = [];
    for (const [id, { wire }] of this.#wires) if (!wire.isReachable) unreachable.push(id);
    const trouble = isFull
      ? "The disk is full, or the process may open no more files: nothing new is accepted"
      : isSlow
        ? "The disk is slow: what was accepted seconds ago is not durable yet"
        : checkpointFailure !== undefined
          ? `The checkpoint cannot be written and is tried again: ${checkpointFailure}`
          : undefined;
    const status = failure !== undefined ? "failed" : trouble !== undefined ? "degraded" : "ok";
    const reason = failure?.message ?? trouble;
    return {
      status,
      ...(reason === undefined ? {} : { reason }),
      durablePosition: this.#processor.durablePosition,
      appliedPosition: this.#processor.appliedPosition,
      checkpointPosition: this.#processor.checkpointPosition,
      runningAttempts: this.#invoker.runningCount,
      deploymentsUnreachable: unreachable,
    };
  }

  async #registerInProcess(name: string, endpoint: HandlerEndpoint): Promise<void> {
    const url = IN_PROCESS_SCHEME + name;
    const outcome = await this.#processor.propose({
      kind: "register-deployment",
      id: this.#ids.forDeployment(),
      url,
      manifest: checkManifest(url, endpoint.manifest),
      metadata: {},
      headers: {},
      // The program is what it is: what it no longer serves fails when it is called, with the reason.
      force: true,
      breaking: true,
      dryRun: false,
    });
    if (!outcome.ok) throw outcomeError(outcome);
  }

  #wireFor(deployment: string): Wire | NoWire {
    const known = this.#wires.get(deployment);
    if (known !== undefined) return known.wire;
    const row = this.tables.deployments.get(deployment);
    if (row === undefined)
      return { isGone: true, reason: `Deployment ${deployment} was removed. Resume on another one` };
    const wire = this.#makeWire(row);
    if (wire === undefined) {
      const reason = `Deployment ${deployment} is the program that opened this directory with its handlers, and that is not running here. Run it again, or resume on another deployment`;
      return { isGone: false, reason };
    }
    this.#wires.set(deployment, { address: addressOf(row), wire });
    return wire;
  }

  #makeWire(row: DeploymentRow): Wire | undefined {
    const { id, url, headers } = row;
    const { messageBytesMax } = this.#limits;
    if (url.startsWith(IN_PROCESS_SCHEME)) {
      const endpoint = this.#endpoints.get(url.slice(IN_PROCESS_SCHEME.length));
      return endpoint === undefined ? undefined : new InProcessWire(endpoint, messageBytesMax);
    }
    const connect = this.#options.outside?.connect;
    if (connect !== undefined) return connect(row);
    const { clock } = this.#options;
    const endpoint = row.manifest.restate;
    if (endpoint !== undefined) {
      const signer = this.#restateSigner;
      return new RestateWire({
        clock,
        url,
        headers,
        endpoint,
        addresses: this.#addresses,
        messageBytesMax,
        signer,
      });
    }
    const identity = this.#signer === undefined ? undefined : { signer: this.#signer, deployment: id };
    const dial = dialOverHttp(this.#addresses, identity);
    return new NativeWire({ clock, url, headers, messageBytesMax, dial });
  }

  #dropStaleWires(): void {
    for (const [id, { address, wire }] of this.#wires) {
      const row = this.tables.deployments.get(id);
      if (row !== undefined && addressOf(row) === address) continue;
      wire.close();
      this.#wires.delete(id);
    }
  }

  /** Stops acting; what was accepted becomes durable first. A crash instead loses nothing. */
  async close(): Promise<void> {
    this.#retention.close();
    this.#invoker.close();
    for (const { wire } of this.#wires.values()) wire.close();
    await this.#processor.close();
  }

  /** Ends at once, as a crash would: for tests of recovery. */
  abandon(): void {
    this.#retention.close();
    this.#invoker.close();
    for (const { wire } of this.#wires.values()) wire.close();
    this.#processor.abandon();
  }
}

/** What a wire was made for: it serves no longer when this changes. */
function addressOf({ url, headers, manifest }: DeploymentRow): string {
  return JSON.stringify([url, headers, manifest.restate]);
}

/** The error of the catalogue for a refused record. */
export function outcomeError(outcome: Extract<Outcome, { ok: false }>): HoldfastError {
  const code = isErrorCode(outcome.code) ? outcome.code : "request-invalid";
  return new HoldfastError(code, {}, { message: outcome.message });
}
