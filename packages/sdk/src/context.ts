/**
 * What a handler can do: the first argument of every handler. Everything that waits returns a native promise, so
 * `Promise.all`, `race`, `any` and `allSettled` work, and end the same way on every replay.
 */
import type { AnyHandlerRef, ArgsOf, Duration, HandlerRef, OutputOfRef } from "@holdfast/protocol";

import type { CheckDurable } from "./durable.ts";
import type { TerminalError } from "./errors.ts";
import type { OutputOf, SchemaRecord, StandardSchema } from "./standard-schema.ts";

/** Context of a plain service's handler, and what all contexts share. */
export interface Context {
  /** Id of this invocation, e.g. "inv_1…". Constant over all attempts. */
  readonly invocationId: string;
  /** Which attempt at the invocation this is, from 1. Changes between attempts: branch on it only inside a step. */
  readonly attempt: number;
  /** Key of the object or workflow; "" in a plain service. */
  readonly key: string;
  /** Headers the caller sent, names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Idempotency key the caller sent, if any. */
  readonly idempotencyKey: string | undefined;
  /** Aborts when this attempt is over for the engine: killed, paused, timed out or shut down. Cancelling does not abort it. */
  readonly abortSignal: AbortSignal;
  /** Writes to the log, silent while the handler replays what it did before. */
  readonly log: Log;
  /** The clock, recorded. */
  readonly date: DurableDate;

  /**
   * Runs `step` once and records its result; on replay the recorded result is returned and `step` does not run.
   *
   * @param name Shown to people and compared on replay, e.g. "build image".
   * @throws TerminalError when the step ended in one, when `retry` is used up, or when the invocation is cancelled.
   * @example const { image } = await ctx.run("build", ({ signal }) => build(revision, signal), { retry: { attempts: 5 } });
   */
  run<Output>(
    name: string,
    step: ((scope: StepScope) => Output | Promise<Output>) & CheckDurable<Output>,
    options?: RunOptions<Output>,
  ): Promise<Output>;

  /** Waits, for milliseconds or months. The handler takes no memory meanwhile. `name` is shown to people. */
  sleep(duration: Duration, name?: string): Promise<void>;

  /**
   * Calls another handler and waits for its outcome.
   *
   * @throws TerminalError with the callee's failure.
   * @example const receipt = await ctx.call(payments.charge, { order, cents });
   * @example const total = await ctx.call(counter.add, "visits", 1);
   */
  call<Ref extends AnyHandlerRef>(
    handler: Ref,
    ...args: [...ArgsOf<Ref>, options?: CallOptions]
  ): CallPromise<OutputOfRef<Ref>>;

  /**
   * Has another handler called, now or later, and does not wait for its outcome. Resolves when the call is recorded.
   *
   * @example await ctx.send(cleanup.remove, { app, revision }, { delay: "3d", id: `cleanup:${app}@${revision}` });
   */
  send<Ref extends AnyHandlerRef>(
    handler: Ref,
    ...args: [...ArgsOf<Ref>, options?: SendOptions]
  ): Promise<SendHandle<OutputOfRef<Ref>>>;

  /** Waits for the outcome of an invocation that someone else started. Unknown ids fail with code 404. */
  attach<Output = unknown>(invocation: InvocationRef<Output>): Promise<Output>;
  /** The outcome of an invocation that has ended, or `undefined` while it has not. Throws its failure. */
  output<Output = unknown>(
    invocation: InvocationRef<Output>,
  ): Promise<{ readonly value: Output } | undefined>;
  /** Asks an invocation to end. Its next wait throws CancelledError. */
  cancel(invocationId: string): void;

  /** A promise that anyone who knows its id may settle, once, over HTTP or from another handler. */
  awakeable<Value = unknown>(): Awakeable<Value>;
  awakeable<Schema extends StandardSchema>(schema: Schema): Awakeable<OutputOf<Schema>>;
  resolveAwakeable(id: string, value?: unknown): void;
  rejectAwakeable(id: string, reason: string): void;

