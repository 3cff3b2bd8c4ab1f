/** The context of every handler. One class for all kinds; the interfaces of `context.ts` show each kind what it may use. */
import {
  FIRST_AWAKEABLE_SIGNAL,
  formatAwakeableId,
  MessageType,
  type AnyHandlerRef,
  type Duration,
  type Header,
  type InputCommand,
  type InvocationTarget,
} from "@holdfast/protocol";

import type {
  Awakeable,
  CallOptions,
  CallPromise,
  Context,
  DurableDate,
  InvocationRef,
  Log,
  NamedPromise,
  OpenState,
  RunOptions,
  SendHandle,
  SendOptions,
  StepScope,
} from "../context.ts";
import type { DefinedHandler } from "../definition/definition.ts";
import { milliseconds } from "../definition/options.ts";
import { UsageError } from "../errors.ts";
import type { ValuePlace } from "../replay/environment.ts";
import type { Operation, Reader } from "../replay/operation.ts";
import type { Session } from "../replay/session.ts";
import { readWithoutValue } from "../replay/stored-values.ts";
import type { StandardSchema } from "../standard-schema.ts";
import { addressOf } from "./call-address.ts";
import { HandlerLog } from "./log.ts";
import { DurableNamedPromise } from "./named-promise.ts";
import { SeededRandom } from "./random.ts";
import { checkedReader } from "./schema-value.ts";
import { StateOfKey } from "./state.ts";
import { Waits } from "./waits.ts";

export class HandlerContext implements Context {
  readonly #session: Session;
  readonly #handler: DefinedHandler;
  readonly #input: InputCommand;
  readonly #waits: Waits;
  #nextSignal = FIRST_AWAKEABLE_SIGNAL;
  #random: SeededRandom | undefined = undefined;
  #headers: ReadonlyMap<string, string> | undefined = undefined;
  #state: OpenState | undefined = undefined;
  #log: Log | undefined = undefined;

  constructor(session: Session, handler: DefinedHandler, input: InputCommand) {
    this.#session = session;
    this.#handler = handler;
    this.#input = input;
    this.#waits = new Waits(session);
  }

  get invocationId(): string {
    return this.#session.start.invocationId;
  }

  get attempt(): number {
    return this.#session.start.attempt;
  }

  get key(): string {
    return this.#session.start.key;
  }

  get idempotencyKey(): string | undefined {
    return this.#session.start.idempotencyKey;
  }

  get headers(): ReadonlyMap<string, string> {
    this.#headers ??= new Map(this.#input.headers.map(([name, value]) => [name.toLowerCase(), value]));
    return this.#headers;
  }

  get abortSignal(): AbortSignal {
    return this.#session.abortSignal;
  }

  get log(): Log {
    this.#log ??= new HandlerLog(this.#session);
    return this.#log;
  }

  get state(): OpenState {
    this.#state ??= new StateOfKey(this.#session, this.#handler.kind !== "shared");
    return this.#state;
  }

  get date(): DurableDate {
    const session = this.#session;
    const now = (): Promise<number> => {
      session.assertOutsideStep("ctx.date.now");
      return session.run("now", session.environment.now, undefined, now) as Promise<number>;
    };
    return { now };
  }

