/** JSON from the command line: written there, in a file, or on stdin. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { decodeValue } from "@holdfast/protocol";

import { usageError } from "./cli-error.ts";
import type { Environment } from "./environment.ts";

export const JSON_HELP = "JSON, @FILE to read it from a file, or - for stdin";

/** The value that a text stands for. Undefined for no text at all. */
export async function readValue(
  given: string | undefined,
  what: string,
  environment: Environment,
): Promise<unknown> {
  const text = await readText(given, what, environment);
  if (text === undefined) return undefined;
  parseJson(text, what);
  try {
    return decodeValue(new TextEncoder().encode(text));
  } catch (error) {
    throw usageError(`The ${what} cannot be read: ${messageOf(error)}`, {
      hint: "Objects whose key begins with $ stand for what JSON does not have, such as dates: docs/decisions/protocol-values.md.",
    });
  }
}

/** The JSON itself, for places that take values in their stored form. */
export async function readJson(
  given: string | undefined,
  what: string,
  environment: Environment,
): Promise<unknown> {
  const text = await readText(given, what, environment);
  return text === undefined ? undefined : parseJson(text, what);
}

/** Throws a usage error that says how it is written. */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const isWord = /^[^\s{}[\]"]+$/.test(text);
    throw usageError(`The ${what} is not JSON: ${messageOf(error)}`, {
      hint: isWord
        ? `A text is written with its quotes: '"${text}"'.`
        : `Put it in single quotes, so that the shell leaves its double quotes alone: '{"name":"Ada"}'.`,
    });
  }
}

async function readText(
  given: string | undefined,
  what: string,
  environment: Environment,
): Promise<string | undefined> {
  if (given === undefined) return undefined;
  const text = given === "-" ? await readAll(environment) : await readIfFile(given, what, environment);
  return text.trim() === "" ? undefined : text;
}

async function readIfFile(given: string, what: string, environment: Environment): Promise<string> {
  if (!given.startsWith("@")) return given;
  try {
    return await readFile(resolve(environment.directory, given.slice(1)), "utf8");
  } catch (error) {
    throw usageError(`The ${what} cannot be read: ${messageOf(error)}`);
  }
}

async function readAll({ stdin }: Environment): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stdin) {
    text += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
