/** The command line of the fuzzer. */
import { parseArgs } from "node:util";

export type Options = {
  readonly help: boolean;
  readonly targets: readonly string[];
  readonly minutes: number;
  readonly runs: number;
  readonly seed: number;
  readonly jobs: number;
  readonly write: boolean;
  readonly replay: string | undefined;
};

export class OptionError extends Error {}

const DEFAULT_MINUTES = 10;

export const HELP = `Gives every decoder inputs that nobody would send.

  npm run fuzz -- [options]

  --target NAME[,NAME]  only these; --help lists them
  --minutes M           time for each target; default ${DEFAULT_MINUTES}
  --runs N              ends a target after about so many inputs, if that is earlier
  --seed N              another seed, other inputs; default 1
  --jobs N              targets at a time; default 1
  --write               keeps the inputs that cover most (fuzz/corpus) and writes the table in docs/reliability.md
  --replay FILE         runs one input of one target, and shows what it finds
  --help`;

export function readOptions(args: readonly string[], known: readonly string[]): Options {
  const { values } = parse(args);
  const targets = values.target === undefined ? known : values.target.split(",");
  const unknown = targets.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new OptionError(`There is no target "${unknown}". There are: ${known.join(", ")}.`);
  if (values.replay !== undefined && targets.length !== 1)
    throw new OptionError("--replay needs --target NAME: the target that the input is for");
  return {
    help: values.help ?? false,
    targets,
    minutes: readNumber("--minutes", values.minutes) ?? DEFAULT_MINUTES,
    runs: readNumber("--runs", values.runs) ?? Number.POSITIVE_INFINITY,
    seed: readNumber("--seed", values.seed) ?? 1,
    jobs: readNumber("--jobs", values.jobs) ?? 1,
    write: values.write ?? false,
    replay: values.replay,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: "boolean", short: "h" },
        target: { type: "string" },
        minutes: { type: "string" },
        runs: { type: "string" },
        seed: { type: "string" },
        jobs: { type: "string" },
        write: { type: "boolean" },
        replay: { type: "string" },
      },
    });
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error));
  }
}

function readNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text !== "" && number > 0 && Number.isFinite(number)) return number;
  throw new OptionError(`${option} takes a number above 0, not "${text}"`);
}
