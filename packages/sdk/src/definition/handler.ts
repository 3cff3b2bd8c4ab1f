/** Handlers with options: an input schema, retries, time limits. A handler without any is a plain function. */
import type { StandardSchema } from "../standard-schema.ts";
import type { ExecutionOptions } from "./options.ts";

/**
 * Options of one handler.
 *
 * `CallerInput` is what callers pass, `Input` what the schema makes of it for the handler; likewise for the output.
 */
export interface HandlerSpec<CallerInput, Input, Output, CallerOutput> extends ExecutionOptions {
  /** Checked before the handler runs. What does not fit ends the invocation with code 400. */
  readonly input?: StandardSchema<CallerInput, Input>;
  /** Checked when the handler returns. What does not fit pauses the invocation. */
  readonly output?: StandardSchema<Output, CallerOutput>;
}

/** A function that can be a handler, by the context it needs. */
// oxlint-disable-next-line typescript/no-explicit-any -- anything narrower would refuse functions or lose their inputs
export type HandlerFunction<Context> = (context: Context, input: any) => unknown;

/** What the definition of a service accepts as a handler. */
export interface AnyHandler<in Context> {
  readonly run: (context: Context, input: never) => unknown;
  readonly spec: ExecutionOptions;
}

/** What the definition of an object accepts as a shared handler. */
export interface AnySharedHandler<in Context> {
  readonly runShared: (context: Context, input: never) => unknown;
  readonly spec: ExecutionOptions;
}

/** Made by `handler`. */
export interface Handler<in Context, Input, Output> extends AnyHandler<Context> {
  /** Types only. */
  readonly "~call"?: { readonly input: Input; readonly output: Output };
}

/** Made by `shared`. */
export interface SharedHandler<in Context, Input, Output> extends AnySharedHandler<Context> {
  /** Types only. */
  readonly "~call"?: { readonly input: Input; readonly output: Output };
}

/**
 * A handler with options.
 *
 * @example
 * service("mail", {
 *   send: handler({ input: Mail, retry: { attempts: 10 } }, (ctx, mail) => ctx.run("send", () => smtp.send(mail))),
 * });
 */
export function handler<
  Context,
  Input = undefined,
  Output = void,
  CallerInput = Input,
  CallerOutput = Output,
>(
  spec: HandlerSpec<CallerInput, Input, Output, CallerOutput>,
  run: (context: Context, input: Input) => Output | Promise<Output>,
): Handler<Context, CallerInput, CallerOutput> {
  return { spec, run };
}

/**
 * A handler of an object that runs beside others of the same key: it reads state and does not write it.
 *
 * @example
 * object("counter", {
 *   add: async (ctx, amount: number) => { … },
 *   read: shared({}, (ctx) => ctx.state.get<number>("count")),
 * });
 */
export function shared<Context, Input = undefined, Output = void, CallerInput = Input, CallerOutput = Output>(
  spec: HandlerSpec<CallerInput, Input, Output, CallerOutput>,
  run: (context: Context, input: Input) => Output | Promise<Output>,
): SharedHandler<Context, CallerInput, CallerOutput> {
  return { spec, runShared: run };
}
