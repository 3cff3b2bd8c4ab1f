/** One thing a handler may wait for: created by a call on the context, settled by a notification. */
import type { NotificationResult } from "@holdfast/protocol";

import { AttemptOver } from "./attempt-over.ts";
import { DurablePromise, excuseRejection } from "./durable-promise.ts";
import { excuseError } from "./rejection-guard.ts";

export type OperationKind =
  | "run"
  | "sleep"
  | "call"
  | "call id"
  | "send"
  | "promise"
  | "peek"
  | "settle"
  | "awakeable"
  | "signal"
  | "attach"
  | "output"
  | "state"
  | "reschedule";

/** Turns what a notification carries into the value of the promise. Throws what the promise is to be rejected with. */
export type Reader<Value> = (result: NotificationResult) => Value;

/** What is waited for, as a suspension lists it. */
export type Awaited =
  | { readonly kind: "completion"; readonly id: number }
  | { readonly kind: "signal"; readonly index: number }
  | { readonly kind: "named signal"; readonly name: string };

export class Operation<Value = unknown> {
  readonly kind: OperationKind;
  /** What people call it: the name of the step, the handler called. */
  readonly name: string;
  readonly awaits: Awaited;
  readonly promise: DurablePromise<Value>;
  isSettled = false;
  /** Sleeps: when it ends, milliseconds since the Unix epoch. */
  wakeUpAt = 0;
  /** Runs: the step behind it, which keeps what was recorded also when nobody waits for it any more. */
  step: { outcome: NotificationResult | undefined } | undefined = undefined;
  /** Rejected because the invocation was cancelled. */
  isCancelled = false;
  /** Of a callee's id: the call it belongs to. */
  call: Operation | undefined = undefined;
  readonly #read: Reader<Value>;
  #resolve!: (value: Value) => void;
  #reject!: (reason: unknown) => void;

  constructor(kind: OperationKind, name: string, awaits: Awaited, read: Reader<Value>) {
    this.kind = kind;
    this.name = name;
    this.awaits = awaits;
    this.#read = read;
    this.promise = new DurablePromise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Settles with what a notification carries. Later ones change nothing. */
  settle(result: NotificationResult): void {
    if (this.isSettled) return;
    let value: Value;
    try {
      value = this.#read(result);
    } catch (error) {
      // The handler is left where it is, and forgotten.
      if (error instanceof AttemptOver) return;
      this.reject(error);
      return;
    }
    this.resolve(value);
  }

  resolve(value: Value): void {
    if (this.isSettled) return;
    this.isSettled = true;
    this.#resolve(value);
  }

  /** Nobody waits for it any more: it never settles, and keeps nobody from suspending. */
  withdraw(): void {
    this.isSettled = true;
  }

  reject(error: unknown): void {
    if (this.isSettled) return;
    this.isSettled = true;
    excuseRejection(this.promise);
    excuseError(error);
    this.#reject(error);
  }
}
