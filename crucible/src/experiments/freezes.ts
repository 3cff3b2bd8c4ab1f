/**
 * SIGSTOP of the engine or of the handlers' process under load, then SIGCONT: as a machine that is suspended, or a process that
 * waits for its memory. Whoever comes back must not act on what was given up meanwhile, and must catch up.
 */
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, withEngine, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess, EngineStartError } from "../process/engine-process.ts";
import { Trial } from "../workload/trial.ts";

const LOAD_MS = 300;
const EXIT_DIRECTORY_LOCKED = 11;
/** From the thaw until everything that was accepted has come to its end, ms. */
const CATCH_UP_MS_MAX = 60_000;

export const freezes: Experiment = {
  name: "freeze",
  tries: "SIGSTOP of engine or handlers for 1–60 s under load",
  minutes: 2,
  needs: [],
  run,
};

async function run(scope: Scope): Promise<Finding> {
  await using trial = await Trial.begin({ directory: scope.directory, random: scope.random });
  const { verifier } = trial;
  const frozen = byLength(scope, {
    short: [
      ["engine", 1_000],
      ["handlers", 1_000],
    ] as const,
    long: [
      ["engine", 1_000],
      ["handlers", 1_000],
      ["engine", 5_000],
      ["handlers", 15_000],
      ["engine", 60_000],
      ["handlers", 5_000],
      ["engine", 2_000],
    ] as const,
  });
  const options = { directory: trial.data };
  let inFlight = 0;
  let catchUpMs = 0;
  let refusals = 0;
  await withEngine(options, async (engine) => {
    await trial.register(engine);
    for (const [who, ms] of frozen) {
      const load = trial.load(engine);
      await wait(LOAD_MS);
      if (load.succeeded > 0 && load.inFlight > 0) inFlight += 1;
      const target = who === "engine" ? engine : trial.handlers;
      target.freeze();
      // Whoever believes the frozen one to be dead starts another on its directory.
      if (who === "engine") refusals += await secondStart(trial);
      await wait(ms);
      target.thaw();
      const thawedAt = performance.now();
      await wait(LOAD_MS);
      await load.stop(10_000);
      await verifier.settle(engine.ingressUrl);
      catchUpMs = Math.max(catchUpMs, performance.now() - thawedAt);
    }
  });
  if (catchUpMs > CATCH_UP_MS_MAX)
    verifier.report({ kind: "stuck", text: `it took ${catchUpMs.toFixed(0)} ms to catch up` });
  const engines = frozen.filter(([who]) => who === "engine").length;
  return {
    rounds: frozen.length,
    faults: inFlight,
    verified: verifier.verified,
    violations: verifier.violations,
    notes: [
      frozen.map(([who, ms]) => `${who} ${ms / 1_000} s`).join(", "),
      `caught up after at most ${(catchUpMs / 1_000).toFixed(1)} s`,
      `a second engine on the directory of the frozen one was refused ${refusals} of ${engines} times`,
    ],
    vacuous: vacuous(
      [inFlight === frozen.length, `only ${inFlight} of ${frozen.length} freezes hit requests in flight`],
      [verifier.verified > frozen.length * 5, `only ${verifier.verified} acknowledgements`],
    ),
  };
}

/** Returns 1 when it was refused, as it must be. */
async function secondStart({ data, verifier }: Trial): Promise<number> {
  try {
    const second = await EngineProcess.start({ directory: data });
    await second.kill();
    verifier.report({ kind: "wrong", text: "a second engine started on the directory of a frozen one" });
    return 0;
  } catch (error) {
    if (error instanceof EngineStartError && error.exit?.code === EXIT_DIRECTORY_LOCKED) return 1;
    throw error;
  }
}