  /** Waits for the next signal of this name. Each sent value is received once, in the order of arrival. */
  signal<Schema extends StandardSchema>(
    name: string,
    options: { readonly schema: Schema; readonly timeout: Duration },
  ): Promise<Wait<OutputOf<Schema>>>;
  signal<Schema extends StandardSchema>(
    name: string,
    options: { readonly schema: Schema },
  ): Promise<OutputOf<Schema>>;
  signal<Value = unknown>(name: string, options: { readonly timeout: Duration }): Promise<Wait<Value>>;
  signal<Value = unknown>(name: string): Promise<Value>;
  /** Sends a signal to a running invocation. Lost when it has ended. */
  sendSignal(invocationId: string, name: string, value?: unknown): void;

  /** A number in [0, 1), the same on every replay. */
  random(): number;
  /** A random UUID (version 4), the same on every replay. */
  uuid(): string;
}

/** Context of a shared handler of an object: it runs beside others and may read state. */
export interface SharedContext<State = OpenStateView> extends Context {
  readonly state: State;
}

/** Context of an exclusive handler of an object: alone at its key, so it may write state. */
export interface ObjectContext<State = OpenState> extends Context {
  readonly state: State;
}

/** Context of a workflow's main handler. */
export interface WorkflowContext<Promises = SchemaRecord, State = OpenState> extends Context {
  readonly state: State;
  /** One of the promises the workflow declares. Await it, or use its methods. */
  promise<Name extends keyof Promises & string>(name: Name): PromiseOf<Promises[Name]>;
}

/** Context of a workflow's other handlers: they run beside the main one, read its state and settle its promises. */
export interface WorkflowSharedContext<Promises = SchemaRecord, State = OpenStateView> extends Context {
  readonly state: State;
  promise<Name extends keyof Promises & string>(name: Name): PromiseOf<Promises[Name]>;
}

export type PromiseOf<Schema> =
  Schema extends StandardSchema<infer Input, infer Value> ? NamedPromise<Input, Value> : never;

/** An invocation, by what the caller knows of it. */
export type InvocationRef<Output = unknown> =
  | string
  | SendHandle<Output>
  | { readonly workflow: HandlerRef<readonly unknown[], Output>; readonly key: string }
  | {
      readonly handler: HandlerRef<readonly unknown[], Output>;
      /** Objects only. */
      readonly key?: string;
      readonly idempotencyKey: string;
    };

/** What a step's function is given. */
export interface StepScope {
  /** Aborts when the step times out, when the invocation is cancelled, and when the attempt is over. */
  readonly signal: AbortSignal;
  /**
   * Which execution of this step this is by its own `retry`, from 1: executions that failed and were to be tried again count,
   * also those of earlier attempts. An execution that ended its attempt does not: without `retry` this is always 1, and
   * `ctx.attempt` says how often the handler was begun. Nor does one that was cut off by a crash.
   */
  readonly attempt: number;
  /** Constant for this step over all executions. Pass it to outside services, so that they do the work once. */
  readonly idempotencyKey: string;
}

export interface RunOptions<Output> {
  /** Try again within the attempt when the function throws. Without it, a throw ends the attempt and the handler's policy decides. */
  readonly retry?: RetryOptions;
  /** Longest one execution may take. Then its signal aborts and it counts as failed. Default: no limit of its own. */
  readonly timeout?: Duration;
  /**
   * Takes the step back. When the invocation ends in failure or is cancelled, the undo functions of all started steps run
   * as steps of their own, last started first. Gets the step's result, or `undefined` when it was interrupted.
   */
  readonly undo?: Undo<Output> | UndoOptions<Output>;
}

export type Undo<Output> = (result: NoInfer<Output> | undefined, scope: StepScope) => unknown;

export interface UndoOptions<Output> extends Pick<RunOptions<Output>, "retry" | "timeout"> {
  readonly run: Undo<Output>;
}

