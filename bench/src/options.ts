/** The command line of the benchmark. */
import { parseArgs } from "node:util";

import type { ContenderName } from "./contenders/contender.ts";

export const CONTENDER_NAMES: readonly ContenderName[] = [
  "holdfast",
  "holdfast-restate-sdk",
  "restate",
  "restate-tuned",
  "dbos",
];
/** A tuned peer makes the quick run a third longer and says nothing about defaults. */
const QUICK_CONTENDERS: readonly ContenderName[] = ["holdfast", "restate", "dbos"];
const ROUNDS = 5;
const QUICK_ROUNDS = 3;
const ROUNDS_MAX = 100;

export interface Options {
  readonly help: boolean;
  readonly quick: boolean;
  readonly strict: boolean;
  readonly rounds: number;
  readonly contenders: readonly ContenderName[];
  /** Scenario names; empty: all. */
  readonly only: readonly string[];
  readonly json: string | undefined;
  readonly out: string | undefined;
  readonly report: string | undefined;
  readonly postgres: string | undefined;
  /** How many invocations sleep at a time, instead of the usual number for everybody. */
  readonly sleepers: number | undefined;
  /** Instead of the usual durations of one measurement, for smoke tests. */
  readonly durationMs: number | undefined;
}

export class OptionError extends Error {}

export const HELP = `Measures Holdfast and its peers side by side and prints medians and ratios.

  npm run bench -- [options]

  --quick              every scenario, shorter and smaller: less than five minutes on two cores
  --only NAME[,NAME]   only these scenarios; --help lists them
  --contenders A[,B]   of ${CONTENDER_NAMES.join(", ")}
  --rounds N           how often every measurement is repeated; default ${ROUNDS}, quick ${QUICK_ROUNDS}
  --duration MS        length of one measurement
  --sleepers N         how many invocations sleep in the scenarios of that name
  --postgres URL       the PostgreSQL that DBOS uses; default HOLDFAST_BENCH_POSTGRES, else one is started
  --json FILE          writes all results to FILE
  --out DIR            writes results to DIR/NAME.json, and plots and tables to docs/
  --report FILE[,FILE] makes plots and tables from results, measuring nothing; of several runs, their scenarios together
  --strict             exit code 1 when a goal is missed
  --help`;

export function readOptions(args: readonly string[], variables: NodeJS.ProcessEnv): Options {
  const { values } = parse(args);
  const quick = values.quick ?? false;
  return {
    help: values.help ?? false,
    quick,
    strict: values.strict ?? false,
    rounds: readCount("--rounds", values.rounds, ROUNDS_MAX) ?? (quick ? QUICK_ROUNDS : ROUNDS),
    contenders: readContenders(values.contenders) ?? (quick ? QUICK_CONTENDERS : CONTENDER_NAMES),
    only: namesIn(values.only),
    json: values.json,
    out: values.out,
    report: values.report,
    postgres: values.postgres ?? variables["HOLDFAST_BENCH_POSTGRES"],
    sleepers: readCount("--sleepers", values.sleepers, Number.MAX_SAFE_INTEGER),
    durationMs: readCount("--duration", values.duration, Number.MAX_SAFE_INTEGER),
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h" },
        quick: { type: "boolean" },
        strict: { type: "boolean" },
        rounds: { type: "string" },
        contenders: { type: "string" },
        only: { type: "string" },
        json: { type: "string" },
        out: { type: "string" },
        report: { type: "string" },
        postgres: { type: "string" },
        duration: { type: "string" },
        sleepers: { type: "string" },
      },
    });
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error));
  }
}

function readCount(option: string, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= max) return count;
  throw new OptionError(`${option} takes a whole number from 1 to ${max}, not "${text}"`);
}

function readContenders(text: string | undefined): readonly ContenderName[] | undefined {
  if (text === undefined) return undefined;
  const names = namesIn(text);
  const unknown = names.find((name) => !CONTENDER_NAMES.some((known) => known === name));
  if (unknown !== undefined)
    throw new OptionError(`There is no contender "${unknown}". There are: ${CONTENDER_NAMES.join(", ")}.`);
  return CONTENDER_NAMES.filter((name) => names.includes(name));
}

function namesIn(text: string | undefined): readonly string[] {
  return (text ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}
