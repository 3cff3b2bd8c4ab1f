/** `ctx.promise(name)`: nothing is issued until somebody waits, looks or settles. */
import { MessageType, type Duration, type NotificationResult, type Result } from "@holdfast/protocol";

import type { NamedPromise, Peek, Settled, Wait } from "../context.ts";
import { TerminalError } from "../errors.ts";
import type { ValuePlace } from "../replay/environment.ts";
import { errorOf, failureOf } from "../replay/failure.ts";
import type { Operation, Reader } from "../replay/operation.ts";
import type { Session } from "../replay/session.ts";
import type { StandardSchema } from "../standard-schema.ts";
import { checkedReader } from "./schema-value.ts";
import type { Waits } from "./waits.ts";

export class DurableNamedPromise implements NamedPromise<unknown, unknown> {
  readonly #session: Session;
  readonly #waits: Waits;
  readonly #name: string;
  readonly #place: ValuePlace;
  readonly #readStored: Reader<unknown>;
  readonly #read: Reader<unknown>;

  constructor(session: Session, waits: Waits, name: string, schema: StandardSchema | undefined) {
    this.#session = session;
    this.#waits = waits;
    this.#name = name;
    this.#place = session.values.promise(name);
    this.#readStored = session.values.reader(this.#place);
    this.#read = checkedReader(this.#readStored, schema, `promise ${JSON.stringify(name)}`);
  }

  // oxlint-disable-next-line unicorn/no-thenable -- awaiting the promise itself is how one waits without a time limit
  then<Fulfilled = unknown, Rejected = never>(
    onFulfilled?: ((value: unknown) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.#wait(this.then).promise.then(onFulfilled, onRejected);
  }

  get(options: { readonly timeout?: Duration } = {}): Promise<Wait<unknown>> {
    return this.#waits.settle(this.#wait(this.get), options.timeout, this.get);
  }

  peek(): Promise<Peek<unknown>> {
    this.#session.assertOutsideStep("ctx.promise().peek");
    return this.#peek();
  }

  resolve(value: unknown): Promise<Settled<unknown>> {
    this.#session.assertOutsideStep("ctx.promise().resolve");
    const bytes = this.#session.values.encode(value, `promise ${JSON.stringify(this.#name)}`, this.#place);
    return this.#complete({ kind: "value", value: bytes }, { ok: true, value });
  }

  reject(reason: string): Promise<Settled<unknown>> {
    this.#session.assertOutsideStep("ctx.promise().reject");
    const error = new TerminalError(reason);
    // Without a stack: a replay would have another one.
    const { code, message } = failureOf(error);
    return this.#complete(
      { kind: "failure", failure: { code, message } },
      { ok: false, reason: "rejected", error },
    );
  }

  #wait(entry: (...args: never[]) => unknown): Operation {
    const key = this.#name;
    this.#session.assertOutsideStep("ctx.promise");
    const build = (completionId: number) => ({ type: MessageType.GetPromise, key, completionId }) as const;
    return this.#session.request("promise", key, build, this.#read, entry);
  }

  #peek(): Promise<Peek<unknown>> {
    const key = this.#name;
    const build = (completionId: number) => ({ type: MessageType.PeekPromise, key, completionId }) as const;
    return this.#session.request("peek", key, build, (result) => this.#readPeek(result), this.peek).promise;
  }

  #readPeek(result: NotificationResult): Peek<unknown> {
    if (result.kind === "void") return { ok: false, reason: "pending" };
    if (result.kind === "failure") return { ok: false, reason: "rejected", error: errorOf(result.failure) };
    return { ok: true, value: this.#readStored(result) };
  }

  async #complete(result: Result, own: Peek<unknown>): Promise<Settled<unknown>> {
    const key = this.#name;
    const build = (completionId: number) =>
      ({ type: MessageType.CompletePromise, key, result, completionId }) as const;
    const read = (answer: NotificationResult): boolean => answer.kind !== "failure";
    const first = await this.#session.request("settle", key, build, read, this.resolve).promise;
    return { first, outcome: first ? own : await this.#peek() };
  }
}
