/**
 * How callers name a handler: by a reference taken from its definition, never by a string. The SDK makes references,
 * the SDK's context and the client accept them, and neither of those two needs to know the other.
 *
 * A reference carries three facts at run time and the handler's types at compile time. A program that lives in another
 * repository can write one by hand: `{ service: "mail", handler: "send", kind: "plain" } as HandlerRef<[input: Mail], void>`.
 */

import type { HandlerKind } from "./manifest.ts";

/**
 * A callable handler.
 *
 * `Args` is what a caller passes: `[input]` for plain services, `[key, input]` for objects and workflows, `[input]` for
 * workflows that derive their key from the input. An input that may be `undefined` may be left out.
 */
export interface HandlerRef<Args extends readonly unknown[], Output> {
  readonly service: string;
  readonly handler: string;
  readonly kind: HandlerKind;
  /** Workflows that declare a key: how it follows from the input. Callers then pass no key. */
  readonly keyOf?: ((input: never) => string) | undefined;
  /** Types only, never present at run time. */
  readonly "~args": Args;
  /** Types only, never present at run time. */
  readonly "~output": Output;
}

/** Any reference. Generic functions over references take `Ref extends AnyHandlerRef` and read `ArgsOf<Ref>`. */
export type AnyHandlerRef = HandlerRef<readonly unknown[], unknown>;

export type ArgsOf<Ref extends AnyHandlerRef> = Ref["~args"];
export type OutputOfRef<Ref extends AnyHandlerRef> = Ref["~output"];

/**
 * A workflow's main handler together with the payload types of its durable promises, by name.
 */
export interface WorkflowRef<Args extends readonly unknown[], Output, Promises> extends HandlerRef<
  Args,
  Output
> {
  readonly kind: "run";
  /** Types only, never present at run time. */
  readonly "~promises"?: Promises;
}
