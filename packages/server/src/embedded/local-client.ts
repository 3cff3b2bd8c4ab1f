import { hashBytes, objectKey } from "@holdfast/engine";
/** Calling handlers of an engine in the same process: what the HTTP client does, without HTTP. */
import {
  decodeValue,
  encodeMessage,
  encodeValue,
  FIRST_AWAKEABLE_SIGNAL,
  HoldfastError,
  MessageType,
  parseAwakeableId,
  parseDuration,
  type AnyHandlerRef,
  type ArgsOf,
  type Failure,
  type HandlerKind,
  type Header,
  type OutputOfRef,
  type Result,
} from "@holdfast/protocol";

import { TIME_MAX } from "../clock.ts";
import { outcomeError, type Engine } from "../engine.ts";

export type LocalCallOptions = {
  /** Calls of the same handler and key with the same idempotency key are one call. */
  readonly idempotencyKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

export type LocalSendOptions = LocalCallOptions & {
  /** When to start, e.g. "3d"; a number is milliseconds. Default: now. */
  readonly delay?: string | number;
};

/** An invocation that was started and not waited for. */
export type LocalHandle<Output> = {
  readonly invocationId: string;
  /** Waits for the outcome. */
  attach(): Promise<Output>;
  cancel(): Promise<void>;
};

/** The invocation ended in a failure: the handler's own, a cancellation, a kill. */
export class InvocationFailedError extends Error {
  override readonly name = "InvocationFailedError";
  /** The code that the handler gave its TerminalError; otherwise the status. */
  readonly code: string | number;
  /** HTTP-like: 500 unless the handler said otherwise, 409 when cancelled or killed. */
  readonly status: number;
  readonly invocationId: string;
  /** Name of the error that the handler threw, e.g. "TerminalError". */
  readonly errorName: string;
  /** What the handler attached to its TerminalError. */
  readonly data: unknown;

  constructor(invocationId: string, failure: Failure) {
    super(failure.message);
    const metadata = new Map(failure.metadata ?? []);
    const data = metadata.get("holdfast.data");
    this.code = metadata.get("holdfast.code") ?? failure.code;
    this.status = failure.code;
    this.invocationId = invocationId;
    this.errorName = metadata.get("holdfast.name") ?? "TerminalError";
    this.data = data === undefined ? undefined : decodeValue(new TextEncoder().encode(data));
  }
}

type Addressed = { readonly key: string; readonly input: unknown; readonly options: LocalSendOptions };

const KINDS: ReadonlySet<unknown> = new Set(["plain", "exclusive", "shared", "run"] satisfies HandlerKind[]);

/** Types keep others out, but not every caller has types. Throws `request-invalid`. */
function requireRef(ref: unknown): void {
  const { service, handler, kind } = (ref ?? {}) as Partial<Record<keyof AnyHandlerRef, unknown>>;
  if (typeof service === "string" && typeof handler === "string" && KINDS.has(kind)) return;
  const reason = "what was passed is no handler: pass one of a definition, for example greeter.greet";
  throw new HoldfastError(
    "request-invalid",
    { reason },
    { hint: "The first argument is the handler to call." },
  );
}

/** Takes apart what was passed behind a reference: `[key], input, options`. */
function address(ref: AnyHandlerRef, args: readonly unknown[]): Addressed {
  requireRef(ref);
  if (ref.kind === "plain") return { key: "", input: args[0], options: (args[1] ?? {}) as LocalSendOptions };
  if (ref.keyOf !== undefined) {
    const keyOf = ref.keyOf as (input: unknown) => unknown;
    return {
      key: requireKey(ref, keyOf(args[0])),
      input: args[0],
      options: (args[1] ?? {}) as LocalSendOptions,
    };
  }
  return { key: requireKey(ref, args[0]), input: args[1], options: (args[2] ?? {}) as LocalSendOptions };
}

function requireKey({ service }: AnyHandlerRef, key: unknown): string {
  if (typeof key === "string" && key !== "") return key;
  throw new HoldfastError(
    "key-missing",
    { service },
    { hint: "Pass a non-empty string behind the handler, or return one from the workflow's key function." },
  );
}

export class LocalClient {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Calls a handler and waits for its outcome. Throws `InvocationFailedError` when it ends in a failure. */
  async call<Ref extends AnyHandlerRef>(
    ref: Ref,
    ...args: [...ArgsOf<Ref>, options?: LocalCallOptions]
  ): Promise<OutputOfRef<Ref>> {
    const id = await this.#submit(ref, args);
    return this.#outcome(id) as Promise<OutputOfRef<Ref>>;
  }

  /** Has a handler called, now or later. Resolves when that is durable. */
  async send<Ref extends AnyHandlerRef>(
    ref: Ref,
    ...args: [...ArgsOf<Ref>, options?: LocalSendOptions]
  ): Promise<LocalHandle<OutputOfRef<Ref>>> {
    return this.handle(await this.#submit(ref, args));
  }

  /** The handle of an invocation whose id is known. */
  handle<Output = unknown>(invocationId: string): LocalHandle<Output> {
    return {
      invocationId,
      attach: () => this.#outcome(invocationId) as Promise<Output>,
      cancel: async () => {
        const outcome = await this.#engine.propose({ kind: "cancel", id: invocationId });
        if (!outcome.ok) throw outcomeError(outcome);
      },
    };
  }

  /** Settles an awakeable with a value. False when it had been settled before; then nothing changes. */
  resolveAwakeable(id: string, value?: unknown): Promise<boolean> {
    return this.#settleAwakeable(id, { kind: "value", value: encodeValue(value, "value of the awakeable") });
  }

  /** Settles an awakeable with a failure. False when it had been settled before; then nothing changes. */
  rejectAwakeable(id: string, reason: string): Promise<boolean> {
    return this.#settleAwakeable(id, { kind: "failure", failure: { code: 500, message: reason } });
  }

  async #settleAwakeable(awakeableId: string, result: Result): Promise<boolean> {
    const address = parseAwakeableId(awakeableId);
    // Indexes below are signals of the engine's own, cancel among them.
    if (address === undefined || address.signalIndex < FIRST_AWAKEABLE_SIGNAL) {
      throw new HoldfastError("awakeable-id-invalid", { awakeableId });
    }
    const { invocationId: id, signalIndex: index } = address;
    const outcome = await this.#engine.propose({
      kind: "signal",
      id,
      index,
      name: undefined,
      result,
      cause: "ingress",
    });
    if (outcome.ok) return outcome.detail?.unchanged !== true;
    // A second delivery is no error, also when the invocation has ended since.
    if (this.#engine.tables.invocations.get(id)?.settledSignals.has(index) === true) return false;
    throw outcome.code === "invocation-not-found"
      ? new HoldfastError("awakeable-not-found", { awakeableId })
      : outcomeError(outcome);
  }

  /** A durable promise of a workflow. */
  promise(workflow: AnyHandlerRef, key: string, name: string): LocalPromise {
    requireRef(workflow);
    return new LocalPromise(this.#engine, { service: workflow.service, key, name });
  }

  async #submit(ref: AnyHandlerRef, args: readonly unknown[]): Promise<string> {
    const { key, input, options } = address(ref, args);
    const { service, handler, kind } = ref;
    const value = encodeValue(input, "input");
    const headers: Header[] = Object.entries(options.headers ?? {});
    const { idempotencyKey } = options;
    const id = this.#engine.invocationIdFor({ service, handler, key, idempotencyKey, isRun: kind === "run" });
    const outcome = await this.#engine.propose({
      kind: "invoke",
      id,
      target: { service, handler, key, kind },
      input: encodeMessage({ type: MessageType.Input, headers, value }),
      inputHash: hashBytes(value),
      idempotencyKey,
      startAt: startTime(this.#engine.now(), options.delay),
      source: { kind: "ingress", id: "" },
    });
    if (!outcome.ok) throw outcomeError(outcome);
    if (kind === "run" && outcome.detail?.existed === true) {
      throw new HoldfastError("workflow-already-started", { service, key, invocationId: id });
    }
    return id;
  }

  #outcome(id: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const settle = (result: Result): void => {
        if (result.kind === "failure") reject(new InvocationFailedError(id, result.failure));
        else resolve(result.kind === "value" ? decodeValue(result.value) : undefined);
      };
      const stop = this.#engine.onCompleted(id, settle);
      const row = this.#engine.tables.invocations.get(id);
      if (row === undefined) {
        stop();
        reject(new HoldfastError("invocation-not-found", { invocationId: id }));
      } else if (row.result !== undefined) {
        // What the tables say may not be durable yet; an empty proposal behind it is answered when it is.
        const { result } = row;
        stop();
        this.#engine.propose({ kind: "timers-fired", keys: [] }).then(() => settle(result), reject);
      }
    });
  }
}

