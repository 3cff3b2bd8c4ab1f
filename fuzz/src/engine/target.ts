/** What is fuzzed: one decoder, or a few that belong together. */
import { inspect } from "node:util";

export type Target = {
  readonly name: string;
  /** The decoders, as fuzz/README.md names them. */
  readonly decodes: string;
  /** Valid inputs to begin with. */
  readonly seeds: () => readonly Uint8Array[];
  /** Pieces that inputs are made of, for the mutator. */
  readonly tokens?: readonly string[];
  /** There is JSON in the inputs: the mutator replaces values in it, and wraps them. */
  readonly hasJson?: boolean;
  /**
   * Gives one input to the decoders. Returns when all is well, also when the input was refused as documented; throws when
   * something was found.
   */
  readonly run: (input: Uint8Array) => void | Promise<void>;
};

/** Thrown by `run` when an input shows that a promise does not hold. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** Runs a decoder. `undefined`: it refused the input with one of the errors that it may throw. Others are findings. */
export function refusedOr<T>(
  refusals: ReadonlyArray<abstract new (...args: never[]) => Error>,
  decode: () => T,
): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (refusals.some((refusal) => error instanceof refusal)) return undefined;
    throw error;
  }
}

export function require(holds: boolean, promise: string, ...shown: readonly unknown[]): void {
  if (holds) return;
  throw new Finding([promise, ...shown.map((value) => show(value))].join("\n  "));
}

function show(value: unknown): string {
  const text = typeof value === "string" ? value : inspectShort(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

function inspectShort(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : inspect(value, { depth: 4 });
}
