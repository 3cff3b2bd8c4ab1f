import { ExitCode } from "./exit-code.ts";

export type CliErrorOptions = {
  readonly exitCode: ExitCode;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** A word that is not known and those that are: the closest becomes the hint. */
  readonly meant?: { readonly word: string; readonly candidates: readonly string[] };
  readonly cause?: unknown;
};

/** Something that this program itself finds wrong, in contrast to what a server answers. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** Stable, like the codes of the error catalogue. */
  readonly code: string;
  readonly options: CliErrorOptions;

  constructor(code: string, message: string, options: CliErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.options = options;
  }
}

/** The command line cannot be understood. */
export function usageError(message: string, options: Omit<CliErrorOptions, "exitCode"> = {}): CliError {
  return new CliError("usage", message, { exitCode: ExitCode.usage, ...options });
}
