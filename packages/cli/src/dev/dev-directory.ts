/** The data directory of dev, kept between runs. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { inspectDataDirectory } from "@holdfast/server";

import { CliError } from "../cli-error.ts";
import { ExitCode } from "../exit-code.ts";

export const DEV_DIRECTORY = ".holdfast/dev";

const NOTES_FILE = "dev.json";
const OWN_ENTRY = /^(log|checkpoint\.db.*|lock\..*|running|identity\.pem(\.new)?|dev\.json)$/;

/** Removes what an engine keeps in the directory. Refused while one is running, and where it would remove other things. */
export async function wipe(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  const foreign = readdirSync(directory).find((entry) => !OWN_ENTRY.test(entry));
  if (foreign !== undefined) {
    throw new CliError("directory-not-wiped", `${directory} holds "${foreign}", which is not Holdfast's`, {
      exitCode: ExitCode.conflict,
      hint: "--fresh empties the directory that --data names. Name one that holds nothing else.",
    });
  }
  const holder = await holderOf(directory);
  if (holder !== undefined) {
    throw new CliError("directory-locked", `${directory} is in use by ${holder}`, {
      exitCode: ExitCode.directoryLocked,
      hint: "Stop that process first.",
    });
  }
  // Looking at it may have left files of SQLite's.
  for (const entry of readdirSync(directory)) {
    if (OWN_ENTRY.test(entry)) rmSync(join(directory, entry), { recursive: true });
  }
}

async function holderOf(directory: string): Promise<string | undefined> {
  try {
    return (await inspectDataDirectory(directory)).inUseBy;
  } catch {
    return undefined; // There is no data in it, or none that can be read: nobody has it open.
  }
}

/**
 * Where the services file was served last. Work that began there goes on there, so the address has to stay the same from
 * run to run.
 */
export function lastPort(directory: string): number | undefined {
  try {
    const notes = JSON.parse(readFileSync(join(directory, NOTES_FILE), "utf8")) as {
      readonly port?: unknown;
    };
    return typeof notes.port === "number" ? notes.port : undefined;
  } catch {
    return undefined; // The first run, or a file that somebody edited: any port will do.
  }
}

export function rememberPort(directory: string, port: number): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, NOTES_FILE), `${JSON.stringify({ port })}\n`);
}
