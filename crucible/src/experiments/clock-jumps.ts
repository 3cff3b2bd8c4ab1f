/**
 * The machine's wall clock is another one after each `kill -9`: engine and handlers are started again with timers and retries
 * pending. In a third part it is set while the engine runs. No timer may fire before its time has passed, and all must fire
 * once it has.
 */
import { renameSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, withEngine, type Experiment, type Finding, type Scope } from "../experiment.ts";
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
/** Between two settings of a running engine's clock, ms. */
const RUNNING_MS = 700;
/** Back last: what was set under the later clock has to end all the same. */
const RUNNING_JUMPS = [HOUR, -HOUR, DAY, 10 * YEAR, YEAR, -DAY] as const;

export const clockJumps: Experiment = {
  name: "clock",
  tries:
    "wall clock back 1 h and 1 d, forward 1 h, 1 d and 10 y, between two lives and under a running engine, other time zones, timers and retries pending",
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
  const running = await jumpWhileRunning(scope);
  const all = [forward, back, running];
  const sum = (read: (jumped: Jumped) => number): number =>
    all.reduce((total, jumped) => total + read(jumped), 0);
  const [jumps, hit] = [sum((jumped) => jumped.jumps), sum((jumped) => jumped.hit)];
  return {
    rounds: jumps,
    faults: hit,
    verified: sum(({ trial }) => trial.verifier.verified),
    violations: all.flatMap(({ trial }) => trial.verifier.violations),
    notes: [
      `${sum(({ naps }) => naps)} timers`,
      `${running.jumps} of the jumps under a running engine`,
      "a timer set before the clock goes back fires after its time, whatever the clock says",
    ],
    vacuous: vacuous(
      [hit === jumps, `only ${hit} of ${jumps} jumps hit something in flight`],
      [all.every(({ naps }) => naps > 3), "hardly any timer ran"],
    ),
  };
}

/** Preloads libfaketime. The monotonic clock stays the machine's, as it does when somebody sets the wall clock. */
const WALL_CLOCK_ONLY = {
  LD_PRELOAD: faketimeLibrary() ?? "",
  DONT_FAKE_MONOTONIC: "1",
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
};

function offsetText(seconds: number): string {
  return `${seconds >= 0 ? "+" : ""}${seconds}`;
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
      ...WALL_CLOCK_ONLY,
      FAKETIME: offsetText(offset),
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

/** Engine and handlers see one clock, as on one machine. Handlers that go by another clock are another matter. */
async function jumpWhileRunning(scope: Scope): Promise<Jumped> {
  const { directory, random } = scope;
  await using trial = await Trial.begin({ directory, random, name: "running", checkWakeUps: false });
  const clock = directory.file("clock");
  const setClock = (offset: number): void => {
    // In one step: libfaketime reads the file whenever somebody asks for the time.
    writeFileSync(`${clock}.new`, `${offsetText(offset)}\n`);
    renameSync(`${clock}.new`, clock);
  };
  setClock(0);
  // Without this, libfaketime looks into the file only every ten seconds.
  const environment = { ...WALL_CLOCK_ONLY, FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: "1" };
  const options = { directory: trial.data, settings: SETTINGS, environment };
  await trial.handlers.restart(environment);
  return await withEngine(options, async (engine) => {
    await trial.register(engine);
    const load = trial.load(engine);
    let hit = 0;
    for (const offset of RUNNING_JUMPS) {
      await wait(RUNNING_MS);
      if (load.succeeded > 0 && load.inFlight > 0) hit += 1;
      setClock(offset);
    }
    await wait(RUNNING_MS);
    await load.stop(5_000);
    await trial.verifier.settle(engine.ingressUrl);
    const naps = await checkNapsInJournal(engine.adminUrl, trial.acknowledgements, trial.verifier);
    return { trial, jumps: RUNNING_JUMPS.length, hit, naps };
  });
}
