/** From words to what a command takes, with an answer for everything that does not fit. */
import { parseArgs } from "node:util";

import { usageError } from "./cli-error.ts";
import { globalOptions, type Command, type OptionSpec, type OptionSpecs } from "./command.ts";

export type ParsedLine = {
  readonly options: Readonly<Record<string, boolean | string | undefined | readonly string[]>>;
  readonly args: readonly string[];
};

type Token = ReturnType<typeof tokensOf>[number];

/** Throws usage errors. With --help among the words, nothing else is checked. */
export function parseOptions(name: string, command: Command, words: readonly string[]): ParsedLine {
  const specs: OptionSpecs = { ...globalOptions, ...command.options };
  const tokens = tokensOf(specs, words);
  const isHelp = tokens.some((token) => token.kind === "option" && token.name === "help");
  const options: Record<string, boolean | string | undefined | string[]> = emptyValues(specs);
  const args: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") args.push(token.value);
    if (token.kind !== "option") continue;
    if (!isHelp) checkOption(specs, token);
    const spec = Object.hasOwn(specs, token.name) ? specs[token.name] : undefined;
    const list = options[token.name];
    if (Array.isArray(list)) list.push(token.value ?? "");
    else options[token.name] = spec?.type === "string" ? token.value : true;
  }
  if (!isHelp) checkArguments(name, command, args);
  return { options, args };
}

function tokensOf(specs: OptionSpecs, words: readonly string[]) {
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      Object.entries(specs).map(([name, { type, short }]) => [
        name,
        { type, multiple: true, ...(short === undefined ? {} : { short }) },
      ]),
    ),
    // What is wrong is said by us: with a suggestion, and in the same form as every other error.
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  return tokens;
}

function emptyValues(specs: OptionSpecs): Record<string, boolean | string | undefined | string[]> {
  return Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, emptyValue(spec)]));
}

function emptyValue(spec: OptionSpec): boolean | undefined | string[] {
  if (spec.type === "boolean") return false;
  return spec.multiple === true ? [] : undefined;
}

function checkOption(specs: OptionSpecs, token: Token & { readonly kind: "option" }): void {
  const { name, rawName, value, inlineValue } = token;
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
  if (spec === undefined) throw unknownOption(specs, rawName);
  if (spec.type === "boolean") {
    if (value === undefined) return;
    throw usageError(`${rawName} takes no value`, { hint: `Write ${rawName} alone, or leave it out.` });
  }
  const isMissing = value === undefined || value === "";
  const isOption = inlineValue !== true && value !== undefined && /^-./.test(value);
  if (!isMissing && !isOption) return;
  throw usageError(`${rawName} needs a value`, {
    hint: isOption
      ? `If "${value}" is the value, write ${rawName}=${value}.`
      : `Write ${rawName} ${spec.value}: ${spec.help}.`,
  });
}

function unknownOption(specs: OptionSpecs, rawName: string): Error {
  if (/^-\d/.test(rawName)) {
    return usageError(`${rawName} looks like an option`, {
      hint: "Write -- before arguments that begin with a hyphen.",
    });
  }
  const candidates = Object.keys(specs).map((name) => `--${name}`);
  return usageError(`There is no option ${rawName} here`, {
    meant: { word: rawName, candidates },
    hint: "Add --help to see the options there are.",
  });
}

function checkArguments(name: string, command: Command, args: readonly string[]): void {
  const missing = command.args.find(({ optional }, index) => optional !== true && args[index] === undefined);
  if (missing !== undefined) {
    throw usageError(`holdfast ${name} needs <${missing.name}>: ${missing.help}`, {
      hint: `holdfast ${name} --help shows examples.`,
    });
  }
  const takesAll = command.args.at(-1)?.many === true;
  const unexpected = takesAll ? undefined : args[command.args.length];
  if (unexpected === undefined) return;
  throw usageError(`"${unexpected}" is one argument too many for holdfast ${name}`, {
    hint:
      args.length > 1
        ? "Quote an argument that holds spaces, such as JSON."
        : `holdfast ${name} --help shows what it takes.`,
  });
}
