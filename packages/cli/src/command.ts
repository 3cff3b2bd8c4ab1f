/** What a command is: data for its help and for the parser, and a function. */
import type { Environment } from "./environment.ts";
import type { ExitCode } from "./exit-code.ts";
import type { Output } from "./output/output.ts";

export type OptionSpec =
  | { readonly type: "boolean"; readonly short?: string; readonly help: string }
  | {
      readonly type: "string";
      readonly short?: string;
      readonly help: string;
      /** Stands for the value in help: "URL". */
      readonly value: string;
      /** May be given several times. */
      readonly multiple?: boolean;
    };

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** Flags are false and lists empty when they are not given; other values are then undefined. */
export type ValuesOf<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs]: Specs[Name] extends { readonly type: "boolean" }
    ? boolean
    : Specs[Name] extends { readonly multiple: true }
      ? readonly string[]
      : string | undefined;
};

export type ArgumentSpec = {
  readonly name: string;
  readonly help: string;
  readonly optional?: boolean;
  /** Takes all that follow. Last only. */
  readonly many?: boolean;
};

export type Example = { readonly line: string; readonly help: string };

export type Context<Specs extends OptionSpecs = OptionSpecs> = {
  readonly options: ValuesOf<Specs>;
  readonly args: readonly string[];
  readonly out: Output;
  readonly environment: Environment;
  /** Prints the help of the command with these names; of all without any. */
  readonly help: (names: readonly string[]) => Promise<void>;
};

export interface Command<Specs extends OptionSpecs = OptionSpecs> {
  /** A paragraph below the usage, where the summary of the table is not enough. */
  readonly description?: string;
  readonly args: readonly ArgumentSpec[];
  readonly options: Specs;
  readonly examples: readonly Example[];
  run(context: Context<Specs>): Promise<ExitCode | void>;
}

/** A command with the types of its options inferred. */
export function defineCommand<const Specs extends OptionSpecs>(command: Command<Specs>): Command {
  return command as unknown as Command;
}

/** Options of every command. */
export const globalOptions = {
  json: { type: "boolean", help: "print JSON: one document, or one line per item" },
  help: { type: "boolean", short: "h", help: "show this help" },
  "no-color": { type: "boolean", help: "no colours, also on a terminal" },
} as const satisfies OptionSpecs;

/** Options of commands that talk to a server. */
export const connectionOptions = {
  "admin-url": {
    type: "string",
    value: "URL",
    help: "operators' API; default HOLDFAST_ADMIN_URL or http://localhost:9070",
  },
  "ingress-url": {
    type: "string",
    value: "URL",
    help: "callers' API; default HOLDFAST_INGRESS_URL or http://localhost:8080",
  },
} as const satisfies OptionSpecs;

export type ConnectionValues = ValuesOf<typeof connectionOptions>;

/** Of commands that ask before they do something that cannot be taken back. */
export const confirmOption = {
  yes: { type: "boolean", short: "y", help: "do not ask" },
} as const satisfies OptionSpecs;