  run<Output>(
    name: string,
    step: (scope: StepScope) => Output | Promise<Output>,
    options?: RunOptions<Output>,
  ): Promise<Output> {
    this.#session.assertOutsideStep("ctx.run");
    return this.#session.run(
      name,
      step,
      options as RunOptions<unknown> | undefined,
      this.run,
    ) as Promise<Output>;
  }

  sleep(duration: Duration, name?: string): Promise<void> {
    this.#session.assertOutsideStep("ctx.sleep");
    return this.#waits.sleep(duration, name, this.sleep).promise;
  }

  call<Ref extends AnyHandlerRef>(handler: Ref, ...args: readonly unknown[]): CallPromise<Ref["~output"]> {
    const session = this.#session;
    session.assertOutsideStep("ctx.call");
    const address = addressOf<CallOptions>(handler, args);
    const { service, handler: name, key, options } = address;
    const parameter = session.values.encode(address.input, `input of ${service}/${name}`, {
      kind: "input",
      service,
      handler: name,
      key,
    });
    const idId = session.nextCompletionId(this.call);
    const build = (completionId: number) =>
      ({
        type: MessageType.Call,
        service,
        handler: name,
        key,
        parameter,
        headers: headersOf(options?.headers),
        ...(options?.idempotencyKey === undefined ? {} : { idempotencyKey: options.idempotencyKey }),
        invocationIdCompletionId: idId,
        completionId,
      }) as const;
    // Expected first, so that it is known when the output is read: it comes first, also from the journal.
    let invocationId: string | undefined;
    const readId: Reader<unknown> = (result) => {
      if (result.kind === "invocation-id") invocationId = result.id;
      return readWithoutValue(result);
    };
    const idAwaited = { kind: "completion", id: idId } as const;
    const calleeId = session.expect("call id", `${service}/${name}`, idAwaited, readId);
    const read: Reader<unknown> = (result) => {
      const place = { kind: "output", service, handler: name, key } as const;
      return session.values.reader(invocationId === undefined ? place : { ...place, invocationId })(result);
    };
    const call = session.request("call", `${service}/${name}`, build, read, this.call);
    calleeId.call = call;
    return Object.defineProperty(call.promise, "invocationId", {
      value: calleeId.promise,
    }) as unknown as CallPromise<Ref["~output"]>;
  }

  async send<Ref extends AnyHandlerRef>(
    handler: Ref,
    ...args: readonly unknown[]
  ): Promise<SendHandle<Ref["~output"]>> {
    const invocationId = (await this.#issueSend(handler, args).promise) as string;
    return {
      invocationId,
      cancel: () => this.cancel(invocationId),
      reschedule: (delay) => this.#reschedule(invocationId, delay),
    };
  }

  #issueSend(handler: AnyHandlerRef, args: readonly unknown[]): Operation {
    const session = this.#session;
    session.assertOutsideStep("ctx.send");
    const { service, handler: name, key, input, options } = addressOf<SendOptions>(handler, args);
    const parameter = session.values.encode(input, `input of ${service}/${name}`, {
      kind: "input",
      service,
      handler: name,
      key,
    });
    const delay = milliseconds(options?.delay, "delay");
    const build = (invocationIdCompletionId: number) =>
      ({
        type: MessageType.OneWayCall,
        service,
        handler: name,
        key,
        parameter,
        invokeAt: delay === undefined ? 0 : session.environment.now() + delay,
        headers: headersOf(options?.headers),
        ...(options?.id === undefined ? {} : { idempotencyKey: options.id }),
        invocationIdCompletionId,
      }) as const;
    return session.request("send", `${service}/${name}`, build, readWithoutValue, this.send);
  }

  #reschedule(target: string, delay: Duration): Promise<boolean> {
    const session = this.#session;
    session.assertOutsideStep("reschedule");
    const invokeAt = session.environment.now() + milliseconds(delay, "reschedule");
    const build = (completionId: number) =>
      ({ type: MessageType.Reschedule, target, invokeAt, completionId }) as const;
    return session.request("reschedule", target, build, (result) => result.kind !== "failure", this.send)
      .promise;
  }

  attach<Output = unknown>(invocation: InvocationRef<Output>): Promise<Output> {
    const session = this.#session;
    session.assertOutsideStep("ctx.attach");
    const target = targetOf(invocation);
    const build = (completionId: number) =>
      ({ type: MessageType.AttachInvocation, target, completionId }) as const;
    const read = session.values.reader(outputOf(target));
    return session.request("attach", nameOf(target), build, read, this.attach).promise as Promise<Output>;
  }

  output<Output = unknown>(
    invocation: InvocationRef<Output>,
  ): Promise<{ readonly value: Output } | undefined> {
    const session = this.#session;
    session.assertOutsideStep("ctx.output");
    const target = targetOf(invocation);
    const build = (completionId: number) =>
      ({ type: MessageType.GetInvocationOutput, target, completionId }) as const;
    const read = session.values.reader(outputOf(target));
    const operation = session.request(
      "output",
      nameOf(target),
      build,
      (result) => (result.kind === "void" ? undefined : { value: read(result) as Output }),
      this.output,
    );
    return operation.promise;
  }

  cancel(invocationId: string): void {
    this.#session.assertOutsideStep("ctx.cancel");
    this.#session.cancelInvocation(invocationId, this.cancel);
  }

  awakeable<Value = unknown>(schema?: StandardSchema): Awakeable<Value> {
    this.#session.assertOutsideStep("ctx.awakeable");
    const index = this.#nextSignal;
    this.#nextSignal += 1;
    const id = formatAwakeableId(this.invocationId, index);
    const stored = this.#session.values.reader({ kind: "awakeable", id });
    const read = checkedReader(stored, schema, "the value of the awakeable");
    const operation = this.#session.expect("awakeable", id, { kind: "signal", index }, read);
    return { id, promise: operation.promise as Promise<Value> };
  }

  resolveAwakeable(id: string, value?: unknown): void {
    this.#session.assertOutsideStep("ctx.resolveAwakeable");
    const bytes = this.#session.values.encode(value, "value of the awakeable", { kind: "awakeable", id });
    const result = { kind: "value", value: bytes } as const;
    this.#session.issue(
      { type: MessageType.CompleteAwakeable, awakeableId: id, result },
      this.resolveAwakeable,
    );
  }

  rejectAwakeable(id: string, reason: string): void {
    this.#session.assertOutsideStep("ctx.rejectAwakeable");
    const result = { kind: "failure", failure: { code: 500, message: reason } } as const;
    this.#session.issue(
      { type: MessageType.CompleteAwakeable, awakeableId: id, result },
      this.rejectAwakeable,
    );
  }

  signal(
    name: string,
    options: { readonly schema?: StandardSchema; readonly timeout?: Duration } = {},
  ): Promise<never> {
    this.#session.assertOutsideStep("ctx.signal");
    const stored = this.#session.values.reader({ kind: "signal", invocationId: this.invocationId, name });
    const read = checkedReader(stored, options.schema, signalOf(name));
    const operation = this.#session.expect("signal", name, { kind: "named signal", name }, read);
    const { timeout } = options;
    return (
      timeout === undefined ? operation.promise : this.#waits.settle(operation, timeout, this.signal)
    ) as Promise<never>;
  }

  sendSignal(invocationId: string, name: string, value?: unknown): void {
    this.#session.assertOutsideStep("ctx.sendSignal");
    const bytes = this.#session.values.encode(value, signalOf(name), { kind: "signal", invocationId, name });
    const result = { kind: "value", value: bytes } as const;
    this.#session.issue(
      { type: MessageType.SendSignal, target: invocationId, signalName: name, result },
      this.sendSignal,
    );
  }

  random(): number {
    return this.#seeded("ctx.random").next();
  }

  uuid(): string {
    return this.#seeded("ctx.uuid").uuid();
  }

  promise(name: string): NamedPromise<never, never> {
    const { promises, service } = this.#handler;
    const schema = promises !== undefined && Object.hasOwn(promises, name) ? promises[name] : undefined;
    if (promises === undefined)
      throw new UsageError(`ctx.promise is for workflows, and "${service}" is none. Use ctx.awakeable.`);
    if (schema === undefined) {
      const known = Object.keys(promises).join(", ");
      throw new UsageError(
        `workflow "${service}" declares no promise "${name}". It declares: ${known === "" ? "none" : known}.`,
      );
    }
    return new DurableNamedPromise(this.#session, this.#waits, name, schema) as NamedPromise<
      never,
      unknown
    > as NamedPromise<never, never>;
  }

  #seeded(what: string): SeededRandom {
    this.#session.assertOutsideStep(what);
    this.#random ??= new SeededRandom(this.#session.start.randomSeed);
    return this.#random;
  }
}

