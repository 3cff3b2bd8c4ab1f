/** What Holdfast wants to reach, and whether it did in this run. Printed, and never enforced unless somebody asks. */
import type { ContenderName } from "../contenders/contender.ts";
import type { Floor } from "../machine/floor.ts";
import { pairedRatio } from "./ratio.ts";
import { figuresOf, type Figures, type GoalRecord, type ScenarioRecord } from "./results.ts";

interface Goal {
  readonly scenario: string;
  /** Undefined: at every number of connections. */
  readonly connections?: number;
  readonly text: string;
  /** Undefined when it was not measured. */
  readonly value: (measured: Measured) => number | undefined;
  readonly isMet: (value: number) => boolean;
}

interface Measured {
  readonly figures: Figures;
  readonly record: ScenarioRecord;
  readonly floor: Floor;
}

const SYNCS_OF_TEN_STEPS = 12;

const atMost =
  (limit: number) =>
  (value: number): boolean =>
    value <= limit;
const atLeast =
  (limit: number) =>
  (value: number): boolean =>
    value >= limit;

const GOALS: readonly Goal[] = [
  times("empty", 12, "restate", 50),
  {
    scenario: "empty",
    connections: 1,
    text: "median at most 0.8 ms",
    value: ({ figures }) => figures.latency?.p50,
    isMet: atMost(0.8),
  },
  times("steps-10", 12, "restate", 50),
  {
    scenario: "steps-10",
    connections: 1,
    text: "median at most 4 ms",
    value: ({ figures }) => figures.latency?.p50,
    isMet: atMost(4),
  },
  {
    scenario: "steps-10",
    connections: 1,
    text: "median at most twice as long as 12 bare fdatasync calls",
    value: ({ figures, floor }) =>
      figures.latency === undefined ? undefined : figures.latency.p50 / (SYNCS_OF_TEN_STEPS * floor.p50),
    isMet: atMost(2),
  },
  ...["empty", "steps-10", "call"].map((scenario) => sdkTimes(scenario, 2, 50)),
  ...["call", "object-hot", "object-many", "send", "fan-out", "sleep", "awakeable", "payload"].flatMap(
    (scenario) => [times(scenario, 10, "restate"), times(scenario, 10, "dbos")],
  ),
  {
    scenario: "long-journal",
    text: "a late step costs at most 1.2 times an early one",
    value: ({ figures }) => figures.median,
    isMet: atMost(1.2),
  },
  extra("long-journal", "replayMs", "replay of 10,000 steps in at most 100 ms", atMost(100)),
  {
    scenario: "sleepers",
    text: "at most 600 MB resident",
    value: ({ figures }) => megabytesOf(figures.extra?.["residentMiB"]),
    isMet: atMost(600),
  },
  extra("sleepers", "bytesOfLogEach", "at most 250 bytes of log each", atMost(250)),
  extra("sleepers", "bytesOfStoreEach", "at most 1,024 bytes of store each", atMost(1_024)),
  extra("sleepers", "answersAfterKillMs", "answers at most 5 s after kill -9", atMost(5_000)),
  {
    scenario: "sleepers",
    text: "every sleeper wakes, and once",
    value: ({ figures }) => wrongWakes(figures),
    isMet: (value) => value === 0,
  },
  ...["open-empty", "open-steps-10"].flatMap((scenario) => [
    extra(scenario, "p99OverP50", "p99 at most 5 times p50", atMost(5)),
    extra(scenario, "longestPauseMs", "no pause over 50 ms", atMost(50)),
  ]),
  {
    scenario: "idle-memory",
    text: "at most 90 MB resident",
    value: ({ figures }) => (figures.residentBytes?.server ?? 0) / 1e6,
    isMet: atMost(90),
  },
  median("start-up", "ready at most 300 ms after the start", atMost(300)),
  median("npm-start", "shows progress within 1 s", atMost(1_000)),
  median("embedded", "at least 30,000 steps per second", atLeast(30_000)),
  median("step-cpu", "at most 15 µs", atMost(15)),
];

export function goalsOf(record: ScenarioRecord, floor: Floor): readonly GoalRecord[] {
  const figures = figuresOf(record.holdfast);
  if (figures === undefined) return [];
  return GOALS.flatMap((goal) => {
    if (goal.scenario !== record.name) return [];
    if (goal.connections !== undefined && goal.connections !== record.connections) return [];
    const value = goal.value({ figures, record, floor });
    return value === undefined ? [] : [{ text: goal.text, met: goal.isMet(value), value }];
  });
}

function times(scenario: string, factor: number, peer: ContenderName, connections?: number): Goal {
  return {
    scenario,
    text: `at least ${factor} times ${peer}`,
    value: ({ record }) => record.ratio[peer]?.median,
    isMet: atLeast(factor),
    ...(connections === undefined ? {} : { connections }),
  };
}

/** The same program with Restate's SDK, on Holdfast and on Restate, by rounds. */
function sdkTimes(scenario: string, factor: number, connections: number): Goal {
  const byRound = (figures: Figures | undefined): ReadonlyMap<number, number> =>
    new Map(figures?.measurements.map(({ round, value }) => [round, value]));
  return {
    scenario,
    connections,
    text: `Restate's SDK: at least ${factor} times restate`,
    value: ({ record: { peers, better } }) => {
      const ours = byRound(figuresOf(peers["holdfast-restate-sdk"]));
      return pairedRatio(ours, byRound(figuresOf(peers.restate)), better)?.median;
    },
    isMet: atLeast(factor),
  };
}

function median(scenario: string, text: string, isMet: (value: number) => boolean): Goal {
  return { scenario, text, value: ({ figures }) => figures.median, isMet };
}

function extra(scenario: string, name: string, text: string, isMet: (value: number) => boolean): Goal {
  return { scenario, text, value: ({ figures }) => figures.extra?.[name], isMet };
}

function megabytesOf(mebibytes: number | undefined): number | undefined {
  return mebibytes === undefined ? undefined : (mebibytes * 2 ** 20) / 1e6;
}

/** Sleepers that never woke, and wakes of those that had woken before. Undefined when they were not told apart. */
function wrongWakes({ extra: { missing, doubles } = {} }: Figures): number | undefined {
  return missing === undefined || doubles === undefined ? undefined : missing + doubles;
}

export function goalScenarios(): readonly string[] {
  return GOALS.map(({ scenario }) => scenario);
}
