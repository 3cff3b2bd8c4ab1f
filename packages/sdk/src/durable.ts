/** The types that say what a journal can hold. They exist at compile time only; `encodeValue` checks again at run time. */

/**
 * What the journal gives back after a step returned `T`: `T` itself wherever it can be stored, and a type that nothing
 * fits where it cannot. Dates, maps, sets, bigints, typed arrays, URLs and errors are stored as what they are.
 */
export type Durable<T> = T extends Atom
  ? T
  : T extends (...args: never[]) => unknown
    ? NotDurable<"a function cannot be stored in the journal">
    : T extends PromiseLike<unknown>
      ? NotDurable<"a promise cannot be stored in the journal: await it first">
      : T extends symbol
        ? NotDurable<"a symbol cannot be stored in the journal">
        : T extends ReadonlyMap<infer Key, infer Value>
          ? ReadonlyMap<Durable<Key>, Durable<Value>>
          : T extends ReadonlySet<infer Value>
            ? ReadonlySet<Durable<Value>>
            : T extends object
              ? { readonly [Property in keyof T]: Durable<T[Property]> }
              : T;

/** Names the reason in the compiler's message. */
export interface NotDurable<Reason extends string> {
  readonly "~not durable": Reason;
}

/** `unknown` when a result of type `T` can be stored; otherwise a shape that the step's function does not have. */
export type CheckDurable<T> = [T] extends [Durable<T>] ? unknown : { readonly result: Durable<T> };

type Atom =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | void
  | Date
  | URL
  | Error
  | ArrayBufferView
  | ArrayBuffer
  | RegExp;
