/**
 * The simulator's command.
 *
 *   npm run sim                              fresh seeds for a minute
 *   npm run sim -- --seeds 500 --minutes 10  until there were so many, or time is up
 *   npm run sim -- --seed SEED --trace       one seed again, with everything that happened; a failure is shrunk
 *   npm run sim -- --plan FILE               a plan that was written down, e.g. one of regressions/
 *   npm run sim:mutants                      whether each seeded bug is found
 */
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    minutes: { type: "string" },
    jobs: { type: "string" },
    base: { type: "string" },
    seed: { type: "string" },
    plan: { type: "string" },
    trace: { type: "boolean", default: false },
    shrink: { type: "boolean", default: false },
    mutants: { type: "boolean", default: false },
    mutant: { type: "string" },
    only: { type: "string" },
    write: { type: "boolean", default: false },
    worker: { type: "string" },
  },
});

// Before anything of the product is loaded.
if (values.mutant !== undefined) {
  const { mutants } = await import("./mutants/mutants.ts");
  const { applyMutant } = await import("./mutants/apply-mutant.ts");
  const mutant = mutants.find(({ name }) => name === values.mutant);
  if (mutant === undefined) throw new Error(`There is no mutant "${values.mutant}"`);
  applyMutant(mutant);
}

if (values.worker !== undefined) {
  const { runShare } = await import("./batch/worker.ts");
  const print = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const share = JSON.parse(values.worker) as Parameters<typeof runShare>[0];
  print({ report: await runShare(share, (failure) => print({ failure })) });
} else if (values.mutants) {
  const { huntMutants } = await import("./mutants/hunt.ts");
  process.exitCode = await huntMutants(values);
} else if (values.seed !== undefined || values.plan !== undefined) {
  const { replay } = await import("./replay.ts");
  process.exitCode = await replay(values);
} else {
  const { simulate } = await import("./batch/simulate.ts");
  process.exitCode = await simulate(values);
}
