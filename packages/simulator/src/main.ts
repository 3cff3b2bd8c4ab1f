/** The simulator's command: `npm run sim`, see HELP. */
import { parseArgs } from "node:util";

import { UsageError } from "./command-options.ts";

const HELP = `Runs Holdfast in simulated worlds and says which promise was broken, if any.

  npm run sim -- [options]

  --seeds N       ends after so many seeds
  --minutes M     ends after so long; default 1, with --seeds none
  --jobs N        processes; default one for each processor, at most 2
  --base TEXT     seeds are TEXT-0, TEXT-1 and so on; default: made of the time, so that they are fresh
  --write         puts the figures into docs/reliability.md

  --seed SEED     runs one seed; when it fails, leaves out of it what its failure does not need
  --plan FILE     runs the plan in FILE, one of packages/simulator/regressions for instance
  --trace         prints everything that happened, and leaves nothing out

  --mutants       looks whether each seeded bug is found (npm run sim:mutants)
  --only NAME     those whose name contains NAME
  --mutant NAME   puts one of them into the product first, for the other commands

Ends with 1 when a promise was broken, or when too little happened for that to mean anything.`;

const values = readOptions();

try {
  // Before anything of the product is loaded.
  if (values.mutant !== undefined) await putIn(values.mutant);
  process.exitCode = await carryOut();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function putIn(name: string): Promise<void> {
  const { mutants } = await import("./mutants/mutants.ts");
  const { applyMutant } = await import("./mutants/apply-mutant.ts");
  const mutant = mutants.find((each) => each.name === name);
  if (mutant === undefined) throw new UsageError(`There is no mutant "${name}"`);
  applyMutant(mutant);
}

async function carryOut(): Promise<number> {
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (values.worker !== undefined) {
    const { runShare } = await import("./batch/worker.ts");
    const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
    const share = JSON.parse(values.worker) as Parameters<typeof runShare>[0];
    print({ report: await runShare(share, (failure) => print({ failure })) });
    return 0;
  }
  if (values.mutants) {
    const { huntMutants } = await import("./mutants/hunt.ts");
    return huntMutants(values);
  }
  if (values.seed !== undefined || values.plan !== undefined) {
    for (const option of ["seeds", "minutes", "jobs", "base"] as const)
      if (values[option] !== undefined)
        throw new UsageError(`--${option} is for a batch, and means nothing with --seed or --plan`);
    const { replay } = await import("./replay.ts");
    return replay(values);
  }
  const { simulate } = await import("./batch/simulate.ts");
  return simulate(values);
}

function readOptions() {
  try {
    return parseArgs({
      options: {
        help: { type: "boolean", default: false },
        seeds: { type: "string" },
        minutes: { type: "string" },
        jobs: { type: "string" },
        base: { type: "string" },
        write: { type: "boolean", default: false },
        seed: { type: "string" },
        plan: { type: "string" },
        trace: { type: "boolean", default: false },
        mutants: { type: "boolean", default: false },
        only: { type: "string" },
        mutant: { type: "string" },
        // How a batch starts its processes.
        worker: { type: "string" },
      },
    }).values;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return process.exit(2);
  }
}
