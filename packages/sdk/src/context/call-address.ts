import type { AnyHandlerRef } from "@holdfast/protocol";

import { UsageError } from "../errors.ts";

export interface CallAddress<Options> {
  readonly service: string;
  readonly handler: string;
  /** "" for plain services. */
  readonly key: string;
  readonly input: unknown;
  readonly options: Options | undefined;
}

/** Sorts the arguments of a call: a key where the callee has one and does not derive it, the input, the options. */
export function addressOf<Options>(handler: AnyHandlerRef, args: readonly unknown[]): CallAddress<Options> {
  const { service, handler: name, kind } = handler;
  const keyOf = handler.keyOf as ((input: unknown) => string) | undefined;
  if (kind === "plain" || keyOf !== undefined) {
    const [input, options] = args;
    return {
      service,
      handler: name,
      key: keyOf?.(input) ?? "",
      input,
      options: options as Options | undefined,
    };
  }
  const [key, input, options] = args;
  if (typeof key !== "string" || key === "") {
    throw new UsageError(
      `a call of ${service}/${name} needs a key: pass a non-empty string after the handler.`,
    );
  }
  return { service, handler: name, key, input, options: options as Options | undefined };
}
