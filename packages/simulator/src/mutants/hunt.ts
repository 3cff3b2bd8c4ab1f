/** `npm run sim:mutants`: puts each seeded bug into the product and looks how long the simulator takes to notice. */
import { runBatch } from "../batch/batch.ts";
import type { FoundFailure } from "../batch/seed-report.ts";
import { MAIN } from "../batch/simulate.ts";
import type { Mutant } from "./mutant.ts";
import { mutants } from "./mutants.ts";

/** Seeds and time that a mutant has to escape. */
const SEEDS_MAX = 3_000;
const SECONDS_MAX = 240;
/** The same seeds for everybody, so that the table can be had again. */
const BASE = "mutants";
const JOBS = 2;

export type Hunted = {
  readonly mutant: Mutant;
  readonly found: FoundFailure | undefined;
  readonly seconds: number;
  readonly seeds: number;
};

export async function huntMutants(options: { readonly only?: string | undefined }): Promise<number> {
  const chosen = mutants.filter(({ name }) => options.only === undefined || name.includes(options.only));
  const table: Hunted[] = [];
  for (const mutant of chosen) {
    const hunted = await hunt(mutant);
    table.push(hunted);
    console.log(rowOf(hunted));
  }
  const found = table.filter((hunted) => hunted.found !== undefined).length;
  console.log(`\n${found} of ${table.length} mutants found`);
  return found === table.length && table.length > 0 ? 0 : 1;
}

async function hunt(mutant: Mutant): Promise<Hunted> {
  const began = performance.now();
  const report = await runBatch({
    main: MAIN,
    base: BASE,
    seeds: SEEDS_MAX,
    seconds: SECONDS_MAX,
    jobs: JOBS,
    failuresMax: 1,
    mutant: mutant.name,
    onFailure: () => {},
  });
  // The first in the order of seeds, whichever process was faster.
  const [found] = report.failures.sort((a, b) => numberOf(a.seed) - numberOf(b.seed));
  return { mutant, found, seconds: (performance.now() - began) / 1_000, seeds: report.seeds };
}

function numberOf(seed: string): number {
  return Number(seed.slice(seed.lastIndexOf("-") + 1));
}

function rowOf({ mutant, found, seconds, seeds }: Hunted): string {
  const how = found === undefined ? "NOT FOUND" : `${found.id} at seed ${found.seed}`;
  return `| ${mutant.name} | ${mutant.breaks} | ${how} | ${seeds} | ${seconds.toFixed(1)} s |`;
}
