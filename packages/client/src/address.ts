import type { AnyHandlerRef } from "@holdfast/protocol";

/** A call, taken apart: where it goes and what goes there. */
export interface Address<Options> {
  readonly segments: readonly string[];
  readonly key: string | undefined;
  readonly input: unknown;
  readonly options: Options | undefined;
}

/** Sorts what was passed behind a reference: a key where the callee has one and does not derive it, the input, the options. */
export function addressOf<Options>(ref: AnyHandlerRef, args: readonly unknown[]): Address<Options> {
  const { service, handler, kind } = ref;
  if (kind === "plain") {
    const [input, options] = args;
    return { segments: [service, handler], key: undefined, input, options: options as Options | undefined };
  }
  const derive = ref.keyOf as ((input: unknown) => string) | undefined;
  if (derive !== undefined) {
    const [input, options] = args;
    const key = derive(input);
    return { segments: [service, key, handler], key, input, options: options as Options | undefined };
  }
  const [key, input, options] = args;
  if (typeof key !== "string") {
    throw new TypeError(
      `A call of ${service}/${handler} needs a key: pass it behind the reference, before the input.`,
    );
  }
  return { segments: [service, key, handler], key, input, options: options as Options | undefined };
}
