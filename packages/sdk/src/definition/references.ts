/** The types of the references that a definition offers for its handlers. */
import type { HandlerRef } from "@holdfast/protocol";

/** What a caller passes as input: nothing at all where `undefined` will do. */
export type InputArgs<Input> = undefined extends Input ? [input?: Input] : [input: Input];

/** One reference per handler. `Key` is `[key: string]` for what is addressed by a key, else `[]`. */
export type References<Handlers, Key extends readonly unknown[]> = {
  readonly [Name in keyof Handlers]: Handlers[Name] extends {
    readonly "~call"?: { readonly input: infer Input; readonly output: infer Output };
  }
    ? HandlerRef<[...Key, ...InputArgs<Input>], Output>
    : Handlers[Name] extends (context: never, ...input: infer Args) => infer Output
      ? HandlerRef<[...Key, ...PlaceOfInput<Args>], Awaited<Output>>
      : never;
};

/** Options come behind the input, also where a handler takes none: what stands in its place is always the input. */
type PlaceOfInput<Args extends readonly unknown[]> = Args extends readonly [] ? [input?: undefined] : Args;
