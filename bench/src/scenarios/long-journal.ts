/** Scenario 10: one invocation of very many steps. Does a step cost more the more there were before it? */
import { setTimeout as wait } from "node:timers/promises";

import type { RunningContender } from "../contenders/contender.ts";
import { until } from "../process/until.ts";
import type { Cell, Stage } from "./cell.ts";
import type { Measurement } from "./measurement.ts";
import { post } from "./post.ts";

const STEPS = 10_000;
/** In the quick run peers do fewer: they need minutes for all. */
const QUICK_PEER_STEPS = 1_000;
const RUN_MS_MAX = 600_000;
const REPLAY_MS_MAX = 120_000;
/** The handler is suspended after a second of silence. */
const SUSPENDED_AFTER_MS = 3_000;

export const longJournalCells: readonly Cell[] = [
  {
    scenario: "long-journal",
    title: "one invocation of 10,000 steps: what one of the last 500 costs, in those of the beginning",
    connections: 1,
    unit: "ratio",
    better: "lower",
    roundsMax: 2,
    quickRoundsMax: 1,
    measure: measureLongJournal,
  },
];

async function measureLongJournal(stage: Stage): Promise<Measurement> {
  const running = await stage.running();
  const steps = stage.quick && running.name !== "holdfast" ? QUICK_PEER_STEPS : STEPS;
  const key = `${stage.tag}long`;
  await post(running, `/long/${key}/run/send`, String(steps));
  const awakeable = await noteOf(running, `awakeable ${key}`, RUN_MS_MAX);
  const notes = (await running.control()).notes;
  const earlyMs = Number(notes[`early ${key}`]);
  const lateMs = Number(notes[`late ${key}`]);

  const replayMs = await replay(running, String(awakeable), key);
  return {
    value: lateMs / earlyMs,
    extra: { steps, earlyStepMs: earlyMs, lateStepMs: lateMs, ...replayMs },
  };
}

async function replay(
  running: RunningContender,
  awakeable: string,
  key: string,
): Promise<{ readonly replayMs: number; readonly wakeToReplayedMs: number }> {
  if (running.forceReplay === undefined) await wait(SUSPENDED_AFTER_MS);
  const wokenAt = performance.now();
  if (running.forceReplay === undefined) {
    await post(running, `/restate/awakeables/${awakeable}/resolve`, '"ok"');
  } else {
    await running.forceReplay();
  }
  const replayMs = Number(await noteOf(running, `replay ${key}`, REPLAY_MS_MAX));
  const wakeToReplayedMs = performance.now() - wokenAt;
  if (running.forceReplay !== undefined) {
    await post(running, `/restate/awakeables/${awakeable}/resolve`, '"ok"');
  }
  return { replayMs, wakeToReplayedMs };
}

function noteOf(running: RunningContender, name: string, msMax: number): Promise<number | string> {
  return until(`the note "${name}"`, msMax, async () => (await running.control()).notes[name]);
}