/** When to try again and when to stop. */
export interface RetryOptions {
  /** Executions in all, the first included. Default: no limit. */
  readonly attempts?: number;
  /** Wait before the second execution. Default "100ms". */
  readonly initial?: Duration;
  /** What the wait is multiplied with each time. Default 2. */
  readonly factor?: number;
  /** Longest wait. Default "60s". */
  readonly max?: Duration;
}

export interface CallOptions {
  /** Calls of the same handler and key with the same idempotency key are one call. */
  readonly idempotencyKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SendOptions {
  /** Start this much later. Default: now. */
  readonly delay?: Duration;
  /** Idempotency key: sends of the same handler and key with the same id are one invocation. */
  readonly id?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The outcome of a call, and the callee's id for whoever wants to cancel it. */
export interface CallPromise<Output> extends Promise<Output> {
  readonly invocationId: Promise<string>;
}

/** An invocation this handler started and does not wait for. */
export interface SendHandle<Output = unknown> {
  readonly invocationId: string;
  /** Asks it to end; when it has not started, it never will. */
  cancel(): void;
  /** Moves a delayed start to `delay` from now. False when it has started already. */
  reschedule(delay: Duration): Promise<boolean>;
  /** Types only. */
  readonly "~output"?: Output | undefined;
}

export interface Awakeable<Value> {
  /** E.g. "sign_1…". Give it to whoever settles the promise. */
  readonly id: string;
  readonly promise: Promise<Value>;
}

/** What a wait with a time limit ends in. A timeout is a value, not an exception. */
export type Wait<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: "timeout"; readonly error?: undefined }
  | { readonly ok: false; readonly reason: "rejected"; readonly error: TerminalError };

/** What is known about a promise right now. */
export type Peek<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: "pending"; readonly error?: undefined }
  | { readonly ok: false; readonly reason: "rejected"; readonly error: TerminalError };

/** Whether this was the first to settle the promise, and what it holds now. */
export interface Settled<Value> {
  readonly first: boolean;
  readonly outcome: Peek<Value>;
}

/** A durable promise of a workflow. Awaiting it gives the value, or throws TerminalError when it was rejected. */
export interface NamedPromise<Input, Value> extends PromiseLike<Value> {
  /** Waits for it, at most `timeout`. Cancelling still throws. */
  get(options?: { readonly timeout?: Duration }): Promise<Wait<Value>>;
  /** Looks without waiting. */
  peek(): Promise<Peek<Value>>;
  /** Settles it with a value, unless it is settled. */
  resolve(value: Input): Promise<Settled<Value>>;
  /** Settles it with a failure, unless it is settled. */
  reject(reason: string): Promise<Settled<Value>>;
}

/** State without declared types. */
export interface OpenState extends OpenStateView {
  set(key: string, value: unknown): void;
  clear(key: string): void;
  clearAll(): void;
}

export interface OpenStateView {
  get<Value = unknown>(key: string): Promise<Value | undefined>;
  keys(): Promise<readonly string[]>;
}

/** State with the types its definition declares. */
export interface TypedState<Schemas extends SchemaRecord> extends TypedStateView<Schemas> {
  set<Key extends keyof Schemas & string>(key: Key, value: OutputOf<Schemas[Key]>): void;
  clear(key: keyof Schemas & string): void;
  clearAll(): void;
}

export interface TypedStateView<Schemas extends SchemaRecord> {
  get<Key extends keyof Schemas & string>(key: Key): Promise<OutputOf<Schemas[Key]> | undefined>;
  keys(): Promise<readonly string[]>;
}

/** State of an object: typed where its definition declares types, open where it does not. */
export type StateOf<Schemas extends SchemaRecord> = string extends keyof Schemas
  ? OpenState
  : TypedState<Schemas>;
export type StateViewOf<Schemas extends SchemaRecord> = string extends keyof Schemas
  ? OpenStateView
  : TypedStateView<Schemas>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

export interface DurableDate {
  /** Milliseconds since the Unix epoch, recorded as a step so that a replay sees the same time. */
  now(): Promise<number>;
}
