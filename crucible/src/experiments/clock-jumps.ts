/**
 * The wall clock of engine and handlers jumps while timers run and steps are retried. Going back, no timer may fire before its
 * time has really passed, and none may wait for the clock to come round again; going forward, all that is due ends.
 */
import { setTimeout as wait } from "node:timers/promises";

import { byLength, vacuous, type Experiment, type Finding, type Scope } from "../experiment.ts";
import { EngineProcess } from "../process/engine-process.ts";
import { FakeClock } from "../process/fake-clock.ts";
import { Trial } from "../workload/trial.ts";

const HOUR = 3_600;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;
/** Nothing is forgotten, however far the clock goes: it would look lost. */
const SETTINGS = {
  "retention.journal": `${90 * 365}d`,
  "retention.idempotency": `${90 * 365}d`,
  "retention.workflow": `${90 * 365}d`,
};
const ZONES = ["UTC", "Pacific/Kiritimati", "America/New_York"] as const;
const LOAD_MS = 400;

export const clockJumps: Experiment = {
  name: "clock",
  tries:
    "wall clock back 1 h and 1 d, forward 1 h, 1 d and 10 y, other time zones, during timers and retries",
  minutes: 0.5,
  needs: ["faketime"],
  run,
};

type Direction = {
  readonly name: string;
  readonly offsets: readonly number[];
  readonly wakeUps: "elapsed" | "unchecked";
};

async function run(scope: Scope): Promise<Finding> {
  const directions: readonly Direction[] = [
    // Always backwards: each offset lies before the last one.
    {
      name: "back",
      offsets: byLength(scope, { short: [-HOUR], long: [-HOUR, -DAY, -2 * DAY, -2 * DAY - HOUR] }),
      wakeUps: "elapsed",
    },
    // Forwards a timer is due when the clock says so, however little time has really passed.
    {
      name: "forward",
      offsets: byLength(scope, { short: [10 * YEAR], long: [HOUR, DAY, 10 * YEAR] }),
      wakeUps: "unchecked",
    },
  ];
  const findings: Jumped[] = [];
  for (const direction of directions) findings.push(await jump(scope, direction));
  const sum = (read: (finding: Jumped) => number): number =>
    findings.reduce((total, finding) => total + read(finding), 0);
  return {
    rounds: sum(({ jumps }) => jumps),
    faults: sum(({ hit }) => hit),
    verified: sum(({ trial }) => trial.verifier.verified),
    violations: findings.flatMap(({ trial }) => trial.verifier.violations),
    notes: [
      `${sum(({ trial }) => trial.verifier.seen.naps)} timers, ${sum(({ trial }) => trial.verifier.seen.executions)} executions of steps`,
    ],
    vacuous: vacuous(
      [sum(({ hit }) => hit) === sum(({ jumps }) => jumps), "a jump hit nothing in flight"],
      [findings.every(({ trial }) => trial.verifier.seen.naps > 5), "hardly any timer ran"],
    ),
  };
}

type Jumped = { readonly trial: Trial; readonly jumps: number; readonly hit: number };

async function jump(scope: Scope, { name, offsets, wakeUps }: Direction): Promise<Jumped> {
  const { directory, random } = scope;
  const clock = new FakeClock(directory.file(`${name}-clock`));
  const environment = clock.environment();
  await using trial = await Trial.begin({ directory, random, name, wakeUps, environment });
  let hit = 0;
  let isRegistered = false;
  for (const [index, offset] of offsets.entries()) {
    const zone = ZONES[index % ZONES.length] ?? "UTC";
    const engine = await EngineProcess.start({
      directory: trial.data,
      settings: SETTINGS,
      environment: { ...environment, TZ: zone },
    });
    try {
      if (!isRegistered) await trial.register(engine);
      isRegistered = true;
      const load = trial.load(engine);
      await wait(LOAD_MS);
      if (load.succeeded > 0 && load.inFlight > 0) hit += 1;
      clock.shift(String(offset));
      await wait(LOAD_MS);
      await load.stop(5_000);
      await trial.verifier.settle(engine.ingressUrl);
    } finally {
      await engine.kill();
    }
  }
  return { trial, jumps: offsets.length, hit };
}
