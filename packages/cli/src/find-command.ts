import { usageError } from "./cli-error.ts";
import { commandTable, type CommandEntry } from "./command-table.ts";
import { connectionOptions, globalOptions, type OptionSpecs } from "./command.ts";

export type FoundCommand = {
  /** From the outermost in. Empty: no command was named. */
  readonly path: readonly CommandEntry[];
  /** Everything else, in its order. */
  readonly rest: readonly string[];
};

const leadingOptions: OptionSpecs = { ...globalOptions, ...connectionOptions };

/** The words that name a command, and the rest. Options may stand before the command as well as behind it. */
export function findCommand(words: readonly string[]): FoundCommand {
  const path: CommandEntry[] = [];
  const rest: string[] = [];
  let candidates: readonly CommandEntry[] = commandTable;
  let next = 0;
  while (next < words.length && candidates.length > 0) {
    const word = words[next] ?? "";
    if (word === "--") break;
    next += 1;
    if (word.startsWith("-") && word !== "-") {
      rest.push(word);
      if (takesValue(word) && next < words.length) rest.push(words[next++] ?? "");
      continue;
    }
    const entry = candidates.find(({ name }) => name === word);
    if (entry === undefined) throw unknownCommand(path, candidates, word);
    path.push(entry);
    candidates = "subcommands" in entry ? entry.subcommands : [];
  }
  return { path, rest: [...rest, ...words.slice(next)] };
}

export function nameOf(path: readonly CommandEntry[]): string {
  return path.map(({ name }) => name).join(" ");
}

function takesValue(word: string): boolean {
  if (!word.startsWith("--") || word.includes("=")) return false;
  const name = word.slice(2);
  return Object.hasOwn(leadingOptions, name) && leadingOptions[name]?.type === "string";
}

function unknownCommand(
  path: readonly CommandEntry[],
  candidates: readonly CommandEntry[],
  word: string,
): Error {
  const visible = candidates.filter(({ isHidden }) => isHidden !== true).map(({ name }) => name);
  const full = ["holdfast", ...path.map(({ name }) => name)].join(" ");
  return usageError(`There is no command "${full} ${word}"`, {
    meant: { word, candidates: visible },
    hint: path.length === 0 ? "holdfast help lists the commands." : `There are: ${visible.join(", ")}.`,
  });
}
