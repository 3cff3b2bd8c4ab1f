/**
 * What ingress and admin may do with a partition. They never touch its log, sessions or timers.
 */
import type { Outcome, RecordBody, Tables } from "@holdfast/engine";
import type { EndpointManifest, HoldfastError, Result } from "@holdfast/protocol";

import type { DiscoveryOptions } from "../invoker/discovery.ts";
import type { WholeAnswer } from "../invoker/restate/whole-answer.ts";
import type { CheckpointStore } from "../store/store.ts";
import type { Urgency } from "./batcher.ts";

export interface EngineAccess {
  /** Present state, for reading only. May be ahead of what is durable: never promise anyone what was only read here. */
  readonly tables: Tables;
  /** Rows of the newest checkpoint, for lists. What `tables.invocations.loaded()` has takes precedence. */
  readonly store: CheckpointStore;
  /** The partition's time, milliseconds since the epoch: see `EngineClock`. */
  now(): number;
  /**
   * Proposes a record and resolves with what it came to, once it is durable. Rejects with a HoldfastError ("overloaded",
   * "disk-full", "shutting-down", "request-invalid") when it was not accepted; it then never happens.
   */
  propose(body: RecordBody): Promise<Outcome>;
  /**
   * As `propose`, without a promise: for the hot path. Throws the refusal. `done` is called once, never synchronously.
   * "patient": a record that only queues up may take its time, because the proposer waits for what comes after it anyway.
   */
  submit(body: RecordBody, done: (outcome: Outcome) => void, urgency?: Urgency): void;
  /**
   * Calls `tell` when all that is in `tables` now is durable: at once, or when the log has it. What was only read must not be
   * told before, since a crash could take it back. Calls `refuse` instead when that may take for ever ("disk-full",
   * "shutting-down").
   */
  whenDurable(tell: () => void, refuse: (error: HoldfastError) => void): void;
  /**
   * Calls `listener` when the invocation completes (durably), once. Register before proposing, or look at `tables` right
   * after registering: what completed earlier is not announced again. Returns how to stop listening.
   */
  onCompleted(id: string, listener: (result: Result) => void): () => void;
  /**
   * Id for a new invocation: random, or derived from the idempotency key, or from a workflow's key when `isRun`. The same
   * derivation always gives the same id.
   */
  invocationIdFor(target: InvocationAddress): string;
  /** Id for a new deployment. */
  deploymentId(): string;
  /** Fetches and checks what an endpoint says about itself. Rejects with a HoldfastError that is a client's fault, never a 5xx. */
  discover(
    url: string,
    headers: Readonly<Record<string, string>>,
    options?: DiscoveryOptions,
  ): Promise<EndpointManifest>;
  /**
   * Posts bytes to a path below the URL of a deployment of Restate's SDK. Rejects with `deployment-unreachable` when there is
   * no answer. Whatever it is, it is a stranger's.
   */
  askDeployment(id: string, path: string, body: Uint8Array): Promise<WholeAnswer>;
  /** Makes everything that is applied and durable visible in `store`. For queries that cannot overlay the tables. */
  checkpoint(): Promise<void>;
  /** Whether proposals are accepted now, and if not, why. */
  health(): EngineHealth;
}

export type InvocationAddress = {
  readonly service: string;
  readonly handler: string;
  readonly key: string;
  readonly idempotencyKey?: string | undefined;
  /** Whose idempotency key it is; undefined: everyone's. */
  readonly principal?: string | undefined;
  readonly isRun: boolean;
};

export type EngineHealth = {
  readonly status: "ok" | "degraded" | "failed";
  readonly reason?: string;
  readonly durablePosition: number;
  readonly appliedPosition: number;
  readonly checkpointPosition: number;
  readonly runningAttempts: number;
  readonly deploymentsUnreachable: readonly string[];
};
