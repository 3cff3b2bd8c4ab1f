/** One run of the command line: find the command, read its options, run it, and say what went wrong. */
import type { CommandEntry } from "./command-table.ts";
import type { Command, Context } from "./command.ts";
import type { Environment } from "./environment.ts";
import { ExitCode } from "./exit-code.ts";
import { findCommand, nameOf, type FoundCommand } from "./find-command.ts";
import { Output } from "./output/output.ts";
import { parseOptions } from "./parse-options.ts";

/** Runs what the words say. Never throws: the outcome is the exit code. */
export async function runCommandLine(words: readonly string[], environment: Environment): Promise<ExitCode> {
  const early = wordsBeforeRest(words);
  const out = new Output(environment, {
    json: early.includes("--json"),
    noColour: early.includes("--no-color"),
  });
  try {
    return await dispatch(words, environment, out);
  } catch (error) {
    const { failureLines, failureOf } = await import("./failure.ts");
    const failure = failureOf(error);
    out.endProgress();
    const lines = out.isJson ? [JSON.stringify(failure)] : failureLines(failure, out.paintNote);
    environment.stderr.write(`${lines.join("\n")}\n`);
    return failure.exitCode;
  }
}

async function dispatch(words: readonly string[], environment: Environment, out: Output): Promise<ExitCode> {
  const found = findCommand(words[0] === "--version" || words[0] === "-v" ? ["version"] : words);
  const entry = found.path.at(-1);
  if (entry === undefined || "subcommands" in entry) return showGroup(found, entry, out);
  const command = await entry.load();
  const name = nameOf(found.path);
  const { options, args } = parseOptions(name, command, found.rest);
  if (options["help"] === true) {
    await showCommand(name, entry.summary, command, out);
    return ExitCode.ok;
  }
  const context: Context = {
    options: options as Context["options"],
    args,
    out,
    environment,
    help: (path) => showHelp(path, out),
  };
  return (await command.run(context)) ?? ExitCode.ok;
}

/** A name that only groups others is no command: without --help, its list of commands is an answer to a mistake. */
async function showGroup(
  found: FoundCommand,
  entry: CommandEntry | undefined,
  out: Output,
): Promise<ExitCode> {
  const isAsked = found.path.length === 0 || found.rest.some((word) => word === "--help" || word === "-h");
  const unknown = found.rest.find((word) => word.startsWith("-") && !["--help", "-h"].includes(word));
  if (!isAsked && unknown === undefined) {
    const { usageError } = await import("./cli-error.ts");
    const names = entry !== undefined && "subcommands" in entry ? entry.subcommands : [];
    throw usageError(`holdfast ${nameOf(found.path)} needs a command`, {
      hint: `There are: ${names.map(({ name }) => name).join(", ")}.`,
    });
  }
  await showHelp(
    found.path.map(({ name }) => name),
    out,
  );
  return isAsked ? ExitCode.ok : ExitCode.usage;
}

async function showHelp(words: readonly string[], out: Output): Promise<void> {
  const { groupLines, overviewLines } = await import("./help-text.ts");
  const { path } = findCommand(words);
  const entry = path.at(-1);
  if (entry === undefined) {
    const { programVersion } = await import("./program-version.ts");
    const { commandTable } = await import("./command-table.ts");
    out.result({ version: programVersion, commands: summaries(commandTable) }, () => {
      for (const line of overviewLines(programVersion, out.paint)) out.print(line);
    });
    return;
  }
  const name = nameOf(path);
  if (!("subcommands" in entry)) {
    await showCommand(name, entry.summary, await entry.load(), out);
    return;
  }
  out.result({ name, summary: entry.summary, commands: summaries(entry.subcommands) }, () => {
    for (const line of groupLines(name, entry, out.paint)) out.print(line);
  });
}

async function showCommand(name: string, summary: string, command: Command, out: Output): Promise<void> {
  const { commandDocument, commandLines } = await import("./help-text.ts");
  out.result(commandDocument(name, summary, command), () => {
    for (const line of commandLines(name, summary, command, out.paint)) out.print(line);
  });
}

function summaries(entries: readonly CommandEntry[]): object[] {
  return entries.filter(({ isHidden }) => isHidden !== true).map(({ name, summary }) => ({ name, summary }));
}

/** The words among which options may stand. */
function wordsBeforeRest(words: readonly string[]): readonly string[] {
  const end = words.indexOf("--");
  return end === -1 ? words : words.slice(0, end);
}
