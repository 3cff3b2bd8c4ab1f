import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";

import { TerminalError } from "@holdfast/sdk";

import { properties } from "../durable/schema.ts";

/** What a directory says about itself. */
export interface Application {
  /** As it can stand in a host name. */
  readonly name: string;
  readonly hasBuild: boolean;
  /** How its dependencies are installed; undefined when it has none. */
  readonly install: "npm ci" | "npm install" | undefined;
  /** The command line that starts it. */
  readonly start: string;
}

const DEPENDENCIES = ["dependencies", "devDependencies", "optionalDependencies"];
const LOCK_FILES = ["package-lock.json", "npm-shrinkwrap.json"];
/** Tried in this order when there is no start script. */
const ENTRIES = ["server.js", "server.mjs", "server.ts", "index.js", "index.mjs", "index.ts"];
const LABEL_CHARACTERS_MAX = 40;

/**
 * Reads a directory's package.json and looks for what can be started.
 *
 * @throws TerminalError "application_invalid" that says what is missing.
 */
export function readApplication(directory: string): Application {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw invalid(`There is no directory ${directory}.`);
  }
  const manifest = readManifest(directory);
  const scripts = properties(manifest["scripts"]);
  return {
    name: nameOf(directory, manifest),
    hasBuild: typeof scripts["build"] === "string",
    install: installCommand(directory, manifest),
    start: startCommand(directory, manifest, scripts),
  };
}

function readManifest(directory: string): Readonly<Record<string, unknown>> {
  const path = join(directory, "package.json");
  if (!existsSync(path)) return {};
  try {
    return properties(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw invalid(`${path} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function nameOf(directory: string, manifest: Readonly<Record<string, unknown>>): string {
  const declared = manifest["name"];
  const name = typeof declared === "string" ? declared : basename(resolve(directory));
  const label = name
    .replace(/^@[^/]*\//, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, LABEL_CHARACTERS_MAX)
    .replaceAll(/^-+|-+$/g, "");
  return label === "" ? "app" : label;
}

function installCommand(
  directory: string,
  manifest: Readonly<Record<string, unknown>>,
): Application["install"] {
  const hasDependencies = DEPENDENCIES.some((key) => Object.keys(properties(manifest[key])).length > 0);
  if (!hasDependencies) return undefined;
  const isLocked = LOCK_FILES.some((name) => existsSync(join(directory, name)));
  return isLocked ? "npm ci" : "npm install";
}

function startCommand(
  directory: string,
  manifest: Readonly<Record<string, unknown>>,
  scripts: Readonly<Record<string, unknown>>,
): string {
  const { start } = scripts;
  if (typeof start === "string") return start;
  const main = manifest["main"];
  const entries = typeof main === "string" ? [main, ...ENTRIES] : ENTRIES;
  const entry = entries.find((name) => existsSync(join(directory, name)));
  if (entry !== undefined) return `node ${JSON.stringify(entry)}`;
  throw invalid(
    `Nothing in ${directory} can be started: give its package.json a "start" script that runs a server on the port in ` +
      `the environment variable PORT, or add a server.js.`,
  );
}

function invalid(message: string): TerminalError {
  return new TerminalError(message, { code: "application_invalid", status: 400 });
}
