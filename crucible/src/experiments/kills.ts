/** `kill -9` of the engine, of the handlers' process, or of both, at random moments under load. */
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess } from "../process/engine-process.ts";
import { checkNapsInJournal } from "../workload/naps-in-journal.ts";
import { between, oneOf } from "../workload/random.ts";
import { Trial } from "../workload/trial.ts";

const LIFE_MS_MIN = 5;
const LIFE_MS_MAX = 500;
/** Everything is brought to its end after so many kills, and at the end. */
const SETTLE_EVERY = 100;
/** Small segments and frequent checkpoints: in so short a life the log rolls, is trimmed, and the store is written. */
const SETTINGS = { "log.segmentBytes": 262_144, "checkpoint.interval": 200, "checkpoint.dirtyRows": 500 };

type Victim = "engine" | "handlers" | "both";

export const kills: Experiment = {
  name: "kill-9",
  tries: "kill -9 of engine, handlers or both, 5–500 ms into load",
  minutes: 11,
  needs: [],
  run,
};

async function run(scope: Scope): Promise<Finding> {
  const { random, directory, say } = scope;
  const rounds = byLength(scope, { short: 20, long: 1_000 });
  await using trial = await Trial.begin({ directory, random });
  const { verifier, acknowledgements } = trial;
  const options = { directory: trial.data, settings: SETTINGS };
  const killed: Record<Victim, number> = { engine: 0, handlers: 0, both: 0 };
  const restarts: number[] = [];
  let underLoad = 0;
  let engine = await EngineProcess.start(options);
  try {
    await trial.register(engine);
    for (let round = 1; round <= rounds; round++) {
      const load = trial.load(engine);
      // Squared: most of a life's interesting moments are near its start.
      await wait(LIFE_MS_MIN + random() ** 2 * (LIFE_MS_MAX - LIFE_MS_MIN));
      const victim = oneOf(random, ["engine", "engine", "engine", "handlers", "both"] as const);
      if (load.succeeded > 0 && load.inFlight > 0) underLoad += 1;
      killed[victim] += 1;
      if (victim === "handlers") {
        await trial.handlers.restart();
        await wait(between(random, 0, 50));
        await load.stop(2_000);
      } else {
        await Promise.all([engine.kill(), victim === "both" ? trial.handlers.kill() : undefined]);
        await load.stop(0);
        const [restarted] = await Promise.all([
          EngineProcess.start(options),
          victim === "both" ? trial.handlers.start() : undefined,
        ]);
        engine = restarted;
        restarts.push(engine.startMs);
      }
      await verifier.look(engine.ingressUrl);
      if (round % SETTLE_EVERY === 0) {
        await verifier.settle(engine.ingressUrl);
        say(`${round} kills, ${verifier.verified} acknowledgements verified`);
      }
    }
    await verifier.settle(engine.ingressUrl);
    await checkNapsInJournal(engine.adminUrl, acknowledgements, verifier);
  } finally {
    await engine.kill();
  }
  const { executions, naps } = verifier.seen;
  return {
    rounds,
    faults: underLoad,
    verified: verifier.verified,
    violations: verifier.violations,
    notes: [
      `${killed.engine} × engine, ${killed.handlers} × handlers, ${killed.both} × both`,
      `${acknowledgements.count} acknowledgements, ${executions} steps, ${naps} timers`,
      `restart: ${restartTimes(restarts)}`,
    ],
    vacuous: vacuous(
      [
        underLoad >= rounds / 2,
        `only ${underLoad} of ${rounds} kills hit after a success and with requests in flight`,
      ],
      [verifier.verified >= rounds, `only ${verifier.verified} acknowledgements for ${rounds} kills`],
      [executions > rounds && naps > 0, "hardly anything ran"],
    ),
  };
}

function restartTimes(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(0);
  return `median ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`;
}