function headersOf(headers: Readonly<Record<string, string>> | undefined): readonly Header[] {
  return headers === undefined ? NO_HEADERS : Object.entries(headers);
}

const NO_HEADERS: readonly Header[] = [];

function targetOf(invocation: InvocationRef): InvocationTarget {
  if (typeof invocation === "string") return { kind: "invocation", id: invocation };
  if ("invocationId" in invocation) return { kind: "invocation", id: invocation.invocationId };
  if ("workflow" in invocation)
    return { kind: "workflow", service: invocation.workflow.service, key: invocation.key };
  const { handler, key, idempotencyKey } = invocation;
  return {
    kind: "idempotent",
    service: handler.service,
    handler: handler.handler,
    key: key ?? "",
    idempotencyKey,
  };
}

/** Where its output lies, as far as the reader knows. */
function outputOf(target: InvocationTarget): ValuePlace {
  if (target.kind === "invocation") return { kind: "output", invocationId: target.id };
  const { service, key } = target;
  return { kind: "output", service, key, handler: target.kind === "workflow" ? "run" : target.handler };
}

function nameOf(target: InvocationTarget): string {
  return target.kind === "invocation" ? target.id : `${target.service}/${target.key}`;
}

function signalOf(name: string): string {
  return `signal ${JSON.stringify(name)}`;
}
