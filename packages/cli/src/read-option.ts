/** Values of options that are more than text. */
import { parseDuration, type Duration } from "@holdfast/protocol";

import { usageError } from "./cli-error.ts";

/** A whole number from 1. */
export function readCount(text: string | undefined, option: string, fallback: number): number {
  if (text === undefined) return fallback;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count > 0) return count;
  throw usageError(`${option} "${text}" is not a whole number from 1`);
}

/** A whole number from 0. */
export function readIndex(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw usageError(`${option} "${text}" is not a whole number from 0`);
}

/** 0 takes any free port. */
export function readPort(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw usageError(`${option} "${text}" is not a port`, {
    hint: "Ports are 0 to 65535; 0 takes any free one.",
  });
}

export function readDuration(text: string | undefined, option: string): Duration | undefined {
  if (text === undefined) return undefined;
  if (parseDuration(text) !== undefined) return text as Duration;
  throw usageError(`${option} "${text}" is not a duration`, { hint: "Write 90s, 1h30m, 3d or PT1H30M." });
}

/** "name: value", as many as there are. */
export function readHeaders(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map((text) => splitAt(text, ":", "--header", "name: value")));
}

/** "name=value", as many as there are. */
export function readPairs(texts: readonly string[], option: string): Readonly<Record<string, string>> {
  return Object.fromEntries(texts.map((text) => splitAt(text, "=", option, "name=value")));
}

function splitAt(text: string, separator: string, option: string, form: string): [string, string] {
  const at = text.indexOf(separator);
  if (at > 0) return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  throw usageError(`${option} "${text}" is not of the form ${form}`);
}
