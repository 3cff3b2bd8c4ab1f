/**
 * The machine's wall clock is another one after each `kill -9`: engine and handlers are started again with timers and retries
 * pending. No timer may fire before its time has passed, and all must fire once it has. (The clock is set between two lives: set under a running Node, libfaketime 0.9.10 deadlocks in a lock of its own.)
 */
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess } from "../process/engine-process.ts";
import { faketimeLibrary } from "../tools.ts";
import { checkNapsInJournal } from "../workload/naps-in-journal.ts";
import { Trial } from "../workload/trial.ts";

/** In seconds, as libfaketime takes offsets. */
const HOUR = 3_600;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
/** Nothing is forgotten, however far the clock goes: it would look lost. */
const FOR_EVER = `${90 * 365}d`;
const SETTINGS = {
  "retention.journal": FOR_EVER,
  "retention.idempotency": FOR_EVER,
  "retention.workflow": FOR_EVER,
  // Often enough that its own clock is in the store, not only in the log.
  "checkpoint.interval": 200,
};
const ZONES = ["UTC", "Pacific/Kiritimati", "America/New_York"] as const;
const LOAD_MS = 500;

export const clockJumps: Experiment = {
  name: "clock",
  tries:
    "wall clock back 1 h and 1 d, forward 1 h, 1 d and 10 y, other time zones, timers and retries pending",
  minutes: 0.5,
  needs: ["faketime"],
  run,
};

async function run(scope: Scope): Promise<Finding> {
  // The last life has an earlier clock than those before: what they left has to end all the same.
  const forward = await jump(
    scope,
    "forward",
    byLength(scope, { short: [0, 10 * YEAR], long: [0, HOUR, DAY, 10 * YEAR] }),
  );
  const back = await jump(
    scope,
    "back",
    byLength(scope, { short: [0, -DAY], long: [0, -HOUR, -DAY, -DAY - HOUR] }),
  );
  const both = [forward, back];
  const sum = (read: (jumped: Jumped) => number): number =>
    both.reduce((total, jumped) => total + read(jumped), 0);
  const [jumps, hit] = [sum((jumped) => jumped.jumps), sum((jumped) => jumped.hit)];
  return {
    rounds: jumps,
    faults: hit,
    verified: sum(({ trial }) => trial.verifier.verified),
    violations: both.flatMap(({ trial }) => trial.verifier.violations),
    notes: [
      `${sum(({ naps }) => naps)} timers`,
      "a timer set before the clock goes back fires after its time, whatever the clock says",
    ],
    vacuous: vacuous(
      [hit === jumps, `only ${hit} of ${jumps} jumps hit something in flight`],
      [both.every(({ naps }) => naps > 3), "hardly any timer ran"],
    ),
  };
}

type Jumped = { readonly trial: Trial; readonly jumps: number; readonly hit: number; readonly naps: number };

async function jump(scope: Scope, name: string, offsets: readonly number[]): Promise<Jumped> {
  const { directory, random } = scope;
  await using trial = await Trial.begin({ directory, random, name, checkWakeUps: false });
  let hit = 0;
  let naps = 0;
  for (const [index, offset] of offsets.entries()) {
    const isLast = index === offsets.length - 1;
    const environment = {
      LD_PRELOAD: faketimeLibrary() ?? "",
      FAKETIME: `${offset >= 0 ? "+" : ""}${offset}`,
      DONT_FAKE_MONOTONIC: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      TZ: ZONES[index % ZONES.length] ?? "UTC",
    };
    await trial.handlers.restart(environment);
    const engine = await EngineProcess.start({ directory: trial.data, settings: SETTINGS, environment });
    try {
      if (index === 0) await trial.register(engine);
      else await trial.verifier.look(engine.ingressUrl);
      const load = trial.load(engine);
      await wait(LOAD_MS);
      if (!isLast && load.succeeded > 0 && load.inFlight > 0) hit += 1;
      if (!isLast) await engine.kill();
      await load.stop(isLast ? 5_000 : 0);
      if (!isLast) continue;
      await trial.verifier.settle(engine.ingressUrl);
      naps = await checkNapsInJournal(engine.adminUrl, trial.acknowledgements, trial.verifier);
    } finally {
      await engine.kill();
    }
  }
  return { trial, jumps: offsets.length - 1, hit, naps };
}
