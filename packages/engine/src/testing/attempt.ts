/** One attempt as its handler's SDK would drive it. Each method is a record of its own; `batch` makes one of several. */
import {
  encodeMessage,
  ErrorBehavior,
  MessageType,
  type ErrorMessage,
  type Failure,
  type InvocationTarget,
  type Result,
  type SdkMessage,
  type SuspensionMessage,
} from "@holdfast/protocol";

import { assert } from "../assert.ts";
import type { Outcome } from "../effect.ts";
import type { RecordBody, SessionMessage } from "../record.ts";
import { describeMessage, describeOutcome } from "./describe.ts";
import { bytesOf, parseAddress, runId, type Address } from "./handlers.ts";

/** What an attempt needs of the world around it. */
export interface AttemptHost {
  readonly now: number;
  apply(body: RecordBody, operation: string): { readonly outcome: Outcome };
  idOf(target: Address, idempotencyKey: string | undefined, parent: string): string;
  takeCompletionId(id: string): number;
}

export type CallOptions = {
  readonly as?: string;
  readonly input?: string;
  readonly idempotencyKey?: string;
};

export type CallHandle = { readonly id: string; readonly completionId: number };

/** A failure, or the text of a value. */
export type Settlement = string | Failure;

export class Attempt {
  readonly id: string;
  readonly number: number;
  readonly #world: AttemptHost;
  /** Messages of an open batch. */
  #gathered: SdkMessage[] | undefined;
  #childIds: string[] = [];

  constructor(world: AttemptHost, id: string, number: number) {
    this.#world = world;
    this.id = id;
    this.number = number;
  }

