/** The words of a command line. */
import { Readable } from "node:stream";

import {
  CliError,
  callTarget,
  commandTable,
  filterOf,
  filterOptions,
  findCommand,
  objectAddress,
  parseOptions,
  readCount,
  readDuration,
  readHeaders,
  readIndex,
  readPairs,
  readPort,
  readValue,
} from "@holdfast/cli/parts";

import { ByteSource, sized } from "../engine/byte-source.ts";
import { require, type Target } from "../engine/target.ts";

const NOW = 1_893_456_000_000;
const WORDS_MAX = 20;

/** A usage error is an answer; any other error would reach the user as a defect. */
async function orUsage<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CliError) return undefined;
    throw error;
  }
}

async function run(input: Uint8Array): Promise<void> {
  const source = new ByteSource(input);
  const words: string[] = [];
  while (!source.isEmpty && words.length < WORDS_MAX)
    words.push(Buffer.from(source.bytes()).toString("utf8"));
  await checkCommand(words);
  for (const word of words) await checkWord(word);
}

async function checkCommand(words: readonly string[]): Promise<void> {
  const found = await orUsage(() => findCommand(words));
  const entry = found?.path.at(-1);
  if (found === undefined || entry === undefined || "subcommands" in entry) return;
  const command = await entry.load();
  const parsed = await orUsage(() => parseOptions(entry.name, command, found.rest));
  if (parsed === undefined) return;
  require(Object.getPrototypeOf(parsed.options) ===
    Object.prototype, "options of another kind", parsed.options);
  const isFilter = Object.keys(filterOptions).every((name) => Object.hasOwn(parsed.options, name));
  // What the command itself does with its options before it asks the server.
  if (isFilter) await orUsage(() => filterOf(parsed.options as Parameters<typeof filterOf>[0], NOW));
}

async function checkWord(word: string): Promise<void> {
  await orUsage(() => callTarget(word, undefined));
  await orUsage(() => objectAddress(word));
  await orUsage(() => readCount(word, "--limit", 1));
  await orUsage(() => readDuration(word, "--delay"));
  await orUsage(() => readHeaders([word]));
  await orUsage(() => readIndex(word, "--from"));
  await orUsage(() => readPairs([word], "--set"));
  const port = await orUsage(() => readPort(word, "--port"));
  require(port === undefined || (Number.isInteger(port) && port >= 0 && port <= 65_535), "no port", word);
  const when = { before: word } as Parameters<typeof filterOf>[0];
  await orUsage(() => filterOf({ ...when, status: [] }, NOW));
  // A name of a file is not an input: it would read whatever lies there.
  if (word.startsWith("@")) return;
  const stdin = Object.assign(Readable.from([word]), { isTTY: false });
  const output = { write: () => true };
  const environment = {
    variables: {},
    stdin,
    stdout: output,
    stderr: output,
    directory: "/",
    now: () => NOW,
  };
  await orUsage(() => readValue(word, "input", environment));
}

const names = commandTable.flatMap((entry) =>
  "subcommands" in entry ? entry.subcommands.map(({ name }) => [entry.name, name]) : [[entry.name]],
);

function line(...words: readonly string[]): Uint8Array {
  return Buffer.concat(words.map((word) => sized(word)));
}

export const commandLine: Target = {
  name: "command-line",
  decodes: "commands, options, addresses, counts, ports, headers, times and JSON of the command line",
  seeds: () => [
    ...names.map((words) => line(...words)),
    line("invocations", "list", "--status", "running,paused", "--before", "2h", "--limit", "5"),
    line("call", "Greeter/greet", '{"name":"Ada"}', "--header", "a: b", "--json"),
    line("state", "get", "Counter/visits", "--help"),
    line("2026-11-23T08:00:00Z", "8080", "a=b", "PT1H", "-"),
  ],
  tokens: [
    "--",
    "--help",
    "--json",
    "-h",
    "=",
    "--before",
    "--after",
    "--status",
    "--__proto__",
    "--constructor=1",
    "9000000000000000ms",
    "100000000w",
    "inv_1",
    "/",
    "\xff",
  ],
  hasJson: true,
  run,
};
