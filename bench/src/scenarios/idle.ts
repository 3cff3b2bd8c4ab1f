/** Scenario 13: what a server costs that does nothing, and how soon it is there. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Child } from "../process/child.ts";
import { until } from "../process/until.ts";
import { usageOf } from "../process/usage.ts";
import type { Cell, Stage } from "./cell.ts";
import type { Measurement } from "./measurement.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const MIB = 1024 * 1024;
const SETTLE_MS = 2_000;
const FIRST_LINE_MS_MAX = 60_000;
/** What npm itself says before our program does begins with ">", and so does an empty line. */
const PROGRESS = /^(?!>)(?=.*\S).+$/m;

export const idleCells: readonly Cell[] = [
  {
    scenario: "idle-memory",
    title: "resident memory of a server that has handlers and nothing to do",
    connections: 0,
    unit: "MiB",
    better: "lower",
    roundsMax: 1,
    measure: measureMemory,
  },
  {
    scenario: "start-up",
    title: "from the start of the server on an empty directory to its first answer",
    connections: 0,
    unit: "ms",
    better: "lower",
    roundsMax: 3,
    quickRoundsMax: 1,
    measure: measureStartUp,
  },
  {
    scenario: "npm-start",
    title: "from npm start to its first line",
    connections: 0,
    unit: "ms",
    better: "lower",
    roundsMax: 3,
    quickRoundsMax: 2,
    lacks: (name) => (name === "holdfast" ? undefined : "it is Holdfast's own demonstration"),
    measure: measureNpmStart,
  },
];

async function measureMemory(stage: Stage): Promise<Measurement> {
  const running = await stage.fresh();
  await wait(SETTLE_MS);
  const server = usageOf(running.pids("server")).residentBytes;
  const handlers = usageOf(running.pids("handlers")).residentBytes;
  return { value: server / MIB, residentBytes: { server, handlers } };
}

async function measureStartUp(stage: Stage): Promise<Measurement> {
  const running = await stage.fresh();
  const emptyMs = running.readyMs;
  await running.killServer();
  await running.restartServer();
  return { value: emptyMs, extra: { againMs: running.readyMs } };
}

async function measureNpmStart(stage: Stage): Promise<Measurement> {
  const place = mkdtempSync(join(stage.directory, "npm-start-"));
  const child = new Child({
    command: process.platform === "win32" ? "npm.cmd" : "npm",
    args: ["start", "--", "--once", "--data", join(place, "data"), "--edge-port", "0", "--control-port", "0"],
    logFile: join(place, "npm-start.log"),
    directory: ROOT,
  });
  const startedAt = performance.now();
  try {
    await until(
      "the first line of npm start",
      FIRST_LINE_MS_MAX,
      () => PROGRESS.exec(child.log()) ?? undefined,
      2,
    );
    const firstLineMs = performance.now() - startedAt;
    await until("the end of npm start", FIRST_LINE_MS_MAX, () => (child.isOver ? true : undefined));
    return { value: firstLineMs, extra: { wholeMs: performance.now() - startedAt } };
  } finally {
    await child.stop();
  }
}
