/** Help, from what the table and the commands say about themselves. */
import { commandGroups, type CommandEntry } from "./command-table.ts";
import { globalOptions, type ArgumentSpec, type Command, type OptionSpecs } from "./command.ts";
import type { Paint } from "./output/paint.ts";
import { widthOf } from "./output/shown-text.ts";

const DESCRIPTION = "Holdfast runs ordinary async functions so that they survive crashes.";

export function overviewLines(version: string, paint: Paint): string[] {
  const lines = [`${paint("bold", "holdfast")} ${version}`, DESCRIPTION, "", ...usage(paint, "<command>")];
  for (const { title, entries } of commandGroups)
    lines.push("", paint("bold", title), ...entryLines(entries, paint));
  lines.push("", "holdfast <command> --help shows examples. docs/cli.md describes everything.");
  return lines;
}

export function groupLines(name: string, entry: CommandEntry, paint: Paint): string[] {
  const subcommands = "subcommands" in entry ? entry.subcommands : [];
  return [
    `${capitalized(entry.summary)}.`,
    "",
    ...usage(paint, `${name} <command>`),
    "",
    paint("bold", "Commands"),
    ...entryLines(subcommands, paint),
    "",
    `holdfast ${name} <command> --help shows examples.`,
  ];
}

export function commandLines(name: string, summary: string, command: Command, paint: Paint): string[] {
  const lines = [`${capitalized(summary)}.`];
  if (command.description !== undefined) lines.push("", ...wrapped(command.description, WIDTH));
  lines.push("", ...usage(paint, [name, ...command.args.map(argumentText)].join(" ")));
  if (command.args.length > 0) {
    const rows = command.args.map(({ name: title, help }) => [`<${title}>`, help] as const);
    lines.push("", paint("bold", "Arguments"), ...pairs(rows, paint));
  }
  const options: OptionSpecs = { ...command.options, ...globalOptions };
  lines.push("", paint("bold", "Options"), ...pairs(optionRows(options), paint));
  lines.push("", paint("bold", "Examples"));
  for (const { line, help } of command.examples) lines.push(`  ${paint("dim", `# ${help}`)}`, `  ${line}`);
  return lines;
}

/** The same as data, for --json. */
export function commandDocument(name: string, summary: string, command: Command): object {
  const { description, args, options, examples } = command;
  const all: OptionSpecs = { ...options, ...globalOptions };
  return {
    name,
    summary,
    ...(description === undefined ? {} : { description }),
    arguments: args,
    options: Object.entries(all).map(([option, spec]) => ({ name: option, ...spec })),
    examples,
  };
}

function usage(paint: Paint, text: string): string[] {
  return [`${paint("bold", "Usage")}  holdfast ${text} [options]`];
}

function entryLines(entries: readonly CommandEntry[], paint: Paint): string[] {
  const visible = entries.filter(({ isHidden }) => isHidden !== true);
  return pairs(
    visible.map(({ name, summary }) => [name, summary] as const),
    paint,
  );
}

function optionRows(options: OptionSpecs): ReadonlyArray<readonly [string, string]> {
  return Object.entries(options).map(([name, spec]) => {
    const short = spec.short === undefined ? "    " : `-${spec.short}, `;
    const value = spec.type === "string" ? ` ${spec.value}` : "";
    const repeats = spec.type === "string" && spec.multiple === true ? "; may be given several times" : "";
    return [`${short}--${name}${value}`, spec.help + repeats] as const;
  });
}

function argumentText({ name, optional, many }: ArgumentSpec): string {
  const text = many === true ? `<${name}>...` : `<${name}>`;
  return optional === true ? `[${text}]` : text;
}

/** Easy to read, and what most terminals have room for. */
const WIDTH = 100;
/** Wide enough for most, so that the blocks of one page line up. */
const LEFT_MIN = 22;

function pairs(rows: ReadonlyArray<readonly [left: string, right: string]>, paint: Paint): string[] {
  const width = Math.max(LEFT_MIN, ...rows.map(([left]) => widthOf(left)));
  const margin = " ".repeat(width + 4);
  return rows.flatMap(([left, right]) => {
    const [first = "", ...rest] = wrapped(right, WIDTH - margin.length);
    const padding = " ".repeat(width - widthOf(left));
    return [`  ${paint("cyan", left)}${padding}  ${first}`, ...rest.map((line) => margin + line)];
  });
}

/** Lines of at most `width` columns, unless a single word is longer. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
