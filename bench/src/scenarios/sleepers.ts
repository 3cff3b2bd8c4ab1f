/** Scenario 11: very many invocations that sleep. What they cost, whether a crash forgets any, whether all wake. */
import { setTimeout as wait } from "node:timers/promises";

import type { RunningContender } from "../contenders/contender.ts";
import type { RequestShape } from "../http/request-template.ts";
import { directoryBytes, LogMeter } from "../machine/directory-bytes.ts";
import { until } from "../process/until.ts";
import { usageOf } from "../process/usage.ts";
import type { Cell, Stage } from "./cell.ts";
import { notInQuickRun } from "./load-cells.ts";
import { measureLoad } from "./measure-load.ts";
import type { Measurement } from "./measurement.ts";
import { post } from "./post.ts";

/** How many sleep, in the full and in the quick run. */
const SLEEPERS = { holdfast: 1_000_000, holdfastQuick: 20_000, peer: 50_000, peerQuick: 1_000 };
const QUICK_DELAYED = 5_000;
/** Slower than anybody was seen to create them: all must sleep, and the server be killed, before the first wakes. */
const CREATED_PER_SECOND_MIN = { holdfast: 2_500, peer: 300 };
const SLEEP_MS_MIN = 6_000;
const MS_PER_SECOND = 1_000;
const CONNECTIONS = 50;
/** Handlers that sleep are given up in the background, and checkpoints are taken every ten seconds. */
const SETTLE_MS = 15_000;
const QUICK_SETTLE_MS = 2_000;
const WAKE_MS_MAX = 900_000;
/** All are due and none woke for so long: the others will not. */
const STALLED_MS = 120_000;
const KIB = 1024;
const MIB = KIB * KIB;

type Way = "sleep" | "delay";

interface Woken {
  /** How often a sleeper woke. */
  readonly times: number;
  /** How many different ones did. */
  readonly sleepers: number;
}

export const sleeperCells: readonly Cell[] = [
  {
    scenario: "sleepers",
    title: "handlers that sleep: KiB of resident memory per sleeper when all do",
    connections: CONNECTIONS,
    unit: "KiB",
    better: "lower",
    roundsMax: 1,
    measure: (stage) => measureSleepers(stage, "sleep"),
  },
  {
    scenario: "sleepers-delayed",
    title: "sends that are delayed: KiB of resident memory per send when all wait",
    connections: CONNECTIONS,
    unit: "KiB",
    better: "lower",
    roundsMax: 1,
    lacks: notInQuickRun,
    measure: (stage) => measureSleepers(stage, "delay"),
  },
];

function sleepersFor({ contender, quick, sleepers }: Stage, way: Way): number {
  if (sleepers !== undefined) return sleepers;
  if (contender.name !== "holdfast") return quick ? SLEEPERS.peerQuick : SLEEPERS.peer;
  if (!quick) return SLEEPERS.holdfast;
  return way === "sleep" ? SLEEPERS.holdfastQuick : QUICK_DELAYED;
}

async function measureSleepers(stage: Stage, way: Way): Promise<Measurement> {
  const running = await stage.fresh();
  const sleepers = sleepersFor(stage, way);
  const perSecond = CREATED_PER_SECOND_MIN[running.name === "holdfast" ? "holdfast" : "peer"];
  const settleMs = stage.quick ? QUICK_SETTLE_MS : SETTLE_MS;
  const sleepMs = SLEEP_MS_MIN + settleMs + Math.ceil(sleepers / perSecond) * MS_PER_SECOND;
  const residentBefore = memoryOf(running);
  const bytesBefore = directoryBytes(running.dataDirectory);
  const log = running.logDirectory === undefined ? undefined : new LogMeter(running.logDirectory);
  // Short keys, because they are part of what is kept: no other measurement uses this server.
  const { measurement } = await measureLoad(
    { ...stage, tag: "" },
    {
      running,
      request: requestOf(way, sleepMs),
      connections: CONNECTIONS,
      pace: {
        kind: "closed",
        warmupMs: 0,
        durationMs: 0,
        operationsMin: 0,
        operationsExactly: sleepers,
      },
    },
  );
  const allDueAt = performance.now() + sleepMs;
  await wait(settleMs);
  const resident = memoryOf(running);
  const logBytes = log?.stop();
  const bytes = directoryBytes(running.dataDirectory) - bytesBefore;
  const store =
    running.logDirectory === undefined
      ? undefined
      : directoryBytes(running.dataDirectory) - directoryBytes(running.logDirectory);
  const early = await wokenOf(running);

  await running.killServer();
  const killedAt = performance.now();
  await running.restartServer();
  await post(running, "/bench/empty");
  const answersAfterMs = performance.now() - killedAt;
  const residentAfterRestart = memoryOf(running);

  // Handlers that died with the engine begin to count anew.
  const lost = running.forceReplay === undefined ? 0 : early.sleepers;
  const woken = await wokenInTheEnd(running, sleepers - lost, allDueAt, settleMs);
  return {
    ...measurement,
    // Contenders have different numbers of sleepers, so their totals cannot be compared.
    value: resident / KIB / sleepers,
    extra: {
      sleepers,
      residentMiB: resident / MIB,
      createdPerSecond: measurement.value,
      idleMiB: residentBefore / MIB,
      bytesOfMemoryEach: (resident - residentBefore) / sleepers,
      ...(logBytes === undefined ? {} : { bytesOfLogEach: logBytes / sleepers }),
      ...(store === undefined ? {} : { bytesOfStoreEach: store / sleepers }),
      bytesOnDiskEach: bytes / sleepers,
      answersAfterKillMs: answersAfterMs,
      afterRestartMiB: residentAfterRestart / MIB,
      wokenBeforeKill: early.times,
      woken: lost + woken.times,
      // Which ones woke in handlers that died is not known, so neither is whether they woke again.
      ...(lost > 0 ? {} : { missing: sleepers - woken.sleepers, doubles: woken.times - woken.sleepers }),
    },
  };
}

function requestOf(way: Way, sleepMs: number): RequestShape {
  return way === "sleep"
    ? { method: "POST", path: "/bench/sleeper/send", body: `[${sleepMs},"{key}"]` }
    : { method: "POST", path: `/bench/sleeper/send?delay=${sleepMs}ms`, body: '[1,"{key}"]' };
}

/** What keeps sleepers is the server; DBOS keeps them in the process of the handlers. */
function memoryOf(running: RunningContender): number {
  const server = usageOf(running.pids("server")).residentBytes;
  return running.forceReplay === undefined
    ? server
    : server + usageOf(running.pids("handlers")).residentBytes;
}

/** Waits until so many different ones have woken, or no further one does, and then for those that wake twice. */
async function wokenInTheEnd(
  running: RunningContender,
  wanted: number,
  allDueAt: number,
  settleMs: number,
): Promise<Woken> {
  let most = 0;
  let newestAt = allDueAt;
  await until("the waking of all sleepers", WAKE_MS_MAX, async () => {
    const { sleepers } = await wokenOf(running);
    const now = performance.now();
    if (sleepers > most) {
      most = sleepers;
      newestAt = Math.max(now, allDueAt);
    }
    return sleepers >= wanted || now - newestAt > STALLED_MS ? true : undefined;
  });
  await wait(settleMs);
  return wokenOf(running);
}

async function wokenOf(running: RunningContender): Promise<Woken> {
  const { counts, distinct } = await running.control();
  return { times: counts["woken"] ?? 0, sleepers: distinct["woken"] ?? 0 };
}
