/** Builds the programs in other languages. */
import { spawnSync } from "node:child_process";

import { LANGUAGES, markBuilt, type Language } from "./languages.ts";

const BUILD_TIMEOUT_MS = 900_000;

/** Returns what went wrong, build by build. A tool that is not there is not wrong: the tests say what they do not try. */
export function buildLanguages(): string[] {
  const failures: string[] = [];
  for (const language of LANGUAGES) {
    const failure = build(language);
    if (failure !== undefined) failures.push(`${language.name}: ${failure}`);
  }
  return failures;
}

function build(language: Language): string | undefined {
  const { build: commands, folder: cwd } = language;
  if (commands.length === 0) return undefined;
  // The first time, that is downloads and minutes.
  console.log(`Building the program in ${language.name}…`);
  for (const [index, [command, ...args]] of commands.entries()) {
    const done = spawnSync(command, args, { cwd, encoding: "utf8", timeout: BUILD_TIMEOUT_MS });
    const isMissing = (done.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT";
    if (isMissing && index === 0) return undefined;
    if (done.error !== undefined) return `${command} did not end well: ${done.error.message}`;
    if (done.status !== 0) return `${[command, ...args].join(" ")}\n${done.stdout}${done.stderr}`;
  }
  markBuilt(language);
  return undefined;
}
