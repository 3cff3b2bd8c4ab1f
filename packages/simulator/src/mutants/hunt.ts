/**
 * `npm run sim:mutants`: puts each seeded bug into the product and looks how long the simulator takes to notice.
 *
 *   --only NAME  those whose name contains it
 *   --jobs N     so many mutants at a time, each hunted by one process; default 2
 *   --write      puts the table into docs/reliability.md
 */
import { availableParallelism } from "node:os";

import { writeSection } from "../../../../tools/document-section.ts";
import { runBatch } from "../batch/batch.ts";
import type { FoundFailure } from "../batch/seed-report.ts";
import { MAIN } from "../batch/simulate.ts";
import { numberOption, UsageError } from "../command-options.ts";
import type { Mutant } from "./mutant.ts";
import { mutants } from "./mutants.ts";

/** Seeds and time that a mutant has to escape. */
const SEEDS_MAX = 3_000;
const SECONDS_MAX = 240;
/** The same seeds for everybody, so that the table can be had again. */
const BASE = "mutants";
const JOBS_MAX = 2;

export type HuntOptions = {
  readonly only?: string | undefined;
  readonly jobs?: string | undefined;
  readonly write?: boolean;
};

export type Hunted = {
  readonly mutant: Mutant;
  readonly found: FoundFailure | undefined;
  /** Seeds that were run with the mutant, the one that found it included. */
  readonly seeds: number;
  readonly seconds: number;
  /** Seeds that fail without the mutant as well, and so say nothing. */
  readonly ignored: readonly string[];
};

export async function huntMutants(options: HuntOptions): Promise<number> {
  const chosen = chosenBy(options);
  const jobs = numberOption(options.jobs, "--jobs", Math.min(JOBS_MAX, availableParallelism()));
  const table = new Map<Mutant, Hunted>();
  const ahead = [...chosen];
  const huntOnAndOn = async (): Promise<void> => {
    for (let mutant = ahead.shift(); mutant !== undefined; mutant = ahead.shift()) {
      const hunted = await hunt(mutant, { seeds: SEEDS_MAX, seconds: SECONDS_MAX });
      table.set(mutant, hunted);
      console.log(lineOf(hunted));
    }
  };
  await Promise.all(Array.from({ length: jobs }, huntOnAndOn));
  const hunted = chosen.map((mutant) => table.get(mutant)).filter((each) => each !== undefined);
  const text = tableOf(hunted);
  console.log(`\n${text}`);
  if (options.write === true) writeSection("mutants", text);
  return hunted.every(({ found }) => found !== undefined) ? 0 : 1;
}

/** Throws a `UsageError` when there is none to hunt, or when the page would get a part of the table. */
export function chosenBy({ only, write }: HuntOptions): readonly Mutant[] {
  if (only === undefined) return mutants;
  const chosen = mutants.filter(({ name }) => name.includes(only));
  if (chosen.length === 0) throw new UsageError(`No mutant's name contains "${only}"`);
  if (write === true) throw new UsageError("--write needs the whole table: leave out --only");
  return chosen;
}

/** In the order of the seeds, by one process, so that the seed that finds it is the same each time. */
export async function hunt(
  mutant: Mutant,
  limit: { readonly seeds: number; readonly seconds: number },
): Promise<Hunted> {
  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1_000;
  const ignored: string[] = [];
  let seeds = 0;
  for (let first = 0; first < limit.seeds;) {
    const seconds = limit.seconds - elapsed();
    const report = await runOf({ first, end: limit.seeds, seconds, mutant: mutant.name });
    seeds += report.seeds;
    const [found] = report.failures;
    if (found === undefined) break;
    const number = numberOf(found.seed);
    const control = await runOf({ first: number, end: number + 1, seconds: limit.seconds });
    if (control.failures.length === 0) return { mutant, found, seeds, seconds: elapsed(), ignored };
    ignored.push(found.seed);
    first = number + 1;
  }
  return { mutant, found: undefined, seeds, seconds: elapsed(), ignored };
}

type Run = {
  readonly first: number;
  readonly end: number;
  readonly seconds: number;
  readonly mutant?: string;
};

function runOf({ first, end, seconds, mutant }: Run): ReturnType<typeof runBatch> {
  return runBatch({
    main: MAIN,
    base: BASE,
    first,
    seeds: end,
    seconds,
    jobs: 1,
    failuresMax: 1,
    ...(mutant === undefined ? {} : { mutant }),
    onFailure: () => {},
  });
}

function numberOf(seed: string): number {
  return Number(seed.slice(seed.lastIndexOf("-") + 1));
}

function lineOf({ mutant, found, seeds, seconds, ignored }: Hunted): string {
  const how =
    found === undefined ? "NOT FOUND" : `found at ${found.seed}: ${found.message.split("\n", 1)[0] ?? ""}`;
  const beside = ignored.length === 0 ? "" : `; ignored, since they fail without it: ${ignored.join(", ")}`;
  return `${mutant.name}: ${how} (${seeds} seeds, ${seconds.toFixed(1)} s)${beside}`;
}

export function tableOf(table: readonly Hunted[]): string {
  const found = table.filter((hunted) => hunted.found !== undefined).length;
  return [
    "| Seeded bug | What it breaks | Found by | Seed | Seeds until then | Time |",
    "|---|---|---|---|---:|---:|",
    ...table.map(rowOf),
    "",
    `${found} of ${table.length} found.`,
  ].join("\n");
}

function rowOf({ mutant, found, seeds, seconds }: Hunted): string {
  const [by, seed] = found === undefined ? ["**not found**", ""] : [found.id, `\`${found.seed}\``];
  return `| \`${mutant.name}\` | ${mutant.breaks} | ${by} | ${seed} | ${seeds} | ${seconds.toFixed(1)} s |`;
}
