/** The command line. */
import { parseArgs } from "node:util";

import type { Length } from "./experiment.ts";

export type Options = {
  readonly help: boolean;
  readonly length: Length;
  /** Names of experiments; empty: all. */
  readonly only: readonly string[];
  readonly seed: number;
  readonly json: string | undefined;
  readonly write: boolean;
};

export class OptionError extends Error {}

export const HELP = `Runs real processes under real faults and verifies every acknowledgement.

  npm run crucible -- [options]

  --short         seconds instead of minutes for each experiment; what npm test runs
  --only NAME     only this experiment (repeatable); --help lists them
  --seed N        repeats the choices of an earlier run
  --json FILE     writes all results to FILE
  --write         puts the table into docs/reliability.md
  --help`;

const SEED_MAX = 2 ** 32 - 1;

export function readOptions(args: readonly string[], names: readonly string[]): Options {
  const values = parse(args);
  const only = values.only ?? [];
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new OptionError(`There is no experiment "${unknown}". There are: ${names.join(", ")}.`);
  return {
    help: values.help ?? false,
    length: values.short === true ? "short" : "long",
    only,
    seed: readSeed(values.seed),
    json: values.json,
    write: values.write ?? false,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h" },
        short: { type: "boolean" },
        only: { type: "string", multiple: true },
        seed: { type: "string" },
        json: { type: "string" },
        write: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error));
  }
}

function readSeed(text: string | undefined): number {
  if (text === undefined) return Date.now() % SEED_MAX;
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0 && seed <= SEED_MAX) return seed;
  throw new OptionError(`--seed takes a whole number from 0 to ${SEED_MAX}, not "${text}"`);
}