function startTime(now: number, delay: string | number | undefined): number {
  if (delay === undefined) return 0;
  const ms = typeof delay === "number" ? delay : parseDuration(delay);
  // Whole milliseconds, and none beyond all dates: the log holds nothing else.
  const at = Math.ceil(now + (ms ?? Number.NaN));
  if (!(at >= now && at <= TIME_MAX)) throw new HoldfastError("delay-invalid", { delay });
  return at;
}

/** A durable promise of a workflow, from outside. */
export class LocalPromise {
  readonly #engine: Engine;
  readonly #address: { readonly service: string; readonly key: string; readonly name: string };

  constructor(
    engine: Engine,
    promiseAddress: { readonly service: string; readonly key: string; readonly name: string },
  ) {
    this.#engine = engine;
    this.#address = promiseAddress;
  }

  /** Returns false when it had been settled before; then nothing changes. */
  async resolve(value?: unknown): Promise<boolean> {
    return this.#settle({ kind: "value", value: encodeValue(value, "promise") });
  }

  async reject(message: string): Promise<boolean> {
    return this.#settle({ kind: "failure", failure: { code: 500, message } });
  }

  /** What it was settled with, or `undefined` while it is open. */
  peek(): { readonly value: unknown } | { readonly failure: Failure } | undefined {
    const { service, key, name } = this.#address;
    const result = this.#engine.tables.objects.get(objectKey(service, key))?.promises.get(name)?.result;
    if (result === undefined) return undefined;
    if (result.kind === "failure") return { failure: result.failure };
    return { value: result.kind === "value" ? decodeValue(result.value) : undefined };
  }

  async #settle(result: Result): Promise<boolean> {
    const outcome = await this.#engine.propose({ kind: "complete-promise", ...this.#address, result });
    if (!outcome.ok) throw outcomeError(outcome);
    return outcome.detail?.existed !== true;
  }
}
