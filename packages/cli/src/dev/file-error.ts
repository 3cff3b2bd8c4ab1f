/** Errors of a services file, as its author needs them: what, where in their code, and what to do. */
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { isSea } from "node:sea";
import { fileURLToPath } from "node:url";

import type { FileError } from "./messages.ts";

const PLACES_SHOWN = 8;

export function fileError(error: unknown, directory: string): FileError {
  if (!(error instanceof Error)) return { message: `The file threw ${String(error)}`, places: [] };
  const lines = (error.stack ?? `${error.name}: ${error.message}`).split("\n");
  const firstFrame = lines.findIndex((line) => /^\s+at /.test(line));
  const head = firstFrame === -1 ? lines : lines.slice(0, firstFrame);
  const frames = firstFrame === -1 ? [] : lines.slice(firstFrame);
  const hint = hintFor(error);
  return {
    message: head
      .map((line) => withoutUrls(line, directory))
      .join("\n")
      .trim(),
    places: frames
      .filter((line) => !/\(?node:/.test(line) && !line.includes(OWN_SOURCES))
      .slice(0, PLACES_SHOWN)
      .map((line) => withoutUrls(line, directory).trim()),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The file that an import names and that is not there: when it appears, it is time to try again. */
export function missingFile(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("url" in error)) return undefined;
  const { url } = error;
  return typeof url === "string" && url.startsWith("file:") ? fileURLToPath(url) : undefined;
}

/** Inside the executable there is one source, under the name that tools/package gives it. */
const OWN_SOURCES = isSea() ? "holdfast.cjs:" : new URL("../", import.meta.url).href;

function withoutUrls(line: string, directory: string): string {
  const paths = line.replaceAll(/file:\/\/\/[^\s:)]+/g, (url) => fileURLToPath(url));
  const own = `${directory}/`;
  return paths.replaceAll(own, relative(directory, own) || "");
}

function hintFor(error: Error): string | undefined {
  const code = "code" in error ? error.code : undefined;
  if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") {
    return "Node takes the types away and compiles nothing: instead of an enum write a const object or a union of texts.";
  }
  const missing = missingFile(error);
  if (missing !== undefined) {
    const real = [`${missing}.ts`, missing.replace(/\.js$/, ".ts")].find((path) => existsSync(path));
    return real === undefined ? undefined : `Imports name the file as it is: there is ${real}.`;
  }
  const bare = /^Cannot find package '([^']+)'/.exec(error.message)?.[1];
  if (bare !== undefined) return `Install it: npm install ${bare}`;
  if (code === "EADDRINUSE") return "Another program has taken the port: choose one with --service-port.";
  return undefined;
}
