/**
 * A native promise that knows whether anyone waits for it. That is what separates "suspend until this is done" from
 * "was started and forgotten", which no plain promise can tell.
 */
export class DurablePromise<Value> extends Promise<Value> {
  /** Whether `then` was called: by await, by a combinator, or by hand. */
  awaited = false;

  /** What `then` and the combinators return are ordinary promises: nobody asks them who waits. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise
  override then<Fulfilled = Value, Rejected = never>(
    onFulfilled?: ((value: Value) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    this.awaited = true;
    return super.then(onFulfilled, onRejected);
  }
}

/** Keeps the runtime from reporting a rejection that the handler may yet look at, without counting as waiting. */
export function excuseRejection(promise: Promise<unknown>): void {
  void Promise.prototype.then.call(promise, undefined, ignore);
}

function ignore(): void {
  // The rejection stays with the promise: whoever awaits it later gets it.
}

/** What a call on the context gives once the attempt is over. The handler is left where it is, and forgotten. */
export function neverSettles(): Promise<never> {
  return new DurablePromise<never>(ignore);
}