  /** Sends messages as one record. */
  send(...messages: readonly SdkMessage[]): Outcome {
    const childIds = this.#childIds;
    this.#childIds = [];
    const text = messages.map(describeMessage).join("; ");
    return this.#world.apply(
      {
        kind: "attempt-messages",
        id: this.id,
        attempt: this.number,
        messages: messages.map(sessionMessage),
        childIds,
      },
      `${this.id}#${this.number} ${text}`,
    ).outcome;
  }

  /** What `steps` sends is one record. */
  batch(steps: () => void): Outcome {
    this.#gathered = [];
    steps();
    const messages = this.#gathered;
    this.#gathered = undefined;
    return this.send(...messages);
  }

  #issue(message: SdkMessage, childId?: string): void {
    if (childId !== undefined) this.#childIds.push(childId);
    if (this.#gathered !== undefined) {
      this.#gathered.push(message);
      return;
    }
    const outcome = this.send(message);
    assert(outcome.ok, `${this.id}#${this.number} ${describeMessage(message)}: ${describeOutcome(outcome)}`);
  }

  #nextId(): number {
    return this.#world.takeCompletionId(this.id);
  }

  // -- commands; those that wait return the completion id they were given ------------------------------------------------

  run(name: string): number {
    const completionId = this.#nextId();
    this.#issue({ type: MessageType.Run, completionId, name });
    return completionId;
  }

  propose(completionId: number, value: Settlement): void {
    this.#issue({ type: MessageType.ProposeRunCompletion, completionId, result: settled(value) });
  }

  stepFailed(completionId: number, failures: number, nextDelayMs: number): void {
    const failure = { code: 500, message: `failed ${failures} times` };
    this.#issue({ type: MessageType.RunAttemptFailed, completionId, failure, failures, nextDelayMs });
  }

  sleep(ms: number): number {
    const completionId = this.#nextId();
    this.#issue({ type: MessageType.Sleep, completionId, wakeUpAt: this.#world.now + ms });
    return completionId;
  }

  call(address: string, options: CallOptions = {}): CallHandle {
    const { target, id, input, idempotencyKey } = this.#callee(address, options);
    const invocationIdCompletionId = this.#nextId();
    const completionId = this.#nextId();
    this.#issue(
      {
        type: MessageType.Call,
        ...target,
        parameter: input,
        headers: [],
        ...idempotencyKey,
        invocationIdCompletionId,
        completionId,
      },
      id,
    );
    return { id, completionId };
  }

  sendTo(address: string, options: CallOptions & { readonly delayMs?: number } = {}): string {
    const { target, id, input, idempotencyKey } = this.#callee(address, options);
    const invokeAt = options.delayMs === undefined ? 0 : this.#world.now + options.delayMs;
    this.#issue(
      {
        type: MessageType.OneWayCall,
        ...target,
        parameter: input,
        invokeAt,
        headers: [],
        ...idempotencyKey,
        invocationIdCompletionId: this.#nextId(),
      },
      id,
    );
    return id;
  }

  #callee(address: string, options: CallOptions) {
    const target = parseAddress(address);
    const { idempotencyKey } = options;
    return {
      target,
      id: options.as ?? this.#world.idOf(target, idempotencyKey, this.id),
      input: bytesOf(options.input ?? ""),
      idempotencyKey: idempotencyKey === undefined ? {} : { idempotencyKey },
    };
  }

  attach(target: string | InvocationTarget): number {
    const completionId = this.#nextId();
    const command = { type: MessageType.AttachInvocation, target: invocation(target), completionId } as const;
    this.#issue(command, targetId(target));
    return completionId;
  }

  output(target: string | InvocationTarget): number {
    const completionId = this.#nextId();
    const command = {
      type: MessageType.GetInvocationOutput,
      target: invocation(target),
      completionId,
    } as const;
    this.#issue(command, targetId(target));
    return completionId;
  }

  reschedule(target: string, delayMs: number): number {
    const completionId = this.#nextId();
    const invokeAt = delayMs === 0 ? 0 : this.#world.now + delayMs;
    this.#issue({ type: MessageType.Reschedule, target, invokeAt, completionId });
    return completionId;
  }

  promise(key: string): number {
    const completionId = this.#nextId();
    this.#issue({ type: MessageType.GetPromise, key, completionId });
    return completionId;
  }

  peek(key: string): number {
    const completionId = this.#nextId();
    this.#issue({ type: MessageType.PeekPromise, key, completionId });
    return completionId;
  }

  resolve(key: string, value: Settlement): number {
    const completionId = this.#nextId();
    this.#issue({ type: MessageType.CompletePromise, key, result: settled(value), completionId });
    return completionId;
  }

  signal(target: string, to: number | string, value: Settlement): void {
    const address = typeof to === "number" ? { index: to } : { signalName: to };
    this.#issue({ type: MessageType.SendSignal, target, ...address, result: settled(value) });
  }

  cancel(target: string): void {
    this.#issue({ type: MessageType.SendSignal, target, index: 1, result: { kind: "void" } });
  }

  completeAwakeable(awakeableId: string, value: Settlement): void {
    this.#issue({ type: MessageType.CompleteAwakeable, awakeableId, result: settled(value) });
  }

  set(key: string, value: string): void {
    this.#issue({ type: MessageType.SetState, key, value: bytesOf(value) });
  }

  clear(key: string): void {
    this.#issue({ type: MessageType.ClearState, key });
  }

  clearAll(): void {
    this.#issue({ type: MessageType.ClearAllState });
  }

  getLazy(key: string): number {
    const completionId = this.#nextId();
    this.#issue({ type: MessageType.GetLazyState, key, completionId });
    return completionId;
  }

  getLazyKeys(): number {
    const completionId = this.#nextId();
    this.#issue({ type: MessageType.GetLazyStateKeys, completionId });
    return completionId;
  }

  // -- how it ends ---------------------------------------------------------------------------------------------------

  suspend(
    completions: readonly number[],
    others: Partial<Pick<SuspensionMessage, "signals" | "namedSignals">> = {},
  ): void {
    this.#issue({ type: MessageType.Suspension, completions, signals: [], namedSignals: [], ...others });
  }

  error(message: string, options: Partial<ErrorMessage> = {}): void {
    this.#issue({
      type: MessageType.Error,
      code: 500,
      message,
      stacktrace: "",
      behavior: ErrorBehavior.Retry,
      ...options,
    });
  }

  /** The Output command alone. */
  outputValue(value: Settlement): void {
    this.#issue({ type: MessageType.Output, result: settled(value) });
  }

  end(): void {
    this.#issue({ type: MessageType.End });
  }

  /** Output and end, in one record. */
  return(value: Settlement): void {
    if (this.#gathered === undefined) {
      const outcome = this.batch(() => this.return(value));
      assert(outcome.ok, `${this.id}#${this.number} returns: ${describeOutcome(outcome)}`);
    } else {
      this.outputValue(value);
      this.end();
    }
  }
}

export function sessionMessage(message: SdkMessage): SessionMessage {
  return { type: message.type, body: encodeMessage(message), message };
}

function settled(value: Settlement): Result {
  return typeof value === "string"
    ? { kind: "value", value: bytesOf(value) }
    : { kind: "failure", failure: value };
}

function invocation(target: string | InvocationTarget): InvocationTarget {
  return typeof target === "string" ? { kind: "invocation", id: target } : target;
}

/** What the engine's shell would resolve a target to. */
function targetId(target: string | InvocationTarget): string {
  if (typeof target === "string") return target;
  if (target.kind === "invocation") return target.id;
  if (target.kind === "workflow") return runId(target.service, target.key);
  return `ik:${target.service}/${target.key}/${target.handler}/${target.idempotencyKey}`;
}
